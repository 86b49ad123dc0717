package dev.lyne.cli.demo;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lyne.student.train.RunSummary;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The demo's {@code summary.json}. */
record DemoSummary(TeacherFigures teacher, List<Student> students) {
    record TeacherFigures(
            @JsonProperty("model_digest") String modelDigest,
            @JsonProperty("vocabulary_size") int vocabularySize,
            @JsonProperty("positions_scored") long positionsScored,
            @JsonProperty("positions_served") long positionsServed,
            @JsonProperty("bytes_per_position") double bytesPerPosition,
            Cache cache) {}

    record Cache(long hits, long coalesced, long misses) {}

    record Student(
            String name,
            String method,
            long parameters,
            long steps,
            @JsonProperty("positions_per_second") double positionsPerSecond,
            @JsonProperty("stall_fraction") double stallFraction,
            @Nullable Double coverage,
            @JsonProperty("held_out") List<HeldOut> heldOut) {
        static Student of(RunSummary run) {
            return new Student(
                    run.name(),
                    run.method(),
                    run.parameters(),
                    run.pace().steps(),
                    run.pace().positionsPerSecond(),
                    run.pace().stallFraction(),
                    run.targets().coverage(),
                    run.heldOut().stream()
                            .map(point -> new HeldOut(point.step(), point.nll(), point.seconds()))
                            .toList());
        }
    }

    record HeldOut(long step, double nll, double seconds) {}
}
