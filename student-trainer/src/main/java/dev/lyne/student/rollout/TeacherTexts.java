package dev.lyne.student.rollout;

import java.util.List;

/** A teacher that continues prompts by itself. One thread uses it. */
public interface TeacherTexts extends AutoCloseable {
    /**
     * Returns the teacher's continuation of each prompt, in order: token ids, the stop token last where there is one.
     *
     * @param maxTokens most tokens of a continuation
     */
    List<int[]> of(List<Prompt> prompts, int maxTokens) throws InterruptedException;

    @Override
    void close();
}
