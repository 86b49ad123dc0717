package dev.lyne.lm.generation;

/** What became of an {@link Extension}. */
public sealed interface Extended {
    /**
     * Answers to its labels but {@link Extension#NOTHING}, in order.
     *
     * @param ids the label, or what was drawn
     * @param logProbabilities of those ids, at temperature 1
     * @param proposalLogProbabilities of those ids under the proposal; −∞ outside it
     */
    @SuppressWarnings("ArrayRecordComponent") // contents are never compared
    record Answered(int[] ids, double[] logProbabilities, double[] proposalLogProbabilities) implements Extended {}

    /** The model's logits after the token at this position, which were asked for, are not finite. The sequence is of no more use. */
    record NotFinite(int position) implements Extended {}

    /**
     * There is no room for the keys and values; nothing was computed, and the sequence is as it was.
     *
     * @param wantedBytes what had to be had at once
     */
    record NoRoom(long wantedBytes) implements Extended {}
}
