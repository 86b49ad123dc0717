package dev.lyne.wire.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.wire.RowFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run of three steps of two windows; the first and the last step share a sequence, and say different things of it. */
final class TrajectoryCaptureTest {
    private static final Selection SELECTION = new Selection.TopK(Corpora.K, Corpora.TEMPERATURES);
    private static final long[][] WINDOWS = {{0, 1}, {2, 3}, {1, 4}};

    @TempDir
    Path directory;

    private static CaptureManifest manifest() {
        return CaptureManifest.planned(
                Corpora.teacher(),
                new RowFormat(SELECTION, Precision.EXACT, false),
                new CapturedPacking("ef".repeat(32), "bos=none eos=0", "some rule", 24, 1, "01".repeat(32)),
                new CapturedTrajectory(2, 3),
                2);
    }

    /** Rows of the last step are other ones. */
    private static List<ByteBuffer> blocks(long step, long window) {
        return Corpora.blocks(window, step == 3 ? 1_000 : 0);
    }

    @BeforeEach
    void write() throws IOException {
        try (CaptureWriter writer = CaptureWriter.open(directory, manifest())) {
            assertThat(writer.missing()).containsExactly(0, 1);
            for (int number = 0; number < 2; number++) {
                try (ShardWriter shard = writer.begin(number)) {
                    for (long step = 2L * number + 1; step <= Math.min(3, 2L * number + 2); step++) {
                        for (long window : WINDOWS[(int) step - 1]) {
                            shard.add(step, Corpora.tokens(window), Corpora.positions(window), blocks(step, window));
                        }
                    }
                    shard.finish();
                }
            }
            writer.finish();
        }
    }

    private static Optional<CapturedRows> rows(Capture capture, long window, StepRange steps) throws IOException {
        return capture.rows(Corpora.tokens(window), Corpora.positions(window), SELECTION, false, steps);
    }

    @Test
    void rows_rangeOfSteps_areThoseOfItsLastStepThatHadTheSequence() throws IOException {
        Capture capture = Capture.open(directory, CaptureManifest.TRAJECTORY);
        assertThat(capture.manifest().trajectory()).isEqualTo(new CapturedTrajectory(2, 3));
        assertThat(rows(capture, 1, new StepRange(1, 2)).orElseThrow().blocks()).isEqualTo(blocks(1, 1));
        assertThat(rows(capture, 1, new StepRange(1, 3)).orElseThrow().blocks()).isEqualTo(blocks(3, 1));
        assertThat(rows(capture, 1, new StepRange(2, 2))).isEmpty();
        assertThat(capture.holds(Corpora.tokens(1), Corpora.positions(1), new StepRange(2, 2)))
                .isFalse();
        assertThat(capture.holds(Corpora.tokens(2), Corpora.positions(2), new StepRange(2, 2)))
                .isTrue();
        assertThat(blocks(3, 1)).isNotEqualTo(blocks(1, 1));
    }

    @Test
    void open_asAnotherKind_isRefused() {
        assertThatThrownBy(() -> Capture.open(directory))
                .hasMessageEndingWith("a capture of kind trajectory (expected: data)");
    }

    @Test
    void identity_stepsAndBatch_arePartOfIt() {
        assertThat(manifest().identity())
                .containsEntry("trajectory.batch", "2")
                .containsEntry("trajectory.steps", "3")
                .containsEntry("kind", "trajectory");
        assertThat(Corpora.manifest(6, 2).identity()).doesNotContainKey("trajectory.batch");
        assertThat(manifest().trajectory().stepOf(3)).isEqualTo(2);
    }
}
