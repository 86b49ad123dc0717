package dev.lyne.client;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import java.util.List;

/**
 * Request that a stream of targets is opened with.
 *
 * @param selection which entries of each row are kept, and the temperatures τ to send c_τ for
 * @param precision how the rows are coded on their way
 * @param rawLogits whether rows carry the kept entries' logits and the log-sum-exp of all; not in compact precision
 * @param expectation the teacher meant
 * @param sameBits whether all replicas must have one execution fingerprint, so that it is nothing who answers
 * @param vouchedOnly whether rows are kept, so that each is to come once its teacher is known to be the one that was described
 */
public record TargetRequest(
        Selection selection,
        Precision precision,
        boolean rawLogits,
        TeacherExpectation expectation,
        boolean sameBits,
        boolean vouchedOnly) {
    public TargetRequest {
        if (rawLogits && precision == Precision.COMPACT) {
            throw new IllegalArgumentException("precision: compact with raw logits (expected: exact or half)");
        }
    }

    /** Rows to learn from as they come. */
    public TargetRequest(
            Selection selection,
            Precision precision,
            boolean rawLogits,
            TeacherExpectation expectation,
            boolean sameBits) {
        this(selection, precision, rawLogits, expectation, sameBits, false);
    }

    /** Constructs a request to whatever replica of the teacher. */
    public TargetRequest(Selection selection, Precision precision, boolean rawLogits, TeacherExpectation expectation) {
        this(selection, precision, rawLogits, expectation, false);
    }

    /** Exact log-probabilities, without raw logits. */
    public TargetRequest(Selection selection, TeacherExpectation expectation) {
        this(selection, Precision.EXACT, false, expectation);
    }

    /** The k most probable tokens of each row, exact. */
    public static TargetRequest topK(int k, List<Float> temperatures, TeacherExpectation expectation) {
        return new TargetRequest(new Selection.TopK(k, temperatures), expectation);
    }

    /** The smallest prefix of each row whose mass at the truncation temperature reaches p, and at most k tokens of it, exact. */
    public static TargetRequest topPK(
            double p, int k, float truncationTemperature, List<Float> temperatures, TeacherExpectation expectation) {
        return new TargetRequest(new Selection.TopPK(p, k, truncationTemperature, temperatures), expectation);
    }
}
