package dev.lyne.teacher.admission;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Precision;
import dev.lyne.v1.Selection;
import dev.lyne.v1.TopK;

/** A teacher, the rules at its door, and what they say. */
final class Openings {
    static final ServerLimits LIMITS = ServerLimits.DEFAULT
            .withStream(4, 1_000, 16 << 20)
            .withRows(50, 2, 1 << 20)
            .withQueuedTokens(30);
    static final TeacherDescription TEACHER = new FakeTeacher("fake", 100, 16).description();

    private Openings() {}

    static OpenStream.Builder opening() {
        return OpenStream.newBuilder()
                .setSelection(Selection.newBuilder().setTopK(TopK.newBuilder().setK(4)))
                .setPrecision(Precision.PRECISION_EXACT);
    }

    static <T> T accepted(AdmissionResult<T> result) {
        assertThat(result).isInstanceOf(AdmissionResult.Accepted.class);
        return ((AdmissionResult.Accepted<T>) result).value();
    }

    static Failure refused(AdmissionResult<?> result) {
        assertThat(result).isInstanceOf(AdmissionResult.Refused.class);
        return ((AdmissionResult.Refused<?>) result).failure();
    }
}
