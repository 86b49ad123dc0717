package dev.lyne.student.client;

import dev.lyne.wire.Selection;
import java.util.List;

/**
 * What a stream of targets is opened with.
 *
 * @param selection which entries of each row are kept, and the temperatures τ to send c_τ for
 * @param expectation the teacher meant
 */
public record TargetRequest(Selection selection, TeacherExpectation expectation) {
    /** The k most probable tokens of each row. */
    public static TargetRequest topK(int k, List<Float> temperatures, TeacherExpectation expectation) {
        return new TargetRequest(new Selection.TopK(k, temperatures), expectation);
    }

    /** The smallest prefix of each row whose mass at the truncation temperature reaches p, and at most k tokens of it. */
    public static TargetRequest topPK(
            double p, int k, float truncationTemperature, List<Float> temperatures, TeacherExpectation expectation) {
        return new TargetRequest(new Selection.TopPK(p, k, truncationTemperature, temperatures), expectation);
    }
}
