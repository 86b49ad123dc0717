package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.student.train.RunSummary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real processes, killed with SIGKILL: a student at random moments, also while it writes a checkpoint, and a server under its
 * student. Either way the student ends with the weights of a run that nobody disturbed.
 */
final class KilledProcessesTest {
    private static final long SEED = 7;
    private static final int KILLS_WHILE_WRITING = 3;
    private static final int ATTEMPTS = 9;
    private static final long WRITING_NANOS = 6_000_000;

    @TempDir
    private static Path shared;

    private static TinyTraining tiny;
    private static byte[] undisturbed;

    @BeforeAll
    static void trainUndisturbed() throws Exception {
        tiny = new TinyTraining(shared);
        try (ChildProcess server = tiny.serve();
                ChildProcess student = tiny.train("undisturbed", 2)) {
            student.awaitSuccess();
            assertThat(server.isAlive()).isTrue();
        }
        undisturbed = tiny.weights("undisturbed");
    }

    @Test
    void student_killedAtRandomMomentsAndResumed_endsWithTheSameWeights() throws Exception {
        var random = new SplittableRandom(SEED);
        try (ChildProcess server = tiny.serve()) {
            for (int kill = 0; kill < 3; kill++) {
                int moment = 2 + kill * 7 + random.nextInt(6);
                try (ChildProcess student = tiny.train("killed", 2)) {
                    tiny.awaitLines("killed", moment, student);
                    TinyTraining.kill(student);
                }
            }
            try (ChildProcess student = tiny.train("killed", 2)) {
                student.awaitSuccess();
            }
            assertThat(server.isAlive()).isTrue();
        }
        assertThat(tiny.weights("killed")).as("seed %d", SEED).isEqualTo(undisturbed);
        assertThat(tiny.metricsSteps("killed")).containsExactlyElementsOf(tiny.metricsSteps("undisturbed"));
    }

    /** The kill comes at a random moment of the writing; one that comes too late for that is not counted. */
    @Test
    void student_killedWhileItWritesACheckpoint_endsWithTheSameWeights() throws Exception {
        var random = new SplittableRandom(SEED);
        int whileWriting = 0;
        try (ChildProcess server = tiny.serve()) {
            for (int attempt = 0; whileWriting < KILLS_WHILE_WRITING && attempt < ATTEMPTS; attempt++) {
                try (ChildProcess student = tiny.train("writing", 1)) {
                    tiny.awaitWriting("writing", 1 + 2L * attempt, student);
                    long moment = System.nanoTime() + random.nextLong(WRITING_NANOS);
                    while (System.nanoTime() < moment) {
                        Thread.onSpinWait();
                    }
                    TinyTraining.kill(student);
                }
                whileWriting += isHalfWritten("writing") ? 1 : 0;
            }
            assertThat(whileWriting)
                    .as("kills that came while a checkpoint was written, seed %d", SEED)
                    .isPositive();
            try (ChildProcess student = tiny.train("writing", 1)) {
                student.awaitSuccess();
            }
            assertThat(server.isAlive()).isTrue();
        }
        assertThat(isHalfWritten("writing")).as("left-overs stay").isFalse();
        assertThat(tiny.weights("writing")).as("seed %d", SEED).isEqualTo(undisturbed);
        assertThat(tiny.metricsSteps("writing")).containsExactlyElementsOf(tiny.metricsSteps("undisturbed"));
    }

    @Test
    void server_killedAndRestartedUnderAStudent_costsNoRowAndRepeatsNone() throws Exception {
        ChildProcess first = tiny.serve();
        ChildProcess student = tiny.train("orphaned", 2);
        try (student) {
            tiny.awaitLines("orphaned", 6, student);
            TinyTraining.kill(first);
            first.close();
            try (ChildProcess second = tiny.serve()) {
                student.awaitSuccess();
                assertThat(second.isAlive()).isTrue();
            }
        }
        assertThat(tiny.weights("orphaned")).isEqualTo(undisturbed);
        RunSummary summary = RunSummary.read(tiny.directory("orphaned").summary());
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
    }

    private static boolean isHalfWritten(String name) {
        return LongStream.rangeClosed(1, TinyTraining.STEPS)
                .anyMatch(step -> Files.exists(tiny.beingWritten(name, step)));
    }
}
