package dev.lyne.student.rollout;

import java.util.List;

/** Writer of responses. One thread uses it. */
public interface ResponseWriter extends AutoCloseable {
    /**
     * A response to each prompt, by the student as it stands, in order. Equal prompts of equal keys get equal responses from equal
     * students, whatever else is written with them.
     */
    List<Response> write(List<Prompt> prompts) throws InterruptedException;

    @Override
    void close();
}
