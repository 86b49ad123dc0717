package dev.lyne.student.train;

import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.student.tokens.Window;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.BlockNarrowing;
import dev.lyne.wire.Digests;
import dev.lyne.wire.RowFormat;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CaptureWriter;
import dev.lyne.wire.capture.ShardWriter;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes what a model in training says of the windows of each step, just before it learns from them. A shard holds the steps between two
 * checkpoints and stands before the second is written, so that a run that goes on from a checkpoint goes on with a whole shard. The
 * training thread uses it.
 */
final class TrajectoryRecorder implements Closeable {
    private static final int MAX_ROWS_OF_A_BLOCK = 256;
    private static final int MAX_BLOCK_BYTES = 1 << 20;

    /** Most bytes of an entry with id, log-probability and logit. */
    private static final int MOST_ENTRY_BYTES = 12;

    private final CaptureWriter writer;
    private final CaptureManifest planned;
    private final BatchScorer scorer;
    private final int microBatchTokens;
    private final byte[] teacherDigest;
    private final byte[] fingerprintDigest;
    private final RowContent content;
    private @Nullable ShardWriter shard;

    private TrajectoryRecorder(
            CaptureWriter writer, CaptureManifest planned, BatchScorer scorer, int microBatchTokens) {
        this.writer = writer;
        this.planned = planned;
        this.scorer = scorer;
        this.microBatchTokens = microBatchTokens;
        this.teacherDigest = HexFormat.of().parseHex(planned.teacher().modelSha256());
        this.fingerprintDigest =
                Digests.fingerprint(planned.teacher().fingerprint().toMessage());
        RowFormat form = planned.rows();
        if (!form.selection().keepsPrefix()) {
            throw new IllegalArgumentException("selection: " + form.selection()
                    + " (expected: top_k, top_p_k or top_fraction, to record a model in training)");
        }
        this.content = new RowContent(form.selection().computed(), form.rawLogits());
    }

    /**
     * Begins, or goes on with, the capture of a run.
     *
     * @param firstStep steps that are done already
     * @throws IllegalArgumentException where the directory holds another run's, or shards before that step are missing
     */
    static TrajectoryRecorder open(
            Path directory, CaptureManifest planned, BatchScorer scorer, int microBatchTokens, long firstStep)
            throws IOException {
        int shardSteps = planned.shardWindows() / planned.trajectory().batch();
        CaptureWriter writer = CaptureWriter.open(directory, planned);
        try {
            for (int number : writer.missing()) {
                if ((number + 1L) * shardSteps <= firstStep || (long) number * shardSteps < firstStep) {
                    throw new IllegalArgumentException(directory + ": shard " + number + " is missing, whose steps "
                            + "before " + (firstStep + 1)
                            + " are over (expected: the directory that the run recorded to,"
                            + " or a run from its first step on)");
                }
            }
            return new TrajectoryRecorder(writer, planned, scorer, microBatchTokens);
        } catch (IOException | RuntimeException e) {
            writer.close();
            throw e;
        }
    }

    /** Records the windows of a step, from 1, as the model stands. */
    void record(long step, List<Window> windows) throws IOException {
        int shardSteps = planned.shardWindows() / planned.trajectory().batch();
        if (shard == null) {
            shard = writer.begin((int) ((step - 1) / shardSteps));
        }
        for (MicroBatches.Group group : MicroBatches.groups(windows, microBatchTokens)) {
            List<Window> own = windows.subList(group.from(), group.to());
            List<ScoreItem> items = own.stream()
                    .map(window -> new ScoreItem(window.tokens(), window.positions()))
                    .toList();
            List<ScoreOutcome> outcomes = scorer.score(items, content);
            for (int i = 0; i < own.size(); i++) {
                if (!(outcomes.get(i) instanceof ScoreOutcome.Scored scored)) {
                    throw new TrainingStoppedException(
                            "step " + step + ": logits of a window are not finite; nothing of it was recorded");
                }
                Window window = own.get(i);
                if (!Arrays.equals(scored.positions(), window.positions())) {
                    throw new IllegalStateException("the model gave rows for positions "
                            + Arrays.toString(scored.positions()) + " (expected: "
                            + Arrays.toString(window.positions()) + ")");
                }
                shard.add(step, window.tokens(), window.positions(), blocks(window.tokens(), scored));
            }
        }
        if (step % shardSteps == 0 || step == planned.trajectory().steps()) {
            shard.finish();
            shard.close();
            shard = null;
        }
    }

    private List<ByteBuffer> blocks(int[] tokens, ScoreOutcome.Scored scored) {
        RowColumns columns = scored.rows();
        int[] positions = scored.positions();
        int most = Math.max(
                1, Math.min(MAX_ROWS_OF_A_BLOCK, MAX_BLOCK_BYTES / (MOST_ENTRY_BYTES * Math.max(1, columns.stride()))));
        RowFormat form = planned.rows();
        BlockNarrowing.cut(columns, form.selection());
        List<ByteBuffer> blocks = new ArrayList<>();
        for (int from = 0; from < columns.rows(); from += most) {
            int to = Math.min(columns.rows(), from + most);
            BlockHeader header = new BlockHeader(
                    planned.teacher().vocabularySize(),
                    form.selection(),
                    form.precision(),
                    form.rawLogits(),
                    teacherDigest,
                    fingerprintDigest,
                    Digests.rows(tokens, positions, from, to),
                    Arrays.copyOfRange(positions, from, to));
            blocks.add(ByteBuffer.wrap(BlockEncoder.encode(header, columns, from)));
        }
        return blocks;
    }

    /** Whether a checkpoint after that step finds all before it in finished shards. */
    boolean isWhole() {
        return shard == null;
    }

    /** Completes the capture, once every step is there. */
    void finish() throws IOException {
        writer.finish();
    }

    @Override
    public void close() throws IOException {
        try (writer;
                scorer) {
            if (shard != null) {
                shard.close();
            }
        }
    }
}
