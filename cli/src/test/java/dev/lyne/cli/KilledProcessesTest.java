package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.student.train.RunSummary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real processes, killed with SIGKILL: a student at random steps, also while it writes a checkpoint, and a server under its student.
 * Either way the student ends with the weights of a run that nobody disturbed. A debugger holds the student at the moment of the kill.
 */
final class KilledProcessesTest {
    private static final long SEED = 7;
    private static final String CHECKPOINTS = "dev.lyne.student.checkpoint.CheckpointStore";

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
    void student_killedAtRandomStepsAndResumed_endsWithTheSameWeights() throws Exception {
        var random = new SplittableRandom(SEED);
        try (ChildProcess server = tiny.serve()) {
            for (int kill = 0; kill < 3; kill++) {
                killed("killed", 2, new Breakpoints(Breakpoints.METRICS, List.of("step")), breakpoints -> {
                    breakpoints.next("step", 3 + random.nextInt(5));
                });
            }
            try (ChildProcess student = tiny.train("killed", 2)) {
                student.awaitSuccess();
            }
            assertThat(server.isAlive()).isTrue();
        }
        assertThat(tiny.weights("killed")).as("seed %d", SEED).isEqualTo(undisturbed);
        assertThat(tiny.metricsSteps("killed")).containsExactlyElementsOf(tiny.metricsSteps("undisturbed"));
    }

    /** Once before the state is forced to the disk, once before the manifest beside it is, and once right after the renaming. */
    @Test
    void student_killedWhileItWritesACheckpoint_endsWithTheSameWeights() throws Exception {
        try (ChildProcess server = tiny.serve()) {
            for (int forced = 1; forced <= 3; forced++) {
                int moment = forced;
                killed("writing", 1, new Breakpoints(CHECKPOINTS, List.of("write", "force")), breakpoints -> {
                    breakpoints.next("write", 3);
                    breakpoints.next("force", moment);
                });
                assertThat(isHalfWritten("writing"))
                        .as("killed at its force number %d", moment)
                        .isEqualTo(moment < 3);
            }
            try (ChildProcess student = tiny.train("writing", 1)) {
                student.awaitSuccess();
            }
            assertThat(server.isAlive()).isTrue();
        }
        assertThat(isHalfWritten("writing")).as("left-overs stay").isFalse();
        assertThat(tiny.weights("writing")).isEqualTo(undisturbed);
        assertThat(tiny.metricsSteps("writing")).containsExactlyElementsOf(tiny.metricsSteps("undisturbed"));
    }

    @Test
    void server_killedAndRestartedUnderAStudent_costsNoRowAndRepeatsNone() throws Exception {
        ChildProcess first = tiny.serve();
        try (Breakpoints breakpoints = new Breakpoints(Breakpoints.METRICS, List.of("step"));
                ChildProcess student = tiny.train("orphaned", 2, breakpoints)) {
            breakpoints.next("step", 6);
            TinyTraining.kill(first);
            first.close();
            breakpoints.close();
            try (ChildProcess second = tiny.serve()) {
                student.awaitSuccess();
                assertThat(second.isAlive()).isTrue();
            }
        }
        assertThat(tiny.weights("orphaned")).isEqualTo(undisturbed);
        RunSummary summary = RunSummary.read(tiny.directory("orphaned").summary());
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
    }

    /** Step that a student is taken to before it is killed. */
    private interface Approach {
        void to(Breakpoints breakpoints) throws InterruptedException;
    }

    private static void killed(String name, int checkpointEvery, Breakpoints breakpoints, Approach approach)
            throws Exception {
        try (breakpoints;
                ChildProcess student = tiny.train(name, checkpointEvery, breakpoints)) {
            approach.to(breakpoints);
            TinyTraining.kill(student);
        }
    }

    private static boolean isHalfWritten(String name) {
        return LongStream.rangeClosed(1, TinyTraining.STEPS)
                .anyMatch(step -> Files.exists(tiny.beingWritten(name, step)));
    }
}
