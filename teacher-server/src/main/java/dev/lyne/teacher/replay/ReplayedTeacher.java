package dev.lyne.teacher.replay;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.score.Callback;
import dev.lyne.teacher.score.CancellationHandle;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.score.Scorer;
import dev.lyne.v1.SelectionKind;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.RowFormat;
import dev.lyne.wire.capture.Capture;
import dev.lyne.wire.capture.CapturedRows;
import dev.lyne.wire.capture.CapturedTeacher;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.LoggerFactory;

/**
 * Answers sequences with the rows that a capture holds of them. Files are read on threads of its own, whose queue admission bounds.
 * Rows of a deterministic teacher are not cut, as a server of it would not cut them.
 */
public final class ReplayedTeacher implements Scorer, AutoCloseable {
    private static final PacedLog DEFECTS = new PacedLog(LoggerFactory.getLogger(ReplayedTeacher.class));

    private final Capture capture;
    private final TeacherDescription description;
    private final LongSupplier nanoClock;
    private final ExecutorService readers;
    private final AtomicLong positionsRead = new AtomicLong();

    private ReplayedTeacher(Capture capture, TeacherDescription description, int threads, LongSupplier nanoClock) {
        this.capture = capture;
        this.description = description;
        this.nanoClock = nanoClock;
        AtomicInteger number = new AtomicInteger();
        this.readers = Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task, "lyne-replay-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Opens the capture of a directory.
     *
     * @param name to serve it under; by default the captured teacher's
     * @param threads that read, 1 or more
     * @throws IllegalArgumentException where there is no capture, or one that is not complete
     * @throws dev.lyne.wire.capture.DamagedCaptureException where a file is not what was written
     */
    public static ReplayedTeacher open(Path directory, Optional<String> name, int threads, LongSupplier nanoClock)
            throws IOException {
        Capture capture = Capture.open(directory);
        CapturedTeacher teacher = capture.manifest().teacher();
        HexFormat hex = HexFormat.of();
        TeacherDescription description = new TeacherDescription(
                name.orElse(teacher.name()),
                hex.parseHex(teacher.modelSha256()),
                hex.parseHex(teacher.tokenizerSha256()),
                teacher.vocabularySize(),
                teacher.contextLength(),
                teacher.fingerprint(),
                teacher.architecture(),
                teacher.parameters(),
                teacher.deterministic(),
                teacher.tailError(),
                Optional.empty());
        return new ReplayedTeacher(capture, description, threads, nanoClock);
    }

    /** The teacher that was captured. */
    public TeacherDescription description() {
        return description;
    }

    /** Positions that its threads have worked through, whatever came of them. */
    public long positionsRead() {
        return positionsRead.get();
    }

    @Override
    public Optional<RowFormat> only() {
        return Optional.of(capture.manifest().rows());
    }

    @Override
    public Set<SelectionKind> selectionKinds() {
        return Set.of(capture.manifest().rows().selection().kind());
    }

    @Override
    public Optional<Failure> refusal(RowFormat format) {
        if (format.selection().keepsChosen()) {
            return Optional.of(notCaptured(
                    "chosen ids (expected: the captured " + capture.manifest().rows() + ")"));
        }
        return capture.manifest()
                .rows()
                .refusal(format, description.vocabularySize(), !description.deterministic())
                .map(ReplayedTeacher::notCaptured);
    }

    @Override
    public CancellationHandle score(ScoreTask task, Callback callback) {
        Reading reading = new Reading(task, callback);
        try {
            readers.execute(reading);
        } catch (RejectedExecutionException e) {
            callback.failed(new Failure(
                    Failure.Reason.DRAINING,
                    "teacher " + description.name() + " takes no more work (expected: a live one)"));
            return CancellationHandle.ANSWERED;
        }
        return reading;
    }

    /** Reading of one sequence: answered, unless it is withdrawn before. */
    private final class Reading implements Runnable, CancellationHandle {
        private final ScoreTask task;
        private final Callback callback;
        private final AtomicBoolean over = new AtomicBoolean();

        Reading(ScoreTask task, Callback callback) {
            this.task = task;
            this.callback = callback;
        }

        @Override
        public boolean withdraw() {
            return over.compareAndSet(false, true);
        }

        @Override
        public void run() {
            if (!over.compareAndSet(false, true)) {
                return;
            }
            try {
                answer();
            } catch (IOException e) {
                callback.failed(new Failure(Failure.Reason.CAPTURE_DAMAGED, String.valueOf(e.getMessage())));
            } catch (Throwable e) {
                failQuietly(e);
            } finally {
                positionsRead.addAndGet(task.item().positions().length);
            }
        }

        private void answer() throws IOException {
            if (task.deadline().passed(nanoClock.getAsLong())) {
                callback.failed(new Failure(
                        Failure.Reason.DEADLINE_PASSED, "not read by its deadline (expected: a later one)"));
                return;
            }
            if (task.item().positions().length == 0) {
                callback.scored(new EncodedSequence(List.of()), RowSource.REPLAYED, false);
                return;
            }
            Optional<CapturedRows> rows = capture.rows(
                    task.item().tokens(),
                    task.item().positions(),
                    task.format().selection(),
                    !description.deterministic());
            if (rows.isEmpty()) {
                callback.failed(notCaptured("no rows of these " + task.tokens() + " tokens at these "
                        + task.item().positions().length + " positions (expected: a sequence that was captured)"));
            } else {
                callback.scored(
                        encoded(rows.get()), RowSource.REPLAYED, rows.get().narrowed());
            }
        }

        /** Ends the sequence after whatever was thrown, also by the waiter itself. */
        private void failQuietly(Throwable cause) {
            DEFECTS.error("a captured sequence could not be answered", cause);
            try {
                callback.failed(Failure.of(Failure.Reason.SERVER_FAULT, "reading the capture", cause));
            } catch (Throwable e) {
                DEFECTS.error("a failure could not be taken", e);
            }
        }
    }

    private static EncodedSequence encoded(CapturedRows rows) {
        List<EncodedBlock> blocks = new ArrayList<>();
        for (ByteBuffer block : rows.blocks()) {
            BlockHeader header = BlockDecoder.header(block);
            byte[] bytes = new byte[block.remaining()];
            block.duplicate().get(bytes);
            blocks.add(new EncodedBlock(header.positions()[0], header.rows(), bytes));
        }
        return new EncodedSequence(blocks);
    }

    private static Failure notCaptured(String line) {
        return new Failure(Failure.Reason.NOT_CAPTURED, line);
    }

    /** Finishes what was asked, and takes no more. */
    @Override
    public void close() {
        readers.shutdown();
    }
}
