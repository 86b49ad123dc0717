package dev.lyne.client.capture;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.client.StoredTargets;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherDescription;
import dev.lyne.wire.RowFormat;
import dev.lyne.wire.capture.Capture;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CapturedPacking;
import dev.lyne.wire.capture.StepRange;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Targets out of a capture: what a teacher server would send, without one. */
public final class CaptureSource implements TargetSource {
    private final Capture capture;
    private final Options options;
    private final TeacherDescription teacher;

    @GuardedBy("this")
    private final List<CaptureStream> streams = new ArrayList<>();

    @GuardedBy("this")
    private boolean closed;

    /**
     * How a capture is read.
     *
     * @param windowSequences most sequences offered and not taken, at least 1
     * @param windowTokens most tokens of those sequences, at least 1; a sequence alone always fits
     * @param steps those of a trajectory that rows are taken of; empty for a capture of one finished model
     * @param narrowing whether rows may be cut out of wider ones where the teacher was deterministic; where it was not, they always
     *     may
     */
    public record Options(int windowSequences, long windowTokens, Optional<StepRange> steps, boolean narrowing) {
        /** Constructs the options for a capture of one finished model. */
        public Options(int windowSequences, long windowTokens, boolean narrowing) {
            this(windowSequences, windowTokens, Optional.empty(), narrowing);
        }

        public Options {
            if (windowSequences < 1 || windowTokens < 1) {
                throw new IllegalArgumentException("window: " + windowSequences + " sequences, " + windowTokens
                        + " tokens (expected: at least 1 each)");
            }
        }
    }

    private CaptureSource(Capture capture, Options options) {
        this.capture = capture;
        this.options = options;
        this.teacher = CapturedTeachers.description(capture.manifest().teacher());
    }

    /**
     * Opens the capture of a directory.
     *
     * @throws IllegalArgumentException where there is none, or one that is not complete
     * @throws dev.lyne.wire.capture.DamagedCaptureException where a file is not what was written
     */
    public static CaptureSource open(Path directory, Options options) throws IOException {
        String kind = options.steps().isPresent() ? CaptureManifest.TRAJECTORY : CaptureManifest.DATA;
        Capture capture = Capture.open(directory, kind);
        long steps = capture.manifest().trajectory().steps();
        if (options.steps().isPresent() && options.steps().get().last() > steps) {
            throw new IllegalArgumentException(directory + ": steps up to "
                    + options.steps().get().last() + " (expected: at most " + steps + ", as were recorded)");
        }
        return new CaptureSource(capture, options);
    }

    @Override
    public TeacherDescription describe() {
        return teacher;
    }

    /** Returns the manifest of the capture. */
    public CaptureManifest manifest() {
        return capture.manifest();
    }

    /** Refuses a capture of another corpus, or of one that was cut otherwise, naming every value that differs. */
    public void requirePacking(CapturedPacking wanted) {
        CapturedPacking held = capture.manifest().packing();
        if (held.equals(wanted)) {
            return;
        }
        List<String> differences = new ArrayList<>();
        difference(differences, "corpus", held.corpusSha256(), wanted.corpusSha256());
        difference(differences, "document rule", held.documentRule(), wanted.documentRule());
        difference(differences, "window rule", held.windowRule(), wanted.windowRule());
        difference(differences, "context", held.context(), wanted.context());
        difference(differences, "overlap", held.overlap(), wanted.overlap());
        difference(differences, "packing digest", held.sha256(), wanted.sha256());
        throw new IllegalArgumentException(capture.directory() + ": captured " + String.join("; ", differences));
    }

    /** Whether the capture holds rows of the tokens at these positions, of the steps that it is read for. */
    public boolean holds(int[] tokens, int[] positions) throws IOException {
        return capture.holds(tokens, positions, options.steps().orElse(StepRange.ALL));
    }

    private static void difference(List<String> differences, String name, Object held, Object wanted) {
        if (!held.equals(wanted)) {
            differences.add(name + " " + held + " (expected: this run's " + wanted + ")");
        }
    }

    /** @throws IllegalArgumentException where the captured rows cannot answer what is asked for */
    @Override
    public TargetStream open(TargetRequest request) {
        String name = capture.directory().toString();
        StoredTargets.requireExpected(name, teacher, request.expectation());
        boolean narrowing = options.narrowing() || !teacher.deterministic();
        var wanted = new RowFormat(request.selection(), request.precision(), request.rawLogits());
        capture.manifest()
                .rows()
                .refusal(wanted, teacher.vocabularySize(), narrowing)
                .ifPresent(refusal -> {
                    throw new IllegalArgumentException(name + ": asked for " + refusal);
                });
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException("the capture is closed");
            }
            CaptureStream stream = new CaptureStream(
                    capture, narrowing, new StoredTargets(request, teacher), options, System::nanoTime);
            streams.add(stream);
            return stream;
        }
    }

    @Override
    public void close() {
        List<CaptureStream> open;
        synchronized (this) {
            closed = true;
            open = List.copyOf(streams);
        }
        open.forEach(CaptureStream::close);
    }
}
