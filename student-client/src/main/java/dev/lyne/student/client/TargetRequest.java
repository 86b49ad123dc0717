package dev.lyne.student.client;

import dev.lyne.v1.Selection;
import dev.lyne.v1.TopK;
import dev.lyne.v1.TopPK;
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
        return new TargetRequest(
                Selection.newBuilder()
                        .setTopK(TopK.newBuilder().setK(k))
                        .addAllTemperatures(temperatures)
                        .build(),
                expectation);
    }

    /** The smallest prefix of each row whose mass at the truncation temperature reaches p, and at most k tokens of it. */
    public static TargetRequest topPK(
            double p, int k, float truncationTemperature, List<Float> temperatures, TeacherExpectation expectation) {
        return new TargetRequest(
                Selection.newBuilder()
                        .setTopPK(TopPK.newBuilder().setP(p).setK(k).setTruncationTemperature(truncationTemperature))
                        .addAllTemperatures(temperatures)
                        .build(),
                expectation);
    }
}
