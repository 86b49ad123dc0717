package dev.lyne.student.train;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.RequestPriority;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TeacherClient;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.TokenChoice;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.weights.ModelFiles;
import dev.lyne.student.capture.Estimate;
import dev.lyne.student.capture.Recorder;
import dev.lyne.student.capture.RecorderListener;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CapturePart;
import io.opentelemetry.api.OpenTelemetry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A capture, put together from the settings that a training run on the same corpus has: windows are cut and rows asked for by the same
 * code, so that what is captured is what that run would ask for.
 */
public final class CaptureSession {
    private final Path tokenizerDirectory;
    private final Corpus corpus;
    private final TokenChoice bos;
    private final TokenChoice eos;
    private final List<Integer> studentEosIds;
    private final OpenTelemetry telemetry;
    private final Path cache;
    private final long windows;
    private final int context;
    private final int threads;
    private final String name;
    private final TrainingConfig.Distillation distillation;
    private final List<Float> temperatures;
    private final Recorder.Options options;

    /** Completion of settings without a tokenizer, once all others are known to hold. */
    @FunctionalInterface
    public interface Completion {
        /** The settings with a tokenizer, or as they are. */
        Settings complete(Settings settings) throws IOException;
    }

    /**
     * How the rows are written, beside the settings that a training run has.
     *
     * @param temperatures τ that rows carry c_τ for, beside those of the settings
     * @param shardWindows windows of a shard
     * @param writers shards written at a time
     * @param part the share of the shards that is recorded; empty for all of them
     */
    public record Writing(List<Float> temperatures, int shardWindows, int writers, Optional<CapturePart> part) {
        public Writing {
            temperatures = List.copyOf(temperatures);
        }
    }

    /**
     * Checks what was given, reads nothing yet. The settings are completed before their tokenizer is checked.
     *
     * @throws IllegalArgumentException naming the setting that cannot be
     */
    public CaptureSession(Settings settings, Writing writing, Completion completion) throws IOException {
        this(settings, writing, completion, OpenTelemetry.noop());
    }

    /**
     * The same, with spans of what is asked of the teacher.
     *
     * @param telemetry where they go
     */
    public CaptureSession(Settings settings, Writing writing, Completion completion, OpenTelemetry telemetry)
            throws IOException {
        this.telemetry = telemetry;
        Path out = directory(settings);
        this.cache = settings.optional(Setting.CACHE)
                .map(Path::of)
                .orElseGet(() -> writing.part()
                        .map(part -> part.directory(out))
                        .orElse(out)
                        .resolve("tokens"));
        this.windows = settings.whole(Setting.WINDOWS, 0, 1L << 48);
        this.context = settings.integer(Setting.CONTEXT, 2, 1 << 24);
        int given = settings.integer(Setting.THREADS, 0, 4096);
        this.threads = given == 0 ? Runtime.getRuntime().availableProcessors() : given;
        this.name = settings.text(Setting.NAME);
        this.distillation = TrainingConfig.distillation(settings);
        this.temperatures = Stream.concat(
                        distillation.selection().temperatures().stream(), writing.temperatures().stream())
                .filter(temperature -> temperature != 1f)
                .distinct()
                .sorted()
                .toList();
        this.options = new Recorder.Options(
                out, writing.shardWindows(), Math.min(writing.writers(), distillation.inFlight()), writing.part());
        if (distillation.teachers().isEmpty()) {
            throw Settings.refused(Setting.TEACHER, "none", "the servers to ask, HOST:PORT");
        }
        if (distillation.selection().keepsChosen()) {
            throw Settings.refused(
                    Setting.SELECTION,
                    "chosen",
                    "one that the student has no part in: what it chooses changes as it learns");
        }
        TeacherClient.requireUsable(
                String.join(",", distillation.teachers()),
                distillation.contact().security());
        this.corpus = RunInputs.corpus(settings);
        this.bos = TokenChoice.parse(Setting.BOS.key(), settings.text(Setting.BOS));
        this.eos = TokenChoice.parse(Setting.EOS.key(), settings.text(Setting.EOS));
        this.studentEosIds = settings.isGiven(Setting.STUDENT)
                ? RunInputs.configuration(Path.of(settings.text(Setting.STUDENT)))
                        .boundaries()
                        .eos()
                : List.of();
        this.tokenizerDirectory = tokenizerDirectory(completion.complete(settings));
        ModelFiles.requireFile(Setting.TOKENIZER.key(), tokenizerDirectory, Tokenizer.FILE_NAME);
    }

    /** Directory of the capture that settings name; no other of them is looked at. */
    public static Path directory(Settings settings) {
        return Path.of(settings.text(Setting.OUT));
    }

    /** The settings that a capture has. */
    public static Set<Setting> settings() {
        return EnumSet.of(
                Setting.NAME,
                Setting.OUT,
                Setting.STUDENT,
                Setting.TOKENIZER,
                Setting.CORPUS,
                Setting.TEXT_FIELD,
                Setting.SKIP_INVALID,
                Setting.BOS,
                Setting.EOS,
                Setting.CACHE,
                Setting.WINDOWS,
                Setting.CONTEXT,
                Setting.TEACHER,
                Setting.TEACHER_NAME,
                Setting.TLS,
                Setting.TLS_CA,
                Setting.TLS_SERVER_NAME,
                Setting.TLS_CLIENT_CERT,
                Setting.TLS_CLIENT_KEY,
                Setting.TOKEN_FILE,
                Setting.INSECURE,
                Setting.PRIORITY,
                Setting.ROUTING,
                Setting.HEDGE_MILLIS,
                Setting.SELECTION,
                Setting.TOP_K,
                Setting.TOP_P,
                Setting.TRUNCATE_AT,
                Setting.TOP_FRACTION,
                Setting.DRAWS,
                Setting.HEAD,
                Setting.DRAW_SEED,
                Setting.ROW_PRECISION,
                Setting.LOSS,
                Setting.TEACHER_TEMPERATURE,
                Setting.TEMPERATURE_SCHEDULE,
                Setting.FINAL_TEMPERATURE,
                Setting.IN_FLIGHT,
                Setting.RETRY_SECONDS,
                Setting.STUCK_SECONDS,
                Setting.THREADS);
    }

    private static Path tokenizerDirectory(Settings settings) {
        if (!settings.isGiven(Setting.TOKENIZER) && !settings.isGiven(Setting.STUDENT)) {
            throw Settings.refused(Setting.TOKENIZER, "not given", "a directory with tokenizer.json, or a student's");
        }
        return settings.optional(Setting.TOKENIZER)
                .map(Path::of)
                .orElseGet(() -> TrainingConfig.directoryOf(Path.of(settings.text(Setting.STUDENT))));
    }

    /** Directory of the capture. */
    public Path out() {
        return options.out();
    }

    /** Estimates the size and time of the whole capture from a sample that the teacher scores; records nothing. */
    public Estimate estimate(RecorderListener listener, ProgressListener progress)
            throws IOException, InterruptedException {
        return with(listener, progress, Recorder::estimate);
    }

    /** Records what is missing. */
    public CaptureManifest record(RecorderListener listener, ProgressListener progress)
            throws IOException, InterruptedException {
        return with(listener, progress, Recorder::record);
    }

    private interface Use<T> {
        T with(Recorder recorder) throws IOException, InterruptedException;
    }

    private <T> T with(RecorderListener listener, ProgressListener progress, Use<T> use)
            throws IOException, InterruptedException {
        int inFlight = distillation.inFlight() / options.writers();
        ClientOptions asking = distillation
                .contact()
                .client(name, listener::onNotice)
                .priority(
                        distillation.contact().priority() == RequestPriority.USUAL
                                ? RequestPriority.CAPTURE
                                : distillation.contact().priority())
                .window(inFlight, (long) inFlight * context)
                .telemetry(telemetry)
                .build();
        try (Tokenizer tokenizer = Tokenizer.load(tokenizerDirectory)) {
            // Before a teacher is waited for.
            DocumentWrapping wrapping = TrainingConfig.Data.wrapping(tokenizer, bos, eos, studentEosIds);
            try (TeacherClient teachers = TeacherClient.connect(String.join(",", distillation.teachers()), asking)) {
                Windows wanted = windows(tokenizer, wrapping, progress);
                TargetRequest request = RunTargets.request(
                        distillation,
                        teachers,
                        tokenizer,
                        null,
                        teachers.describe().deterministic());
                return use.with(new Recorder(
                        wanted,
                        teachers,
                        new TargetRequest(
                                request.selection().withTemperatures(temperatures),
                                request.precision(),
                                request.rawLogits(),
                                request.expectation(),
                                request.sameBits()),
                        options,
                        listener));
            }
        }
    }

    private Windows windows(Tokenizer tokenizer, DocumentWrapping wrapping, ProgressListener progress)
            throws IOException {
        progress.onNotice(wrapping.describe());
        TokenStore store = TokenStore.open(
                cache,
                corpus,
                TextEncoder.of(tokenizer, wrapping),
                threads,
                (done, total) -> progress.onTokenise(Setting.CORPUS.key(), done, total));
        Windows wanted = RunTargets.sampled(new Windows(store, context), windows);
        CorpusNotices.of(Setting.CORPUS.key(), corpus, store, wanted).forEach(progress::onNotice);
        return wanted;
    }
}
