package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import dev.lyne.student.tokens.Window;
import dev.lyne.wire.RowFormat;
import dev.lyne.wire.capture.Capture;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CapturedPacking;
import dev.lyne.wire.capture.CapturedTeacher;
import dev.lyne.wire.capture.CapturedTrajectory;
import dev.lyne.wire.capture.StepRange;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One step of two windows, recorded from a model that answers as each test has it. */
final class TrajectoryRecorderTest {
    private static final List<Window> WINDOWS =
            List.of(new Window(new int[] {1, 2, 3}, new int[] {0, 1}), new Window(new int[] {3, 1}, new int[] {0}));
    private static final CaptureManifest PLANNED = CaptureManifest.planned(
            new CapturedTeacher(
                    "tiny",
                    "ab".repeat(32),
                    "cd".repeat(32),
                    8,
                    16,
                    "llama",
                    100,
                    true,
                    0,
                    new ExecutionFingerprint("2.7.1", "a processor", "AVX2", 2, 1, "float32")),
            new RowFormat(new Selection.TopK(1, List.of()), Precision.EXACT, false),
            new CapturedPacking("ef".repeat(32), "bos=none eos=0", "some rule", 16, 1, "01".repeat(32)),
            new CapturedTrajectory(2, 1),
            2);

    @TempDir
    Path directory;

    /** A model's answers, item by item. */
    private record Answers(Function<ScoreItem, ScoreOutcome> each) implements BatchScorer {
        @Override
        public List<ScoreOutcome> score(List<ScoreItem> items, RowContent selection) {
            return items.stream().map(each).toList();
        }

        @Override
        public void close() {}
    }

    private static ScoreOutcome rows(int... positions) {
        int rows = positions.length;
        float[] half = new float[rows];
        Arrays.fill(half, (float) Math.log(0.5));
        int[] one = new int[rows];
        Arrays.fill(one, 1);
        return new ScoreOutcome.Scored(positions, new RowColumns(1, one, new int[rows], half, half, half));
    }

    private void record(Function<ScoreItem, ScoreOutcome> each) throws IOException {
        try (TrajectoryRecorder recorder = TrajectoryRecorder.open(directory, PLANNED, new Answers(each), 64, 0)) {
            recorder.record(1, WINDOWS);
            recorder.finish();
        }
    }

    @Test
    void record_rowsOfTheWindows_areInTheCapture() throws IOException {
        record(item -> rows(item.positions()));
        Capture capture = Capture.open(directory, CaptureManifest.TRAJECTORY);
        for (Window window : WINDOWS) {
            assertThat(capture.holds(window.tokens(), window.positions(), StepRange.ALL))
                    .isTrue();
        }
    }

    @Test
    void record_rowsOfOtherPositions_areRefused() {
        assertThatThrownBy(() -> record(item -> rows(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the model gave rows for positions [1] (expected: [0, 1])");
        assertThatThrownBy(() -> Capture.open(directory, CaptureManifest.TRAJECTORY))
                .hasMessageContaining("not complete");
    }

    @Test
    void record_logitsThatAreNotFinite_stopTheRun() {
        assertThatThrownBy(() -> record(item -> new ScoreOutcome.NotFinite(0)))
                .isInstanceOf(TrainingStoppedException.class)
                .hasMessageContaining("step 1");
    }
}
