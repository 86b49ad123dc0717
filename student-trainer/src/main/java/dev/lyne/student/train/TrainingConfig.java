package dev.lyne.student.train;

import dev.lyne.client.ClientListener;
import dev.lyne.client.ClientOptions;
import dev.lyne.client.ReplicaRouting;
import dev.lyne.client.RequestPriority;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.client.Timeouts;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.TokenChoice;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.wire.capture.StepRange;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A training run, checked.
 *
 * @param name name of the run
 * @param out directory that everything is written to
 * @param student a model directory, or a {@code config.json}
 * @param tokenizerDirectory directory of {@code tokenizer.json}
 * @param onPolicy how the student trains on text of its own; absent: it does not
 * @param settings every setting by its key, as text, for people
 */
public record TrainingConfig(
        String name,
        Path out,
        Path student,
        Path tokenizerDirectory,
        Data data,
        Distillation distillation,
        Optional<OnPolicySettings> onPolicy,
        Optimization optimization,
        Run run,
        Map<String, String> settings) {
    /** AdamW adds it to float32, where less is 0, or nearly so. */
    private static final double LEAST_EPSILON = 1e-37;

    /** Below, a step or a gradient is lost in float32, and nothing would be learnt without a word. */
    private static final double LEAST_STEP = 1e-12;

    /**
     * Data that is trained on and evaluated on.
     *
     * @param skipInvalid whether documents that cannot be read are passed over
     * @param bos token before each document
     * @param eos token after each document
     * @param cache directory of tokenised corpora
     * @param windows windows of the corpus to take; 0: all
     * @param context most tokens in a window
     * @param batch windows in an optimiser step
     * @param microBatchTokens most tokens, padding included, in one forward and backward; one window always fits
     */
    public record Data(
            List<Path> corpus,
            HeldOut heldOut,
            Optional<String> textField,
            boolean skipInvalid,
            TokenChoice bos,
            TokenChoice eos,
            Path cache,
            long windows,
            int context,
            int batch,
            int microBatchTokens) {
        /**
         * The tokens around a document; refuses to leave a document without an end where nobody says so.
         *
         * @param studentEosIds that the student's configuration names
         */
        public DocumentWrapping wrapping(Tokenizer tokenizer, List<Integer> studentEosIds) {
            return wrapping(tokenizer, bos, eos, studentEosIds);
        }

        static DocumentWrapping wrapping(
                Tokenizer tokenizer, TokenChoice bos, TokenChoice eos, List<Integer> studentEosIds) {
            DocumentWrapping wrapping = tokenizer.wrapping(bos, eos, studentEosIds);
            if (eos.auto() && wrapping.eosId().isEmpty()) {
                throw Settings.refused(
                        Setting.EOS,
                        "auto, but " + wrapping.eos().from(),
                        "the id of the token that ends a document, or none");
            }
            return wrapping;
        }
    }

    /**
     * Data that is evaluated on.
     *
     * @param files none: nothing is
     * @param part documents of them
     * @param windows most windows to evaluate; 0: all
     */
    public record HeldOut(List<Path> files, HeldOutPart part, int windows) {
        private static HeldOut of(Settings settings) {
            return new HeldOut(
                    paths(settings, Setting.HELD_OUT),
                    HeldOutPart.of(settings),
                    settings.integer(Setting.HELD_OUT_WINDOWS, 0, Integer.MAX_VALUE));
        }
    }

    /**
     * Settings of what is learnt from a teacher.
     *
     * @param teachers addresses; empty: plain language-model training
     * @param mixture several teachers in place of one
     * @param contact how teachers are spoken to
     * @param captured targets in a teacher's place
     * @param loss what is minimised on the teacher's rows
     * @param alphaSchedule weight of the distillation loss
     * @param selection which entries of a teacher row are asked for
     * @param precision how rows are coded on their way
     * @param inFlight windows asked of the teacher ahead of training
     * @param accepted what targets have to be good for
     */
    public record Distillation(
            List<String> teachers,
            Optional<TeacherMixture> mixture,
            Contact contact,
            Captured captured,
            Selection selection,
            Precision precision,
            DistillationLoss loss,
            ScheduleSettings alphaSchedule,
            Temperatures temperatures,
            int inFlight,
            Accepted accepted) {
        /**
         * Bounds of targets that are accepted.
         *
         * @param minCoverage least share of a step's targets for it to be applied
         * @param maxTailError greatest error of a teacher's tail masses that a loss of tails is minimised with
         */
        public record Accepted(double minCoverage, double maxTailError) {}

        /**
         * Targets that were captured.
         *
         * @param targets directory of them; empty: teachers are asked
         * @param steps of a trajectory that are learnt from; empty: of one finished model
         * @param asTheyAre whether they are asked for in the form that they have, whatever {@code precision} says
         */
        public record Captured(Optional<Path> targets, Optional<StepRange> steps, boolean asTheyAre) {}

        /** Directory of captured targets; empty: teachers are asked. */
        public Optional<Path> targets() {
            return captured.targets();
        }

        /** Steps of a trajectory that are learnt from. */
        public Optional<StepRange> steps() {
            return captured.steps();
        }

        /** Whether captured targets are asked for in the form that they have. */
        public boolean asCaptured() {
            return captured.asTheyAre();
        }

        /** Least share of a step's targets for it to be applied. */
        public double minCoverage() {
            return accepted.minCoverage();
        }

        /** Whether anything is learnt from a teacher, asked now or captured before. */
        public boolean enabled() {
            return alpha() > 0;
        }

        /** Highest weight of the distillation loss. */
        public double alpha() {
            return alphaSchedule.high();
        }

        /** Returns whether it is known where targets come from. */
        public boolean hasSource() {
            return !teachers.isEmpty() || mixture.isPresent() || targets().isPresent();
        }
    }

    /**
     * How teachers are spoken to.
     *
     * @param name of the teacher on its server; empty: the server's only one
     */
    public record Contact(
            String name,
            TeacherSecurity security,
            Timeouts timeouts,
            RequestPriority priority,
            ReplicaRouting routing) {
        static Contact of(Settings settings) {
            return new Contact(
                    settings.text(Setting.TEACHER_NAME),
                    TeacherSecurity.of(
                                    settings.flag(Setting.TLS),
                                    settings.optional(Setting.TLS_CA).map(Path::of),
                                    settings.optional(Setting.TLS_SERVER_NAME),
                                    settings.optional(Setting.TOKEN_FILE).map(Path::of),
                                    settings.flag(Setting.INSECURE))
                            .withCertificate(
                                    settings.optional(Setting.TLS_CLIENT_CERT).map(Path::of),
                                    settings.optional(Setting.TLS_CLIENT_KEY).map(Path::of)),
                    Timeouts.DEFAULT
                            .withProgressTimeouts(
                                    seconds(settings, Setting.RETRY_SECONDS), seconds(settings, Setting.STUCK_SECONDS))
                            .withHedge(Duration.ofNanos(
                                    (long) (settings.number(Setting.HEDGE_MILLIS, 0, 8.64e7, true) * 1e6))),
                    RequestPriority.of(settings.text(Setting.PRIORITY)),
                    ReplicaRouting.of(settings.text(Setting.ROUTING)));
        }

        private static Duration seconds(Settings settings, Setting setting) {
            return Duration.ofNanos((long) (settings.number(setting, 1e-3, 1e7, true) * 1e9));
        }

        /** Returns this contact to another teacher. */
        Contact to(String teacher) {
            return new Contact(teacher, security, timeouts, priority, routing);
        }

        /** The options of a client. */
        ClientOptions.Builder client(String student, ClientListener listener) {
            return ClientOptions.builder()
                    .teacher(name)
                    .student(student)
                    .security(security)
                    .timeouts(timeouts)
                    .priority(priority)
                    .routing(routing)
                    .listener(listener);
        }
    }

    /** Settings of the optimiser's steps; a {@code clipNorm} of 0 does not clip. */
    public record Optimization(
            ScheduleSettings schedule,
            double clipNorm,
            double weightDecay,
            double beta1,
            double beta2,
            double epsilon) {
        /** Highest learning rate. */
        public double learningRate() {
            return schedule.high();
        }
    }

    /**
     * Settings of a run: how long, how often, where.
     *
     * @param beside what is written beside the run
     */
    public record Run(
            Length length,
            long seed,
            ModelOptions model,
            boolean deterministic,
            Memory memory,
            long evaluateEvery,
            Checkpoints checkpoints,
            long logEvery,
            String storedType,
            int samples,
            Responses responses,
            Beside beside) {
        /** Directory to record what the model says of each step's windows to; empty: nothing is recorded. */
        public Optional<Path> recordTargets() {
            return beside.recordTargets();
        }
    }

    /** Length of a run; {@code steps} of 0 leaves it to {@code epochs}. */
    public record Length(long steps, double epochs) {}

    /**
     * Files that are written beside a run.
     *
     * @param recordTargets directory to record what the model says of each step's windows to; empty: nothing is recorded
     * @param exportInitial directory to write the student before step 1 to, and what it is going to learn from; empty: nothing is
     */
    public record Beside(Optional<Path> recordTargets, Optional<Path> exportInitial) {}

    /**
     * Bounds of what a step keeps in memory.
     *
     * @param rowChunk rows of logits that exist at a time
     * @param recompute whether the way back computes each layer again, in place of what it would keep of it
     */
    public record Memory(int rowChunk, boolean recompute) {}

    /**
     * Responses to held-out prompts after the last step.
     *
     * @param count how many; 0: none
     */
    public record Responses(int count, OnPolicySettings.Writing writing) {}

    /**
     * When checkpoints are written, beside the one that every end of a run leaves.
     *
     * @param every steps between them; 0: none by steps
     * @param minutes between them; 0: none by time
     * @param keep newest that are kept
     */
    public record Checkpoints(long every, double minutes, int keep) {}

    /** Checks every setting; the first that is out of range is refused with its value and what is expected. */
    public static TrainingConfig of(Settings settings) {
        Path out = Path.of(settings.text(Setting.OUT));
        Path student = Path.of(settings.text(Setting.STUDENT));
        TrainingConfig config = new TrainingConfig(
                settings.text(Setting.NAME),
                out,
                student,
                settings.optional(Setting.TOKENIZER).map(Path::of).orElseGet(() -> directoryOf(student)),
                data(settings, out),
                distillation(settings),
                OnPolicySettings.of(settings),
                optimization(settings),
                run(settings),
                settings.effective());
        config.checkTogether();
        return config;
    }

    static Path directoryOf(Path student) {
        Path parent = student.toAbsolutePath().getParent();
        return student.toString().endsWith(".json") && parent != null ? parent : student;
    }

    private static Data data(Settings settings, Path out) {
        return new Data(
                paths(settings, Setting.CORPUS),
                HeldOut.of(settings),
                settings.optional(Setting.TEXT_FIELD),
                settings.flag(Setting.SKIP_INVALID),
                TokenChoice.parse(Setting.BOS.key(), settings.text(Setting.BOS)),
                TokenChoice.parse(Setting.EOS.key(), settings.text(Setting.EOS)),
                settings.optional(Setting.CACHE).map(Path::of).orElseGet(() -> out.resolve("tokens")),
                settings.whole(Setting.WINDOWS, 0, 1L << 48),
                settings.integer(Setting.CONTEXT, 2, 1 << 24),
                settings.integer(Setting.BATCH, 1, 1 << 20),
                settings.integer(Setting.MICRO_BATCH_TOKENS, 1, Integer.MAX_VALUE));
    }

    static Distillation distillation(Settings settings) {
        Temperatures temperatures = Temperatures.of(settings);
        Selection selection = SelectionSettings.selection(settings, temperatures);
        Precision precision = SelectionSettings.precision(settings);
        Optional<Path> targets = settings.optional(Setting.TARGETS).map(Path::of);
        boolean asCaptured = targets.isPresent() && !settings.isGiven(Setting.ROW_PRECISION);
        return new Distillation(
                settings.list(Setting.TEACHER),
                TeacherMixture.of(settings),
                Contact.of(settings),
                new Distillation.Captured(targets, TrajectorySettings.steps(settings), asCaptured),
                selection,
                precision,
                loss(settings, selection, asCaptured ? Optional.empty() : Optional.of(precision), temperatures),
                ScheduleSettings.of(
                        settings,
                        ScheduleSettings.ALPHA,
                        settings.number(Setting.ALPHA, 0, 1, true),
                        settings.number(Setting.FINAL_ALPHA, 0, 1, true)),
                temperatures,
                settings.integer(Setting.IN_FLIGHT, 1, 1 << 16),
                new Distillation.Accepted(
                        settings.number(Setting.MIN_COVERAGE, 0, 1, true),
                        settings.number(Setting.MAX_TAIL_ERROR, 0, 1, true)));
    }

    private static DistillationLoss loss(
            Settings settings, Selection selection, Optional<Precision> precision, Temperatures temperatures) {
        DistillationLoss onData = LossSettings.loss(settings, selection, precision, temperatures);
        return OnPolicySettings.of(settings)
                .map(own -> own.loss(settings, onData, selection))
                .orElse(onData);
    }

    private static Optimization optimization(Settings settings) {
        return new Optimization(
                ScheduleSettings.of(
                        settings,
                        ScheduleSettings.LEARNING_RATE,
                        settings.number(Setting.LEARNING_RATE, LEAST_STEP, 10, true),
                        settings.number(Setting.FINAL_LEARNING_RATE, 0, 10, true)),
                clipNorm(settings),
                settings.number(Setting.WEIGHT_DECAY, 0, 1, true),
                settings.number(Setting.BETA1, 0, 0.99999, true),
                settings.number(Setting.BETA2, 0, 0.9999999, true),
                settings.number(Setting.EPSILON, LEAST_EPSILON, 1, true));
    }

    private static double clipNorm(Settings settings) {
        double norm = settings.number(Setting.CLIP_NORM, 0, Double.MAX_VALUE, true);
        if (norm > 0 && norm < LEAST_STEP) {
            throw Settings.refused(Setting.CLIP_NORM, norm, "0, or from " + LEAST_STEP);
        }
        return norm;
    }

    private static Run run(Settings settings) {
        ComputePrecision precision =
                ComputePrecision.of(settings.choice(Setting.PRECISION, List.of("float32", "bfloat16")));
        int threads = settings.integer(Setting.THREADS, 0, 4096);
        return new Run(
                new Length(settings.whole(Setting.STEPS, 0, 1L << 40), settings.number(Setting.EPOCHS, 0, 1e6, false)),
                settings.whole(Setting.SEED, 0, Long.MAX_VALUE),
                new ModelOptions(
                        settings.text(Setting.DEVICE),
                        precision,
                        threads == 0 ? Runtime.getRuntime().availableProcessors() : threads),
                settings.flag(Setting.DETERMINISTIC),
                new Memory(settings.integer(Setting.ROW_CHUNK, 1, 1 << 20), settings.flag(Setting.RECOMPUTE)),
                settings.whole(Setting.EVALUATE_EVERY, 0, Long.MAX_VALUE),
                new Checkpoints(
                        settings.whole(Setting.CHECKPOINT_EVERY, 0, Long.MAX_VALUE),
                        settings.number(Setting.CHECKPOINT_MINUTES, 0, 1e6, true),
                        settings.integer(Setting.KEEP_CHECKPOINTS, 1, 1 << 20)),
                settings.whole(Setting.LOG_EVERY, 1, Long.MAX_VALUE),
                settings.choice(Setting.STORED_TYPE, List.of("float32", "bfloat16", "float16")),
                settings.integer(Setting.SAMPLES, 0, 100),
                new Responses(
                        settings.integer(Setting.EVALUATE_RESPONSES, 0, 1 << 20),
                        OnPolicySettings.Writing.of(settings)),
                new Beside(
                        settings.optional(Setting.RECORD_TARGETS).map(Path::of),
                        settings.optional(Setting.EXPORT_INITIAL).map(Path::of)));
    }

    private void checkTogether() {
        if (distillation.alpha() > 0 && !distillation.hasSource()) {
            throw Settings.refused(
                    Setting.ALPHA, distillation.alpha(), "0 where neither teacher nor targets are given");
        }
        // Beside whose responses those of the student are evaluated.
        boolean askedInTheEnd =
                run.responses().count() > 0 && distillation.targets().isEmpty() && onPolicy.isEmpty();
        if (distillation.alpha() == 0 && distillation.hasSource() && !askedInTheEnd) {
            throw Settings.refused(Setting.ALPHA, distillation.alpha(), "above 0 where teacher or targets are given");
        }
        if (distillation.steps().isPresent() && distillation.targets().isEmpty()) {
            throw Settings.refused(Setting.TARGETS_KIND, "trajectory", "data where no targets are given");
        }
        if (run.recordTargets().isPresent()) {
            TrajectorySettings.requireRecordable(this);
        }
        if (onPolicy.isPresent() && run.beside().exportInitial().isPresent()) {
            throw Settings.refused(
                    Setting.EXPORT_INITIAL,
                    run.beside().exportInitial().get(),
                    "empty with on_policy_share above 0, whose text is not known before it is written");
        }
        if (onPolicy.isPresent() && distillation.teachers().isEmpty()) {
            throw Settings.refused(
                    Setting.ON_POLICY_SHARE,
                    onPolicy.get().sharing().share(),
                    "0 where no teacher is given, as nobody can score what the student writes");
        }
        if (distillation.targets().isPresent() && !distillation.teachers().isEmpty()) {
            throw Settings.refused(Setting.TARGETS, distillation.targets().get(), "empty where a teacher is given");
        }
        distillation.mixture().ifPresent(this::requireGoesWith);
        if (!distillation.teachers().isEmpty()) {
            TeacherClient.requireUsable(
                    String.join(",", distillation.teachers()),
                    distillation.contact().security());
        } else if (!distillation.contact().name().isEmpty()) {
            throw Settings.refused(
                    Setting.TEACHER_NAME, distillation.contact().name(), "empty where no teacher is given");
        }
        if (data.heldOut().files().isEmpty() && run.evaluateEvery() > 0) {
            throw Settings.refused(Setting.EVALUATE_EVERY, run.evaluateEvery(), "0 where held_out is not given");
        }
        if (data.heldOut().files().isEmpty() && run.responses().count() > 0) {
            throw Settings.refused(
                    Setting.EVALUATE_RESPONSES, run.responses().count(), "0 where held_out is not given");
        }
        if (run.length().steps() > 0) {
            requireScheduleFits(run.length().steps());
        }
    }

    /** Refuses what several teachers are not for. */
    private void requireGoesWith(TeacherMixture mixture) {
        Map<Setting, List<String>> others = new LinkedHashMap<>();
        others.put(Setting.TEACHER, distillation.teachers());
        others.put(
                Setting.TARGETS,
                distillation.targets().map(Path::toString).stream().toList());
        others.put(
                Setting.ON_POLICY_SHARE,
                onPolicy.map(own -> Double.toString(own.sharing().share())).stream()
                        .toList());
        others.put(Setting.SELECTION, distillation.selection().keepsChosen() ? List.of("chosen") : List.of());
        others.forEach((setting, values) -> {
            if (!values.isEmpty()) {
                throw Settings.refused(
                        setting,
                        String.join(", ", values),
                        "the default with several teachers: " + String.join(", ", mixture.names()));
            }
        });
        mixture.requireUsable(distillation.contact().security());
    }

    /** Refuses a schedule that takes more steps than there are, which only the corpus tells where epochs are counted. */
    void requireScheduleFits(long steps) {
        optimization.schedule().requireFits(steps);
        distillation.alphaSchedule().requireFits(steps);
    }

    static List<Path> paths(Settings settings, Setting setting) {
        List<Path> paths = new ArrayList<>();
        for (String path : settings.list(setting)) {
            paths.add(Path.of(path));
        }
        return List.copyOf(paths);
    }
}
