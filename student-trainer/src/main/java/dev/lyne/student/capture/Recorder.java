package dev.lyne.student.capture;

import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.capture.CapturedTeachers;
import dev.lyne.files.UnwritableFileException;
import dev.lyne.student.tokens.PackingDigest;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import dev.lyne.wire.RowFormat;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CapturePart;
import dev.lyne.wire.capture.CaptureWriter;
import dev.lyne.wire.capture.CapturedPacking;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * Records the targets of a corpus: shard by shard, several at a time, each through a stream of its own. A shard that stands is never
 * asked for again, so that a run that ended early goes on with the shards that are missing. So a row comes
 * once its teacher vouches for it.
 */
public final class Recorder {
    private static final int SAMPLED_WINDOWS = 16;

    private final Windows windows;
    private final TargetSource source;
    private final TargetRequest request;
    private final Options options;
    private final RecorderListener listener;

    /**
     * How a capture is recorded.
     *
     * @param out directory of the capture
     * @param shardWindows windows of a shard, 1 or more
     * @param writers shards written at a time, 1 or more
     * @param part the share of the shards that is recorded, in a directory of its own within {@code out}; empty for all of them
     */
    public record Options(Path out, int shardWindows, int writers, Optional<CapturePart> part) {
        public Options {
            if (shardWindows < 1) {
                throw new IllegalArgumentException("shard_windows: " + shardWindows + " (expected: 1 or more)");
            }
            if (writers < 1) {
                throw new IllegalArgumentException("writers: " + writers + " (expected: 1 or more)");
            }
        }
    }

    /**
     * @param source teachers, asked for rows of one execution fingerprint only: the one that it describes
     * @param request selection and form of the rows, and the teacher meant
     * @throws IllegalArgumentException where the teacher's prompts are too long for it
     */
    public Recorder(
            Windows windows, TargetSource source, TargetRequest request, Options options, RecorderListener listener) {
        TeacherExpectation expectation = request.expectation();
        windows.requireSeenBy(source.describe().contextLength());
        this.windows = windows;
        this.source = source;
        this.request = new TargetRequest(
                request.selection(),
                request.precision(),
                request.rawLogits(),
                new TeacherExpectation(
                        expectation.modelDigest(),
                        expectation.tokenizerDigest(),
                        expectation.vocabularySize(),
                        source.describe().fingerprint()),
                request.sameBits());
        this.options = options;
        this.listener = listener;
    }

    /** Returns how windows of a corpus were cut, as a capture of them says. Their order is no part of it. */
    public static CapturedPacking packing(Windows windows) {
        PackingDigest packing = windows.packing(0);
        return new CapturedPacking(
                packing.corpusSha256(),
                packing.documentRule(),
                packing.windowRule(),
                packing.context(),
                packing.overlap(),
                packing.sha256());
    }

    /** Scores a sample of all windows to say what they, or those of the part, would take; writes nothing. */
    public Estimate estimate() throws InterruptedException {
        return estimate(options.part().isPresent() ? options.part().get().windows(planned()) : windows.count());
    }

    private CaptureManifest planned() {
        return CaptureManifest.planned(
                CapturedTeachers.of(source.describe()),
                new RowFormat(request.selection(), request.precision(), request.rawLogits()),
                packing(windows),
                windows.count(),
                options.shardWindows());
    }

    /**
     * Records what is missing, and finishes.
     *
     * @return the complete capture's manifest; of a part, one that is not complete, with the sums of its own shards
     * @throws IllegalArgumentException where the directory holds the capture of another run
     * @throws IOException where the disk is full; shards that stand are kept
     * @throws dev.lyne.client.TeacherException where a sequence failed for good, or the teacher is gone
     */
    public CaptureManifest record() throws IOException, InterruptedException {
        CaptureManifest planned = planned();
        try (CaptureWriter writer = open(planned)) {
            List<Integer> missing = writer.missing();
            if (!missing.isEmpty()) {
                long left = missing.stream()
                        .mapToLong(shard -> planned.endWindow(shard) - planned.firstWindow(shard))
                        .sum();
                listener.onStart(
                        estimate(left),
                        Files.getFileStore(options.out()).getUsableSpace(),
                        writer.shardCount() - missing.size(),
                        writer.shardCount());
                new ShardWorkerPool(this, writer, planned, missing).run(options.writers());
            }
            return writer.finish();
        } catch (UnwritableFileException e) {
            throw new IOException(
                    e.getMessage() + "; finished shards stand: make room and run the same command again", e);
        }
    }

    private CaptureWriter open(CaptureManifest planned) throws IOException {
        return options.part().isPresent()
                ? CaptureWriter.open(options.out(), options.part().get(), planned)
                : CaptureWriter.open(options.out(), planned);
    }

    /** A stream of rows to keep: each comes once its teacher vouches for it. */
    TargetStream open() {
        return source.open(new TargetRequest(
                request.selection(),
                request.precision(),
                request.rawLogits(),
                request.expectation(),
                request.sameBits(),
                true));
    }

    TargetSequence sequence(long window) {
        Window cut = windows.window(window);
        return new TargetSequence(window, cut.tokens(), cut.positions(), new int[0][], cut.teacherTokens());
    }

    RecorderListener listener() {
        return listener;
    }

    /** Estimates the size and time of so many windows from a sample of all of them. */
    private Estimate estimate(long wanted) throws InterruptedException {
        long count = windows.count();
        int samples = (int) Math.min(SAMPLED_WINDOWS, count);
        long rows = 0;
        long bytes = 0;
        try (TargetStream stream = source.open(request)) { // nothing of it is kept
            for (long window : LongStream.range(0, samples)
                    .map(sample -> (2 * sample + 1) * count / (2L * samples))
                    .toArray()) {
                if (!stream.offer(sequence(window))) {
                    throw new IllegalStateException("the stream takes no sample (expected: room for one at a time)");
                }
                Targets targets = stream.take();
                rows += targets.rows();
                bytes += targets.blockBytes();
            }
        }
        long positions = Math.round((double) windows.lossTokens() * wanted / count);
        return Estimate.of(wanted, positions, (double) bytes / rows, samples);
    }
}
