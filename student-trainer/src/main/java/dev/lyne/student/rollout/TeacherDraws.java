package dev.lyne.student.rollout;

import java.util.Optional;

/** A teacher that draws tokens of responses, and tells how probable tokens are that it is told. One thread uses it. */
public interface TeacherDraws extends AutoCloseable {
    /** Begins a response behind what the teacher sees of its prompt, under the prompt's key. */
    void begin(long key, int[] prompt);

    /**
     * Tells the tokens that were taken since the last call.
     *
     * @param draw whether the token after them is to be drawn
     */
    void tell(long key, int[] taken, boolean draw);

    /** Ends a response; {@link Answer#ended} comes after all that is owed. */
    void end(long key, int[] taken);

    /** The next answer, if one is there. */
    Optional<Answer> poll() throws InterruptedException;

    /** The next answer; waits for it. */
    Answer take() throws InterruptedException;

    @Override
    void close();

    /**
     * Answers to what was told of a response, in order.
     *
     * @param proposalLogProbabilities of the tokens taken, and then of the drawn one, under the teacher's proposal
     * @param drawn the drawn token, where one was asked for
     * @param ended whether nothing more comes
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
    record Answer(long key, double[] proposalLogProbabilities, Optional<Integer> drawn, boolean ended) {}
}
