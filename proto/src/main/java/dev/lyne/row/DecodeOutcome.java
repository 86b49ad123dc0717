package dev.lyne.row;

/** The outcome of a {@link DecodeItem}. */
public sealed interface DecodeOutcome {
    /**
     * Answers to the item's labels but {@link DecodeItem#NOTHING}, in order.
     *
     * @param ids the label, or what was drawn
     * @param logProbabilities of those ids, at temperature 1
     * @param proposalLogProbabilities of those ids under the proposal; −∞ outside it
     */
    @SuppressWarnings("ArrayRecordComponent") // contents are never compared
    record Answered(int[] ids, double[] logProbabilities, double[] proposalLogProbabilities) implements DecodeOutcome {}

    /** Logits that are not finite after the token at this position, which were asked for. The sequence is of no more use. */
    record NotFinite(int position) implements DecodeOutcome {}

    /**
     * Lack of room for the keys and values; nothing was computed, and the sequence is as it was.
     *
     * @param wantedBytes what had to be had at once
     */
    record NoRoom(long wantedBytes) implements DecodeOutcome {}
}
