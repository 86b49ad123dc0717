package dev.lyne.client;

/** What a teacher tells of a text that it decodes. */
public sealed interface DecodeEvent {
    /** The text's key. */
    long key();

    /**
     * Some of its tokens: first those that the student took, then those that the teacher drew, in order.
     *
     * @param takenCount how many of them the student took
     * @param drawnIds the tokens drawn
     * @param logProbabilities of all of them, at temperature 1
     * @param proposalLogProbabilities of all of them under the proposal; −∞ outside it
     */
    @SuppressWarnings("ArrayRecordComponent") // contents are never compared
    record Answered(
            long key, int takenCount, int[] drawnIds, float[] logProbabilities, float[] proposalLogProbabilities)
            implements DecodeEvent {}

    /** It was ended by the student, and everything that it was owed has come. */
    record Ended(long key) implements DecodeEvent {}

    /** It failed for good, and is forgotten. */
    record Failed(long key, SequenceFailedException failure) implements DecodeEvent {}
}
