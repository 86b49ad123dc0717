package dev.lyne.client;

/** An event of a text that a teacher decodes. */
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

    /** End of a text by the student; everything that it was owed has come. */
    record Ended(long key) implements DecodeEvent {}

    /** Failure of a text for good; it is forgotten. */
    record Failed(long key, SequenceFailedException failure) implements DecodeEvent {}
}
