package dev.lyne.student.train;

import dev.lyne.client.DecodeSettings;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherDescription;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.capture.CaptureSource;
import dev.lyne.files.DirectoryLock;
import dev.lyne.files.UnwritableFileException;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.Trainable;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.row.TextConventions;
import dev.lyne.student.checkpoint.Checkpoint;
import dev.lyne.student.checkpoint.CheckpointMismatchException;
import dev.lyne.student.checkpoint.CheckpointStore;
import dev.lyne.student.checkpoint.RunState;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.evaluate.HeldOutLoss;
import dev.lyne.student.report.ReportPage;
import dev.lyne.student.rollout.Prompt;
import dev.lyne.student.rollout.ResponseEvaluation;
import dev.lyne.student.rollout.ResponseWriter;
import dev.lyne.student.rollout.RolloutWriter;
import dev.lyne.student.rollout.TeacherDraws;
import dev.lyne.student.rollout.TeacherTexts;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Run of a training, put together from its settings: corpus, windows, teacher, student, checkpoints. Used once, by one
 * thread.
 */
final class TrainingSession {
    private static final int RESPONSES_TOGETHER = 64;

    /** Ids of the teacher's that the divergence of exposure bias is over, beside one bucket. */
    private static final int EXPOSED_IDS = 64;

    private final TrainingConfig config;
    private final TrainingResources resources;
    private final ProgressListener listener;
    private final RunDirectory directory;

    /** Resources of the world that a run needs, so that tests can bring their own. */
    interface TrainingResources {
        /** A student to train, and what its last bits depend on. */
        Student openStudent(TrainingConfig config, int vocabularySize) throws IOException;

        /** The servers of a configuration's teacher. */
        TargetSource openTeachers(TrainingConfig config);

        /** The servers of one of its several teachers. */
        TargetSource openTeachers(TrainingConfig config, TeacherMixture.Part part);

        /** The teacher as one that draws tokens. */
        TeacherDraws openDraws(TargetSource teachers, DecodeSettings settings);

        /** The teacher as one that writes texts by itself. */
        TeacherTexts openTexts(TargetSource teachers, DecodeSettings settings) throws InterruptedException;

        /** Elapsed time. */
        long nanoTime();
    }

    /** A model with the name of what its last bits depend on. */
    record Student(Trainable model, String fingerprint) {}

    TrainingSession(TrainingConfig config, TrainingResources resources, ProgressListener listener) {
        this.config = config;
        this.resources = resources;
        this.listener = listener;
        this.directory = new RunDirectory(config.out());
    }

    RunSummary run(RunStart start) throws IOException, InterruptedException {
        RunInputs inputs = RunInputs.find(config);
        try (DirectoryLock lock = DirectoryLock.take(config.out(), ".run.lock")
                .orElseThrow(() -> new IllegalStateException(
                        "out: " + config.out() + ": another run writes into it (expected: one at a time)"))) {
            return run(inputs, start);
        } catch (UnwritableFileException e) {
            throw new IOException(e.getMessage() + "; " + CheckpointStore.REMEDY, e);
        }
    }

    private RunSummary run(RunInputs inputs, RunStart start) throws IOException, InterruptedException {
        try (Tokenizer tokenizer = Tokenizer.load(config.tokenizerDirectory())) {
            inputs.requireFit(tokenizer, config.distillation());
            Files.createDirectories(directory.events());
            CheckpointStore checkpoints = new CheckpointStore(
                    directory.checkpoints(), config.run().checkpoints().keep());
            Optional<Checkpoint> checkpoint = checkpoint(checkpoints, start);
            TrainingMaterial material = material(inputs, tokenizer);
            config.requireScheduleFits(material.steps());
            Student student = resources.openStudent(config, tokenizer.vocabularySize());
            try (Trainable model = student.model()) {
                if (!config.distillation().enabled()) {
                    return train(material, student, checkpoints, begin(start, checkpoint), Optional.empty());
                }
                return learn(material, student, checkpoints, begin(start, checkpoint));
            }
        }
    }

    private RunSummary learn(
            TrainingMaterial material, Student student, CheckpointStore checkpoints, Beginning beginning)
            throws IOException, InterruptedException {
        if (config.distillation().mixture().isPresent()) {
            return learnFromSeveral(material, student, checkpoints, beginning);
        }
        try (TargetSource source = RunTargets.open(config, resources, material.windows())) {
            requireSameEnds(source.describe(), material);
            if (config.onPolicy()
                    .map(own -> own.sharing().share() < 1 || own.corpusWeight() > 0)
                    .orElse(true)) {
                material.windows().requireSeenBy(source.describe().contextLength());
            }
            TargetRequest request = RunTargets.request(
                    config.distillation(),
                    source,
                    material.tokenizer(),
                    teacherDigest(beginning.checkpoint(), ""),
                    config.run().deterministic());
            try (TargetStream stream = source.open(request)) {
                TrainingMaterial held = source instanceof CaptureSource capture
                        ? material.over(held(capture, material.windows()), config)
                        : material;
                Optional<OwnTextRun> ownText = OwnTextRun.open(config, resources, source, request, material);
                try {
                    Taught taught = new Taught(Map.of("", stream), ownText);
                    return train(held, student, checkpoints, beginning, Optional.of(taught));
                } finally {
                    ownText.ifPresent(OwnTextRun::close);
                }
            }
        }
    }

    /** Trains where several teachers are mixed, each with a stream of its own. */
    private RunSummary learnFromSeveral(
            TrainingMaterial material, Student student, CheckpointStore checkpoints, Beginning beginning)
            throws IOException, InterruptedException {
        Map<String, TargetStream> streams = new LinkedHashMap<>();
        List<TargetSource> sources = new ArrayList<>();
        try {
            for (TeacherMixture.Part part :
                    config.distillation().mixture().orElseThrow().parts()) {
                TargetSource source = resources.openTeachers(config, part);
                sources.add(source);
                requireSameVocabulary(part.name(), source.describe(), material.tokenizer());
                requireSameEnds(source.describe(), material);
                material.windows().requireSeenBy(source.describe().contextLength());
                streams.put(
                        part.name(),
                        source.open(RunTargets.request(
                                config.distillation(),
                                source,
                                material.tokenizer(),
                                teacherDigest(beginning.checkpoint(), part.name()),
                                config.run().deterministic())));
            }
            return train(material, student, checkpoints, beginning, Optional.of(new Taught(streams, Optional.empty())));
        } finally {
            streams.values().forEach(TargetStream::close);
            sources.forEach(TargetSource::close);
        }
    }

    /** Rows of teachers that are mixed are over the same ids; the tokenizers are compared as their streams open. */
    private static void requireSameVocabulary(String name, TeacherDescription teacher, Tokenizer tokenizer) {
        if (teacher.vocabularySize() != tokenizer.vocabularySize()) {
            throw Settings.refused(
                    Setting.TEACHERS,
                    name + " with a vocabulary of " + teacher.vocabularySize() + " tokens",
                    tokenizer.vocabularySize() + ", as the student's tokenizer has");
        }
    }

    /**
     * Says what the teacher's files say otherwise of texts than the student's; refuses a student that writes, or that a teacher draws with,
     * where its texts end otherwise, unless the user has said how they end.
     */
    private void requireSameEnds(TeacherDescription teacher, TrainingMaterial material) {
        if (config.onPolicy().isPresent()) {
            OnPolicySettings.requireDecodes(config.onPolicy().get(), teacher);
        }
        if (teacher.conventions().isEmpty()) {
            return;
        }
        TextConventions own = material.tokenizer().conventions(material.text().wrapping());
        own.otherEnd(teacher.conventions().get()).ifPresent(other -> {
            if (config.onPolicy().isPresent() && config.data().eos().auto()) {
                throw new IllegalArgumentException(other + "; --eos says how they are to end");
            }
            listener.onNotice(other);
        });
        own.otherwise(teacher.conventions().get()).forEach(listener::onNotice);
    }

    /**
     * Where rows come from.
     *
     * @param data windows of the corpus, by the teachers' names; an only one has none
     * @param ownText text that the student writes; absent where it writes none
     */
    private record Taught(Map<String, TargetStream> data, Optional<OwnTextRun> ownText) {
        /** Returns the descriptions of the teachers, by name. */
        Map<String, TeacherDescription> teachers() {
            Map<String, TeacherDescription> teachers = new LinkedHashMap<>();
            data.forEach((name, stream) -> teachers.put(name, stream.teacher()));
            return teachers;
        }
    }

    /** The windows that the capture holds rows of, of the steps of a trajectory that are learnt from; else all. */
    private Windows held(CaptureSource capture, Windows windows) throws IOException {
        if (config.distillation().steps().isEmpty()) {
            return windows;
        }
        LongStream.Builder held = LongStream.builder();
        for (long number = 0; number < windows.count(); number++) {
            Window window = windows.window(number);
            if (capture.holds(window.tokens(), window.positions())) {
                held.add(number);
            }
        }
        return windows.only(held.build().toArray());
    }

    /** The checkpoint to go on from, if any; makes sure that the directory is as the start wants it. */
    private Optional<Checkpoint> checkpoint(CheckpointStore checkpoints, RunStart start) throws IOException {
        if (!start.resumes()) {
            if (!checkpoints.isEmpty()) {
                throw new IllegalArgumentException("out: " + config.out()
                        + " holds checkpoints (expected: a directory without any, or to resume)");
            }
            directory.requireNoModel();
            checkpoints.begin();
            return Optional.empty();
        }
        Optional<Checkpoint> newest = checkpoints.latest();
        if (newest.isEmpty() && start.mode() == RunStart.Mode.RESUME) {
            throw new IllegalArgumentException("out: " + config.out()
                    + " holds no checkpoint to resume from (expected: one, or --from-start to begin at step 0)");
        }
        if (newest.isEmpty()) {
            directory.requireNoModel();
        }
        return newest;
    }

    /** State that step 1, or the next one, begins with. */
    private record Beginning(Optional<Checkpoint> checkpoint, Optional<RunStart.Fork> fork) {}

    private static Beginning begin(RunStart start, Optional<Checkpoint> checkpoint) {
        return new Beginning(checkpoint, start.fork());
    }

    private TrainingMaterial material(RunInputs inputs, Tokenizer tokenizer) throws IOException {
        DocumentWrapping wrapping = inputs.wrapping(tokenizer, config.data());
        listener.onNotice(wrapping.describe());
        Set<Integer> stopIds = tokenizer.stopIds(wrapping);
        TextEncoder encoder = TextEncoder.of(tokenizer, wrapping);
        Texts texts =
                texts(Setting.CORPUS, inputs.corpus(), encoder, config.data().windows());
        Optional<HeldOutLoss> heldOut = inputs.heldOut().isEmpty()
                ? Optional.empty()
                : Optional.of(new HeldOutLoss(
                        config.data()
                                .heldOut()
                                .part()
                                .of(texts(Setting.HELD_OUT, inputs.heldOut().get(), encoder, 0)
                                        .windows()),
                        config.data().heldOut().windows(),
                        config.data().microBatchTokens()));
        return TrainingMaterial.of(
                tokenizer,
                inputs.corpus(),
                new TrainedText(wrapping, stopIds, texts.store().skipped(), texts.windows()),
                heldOut,
                config);
    }

    private static @Nullable String teacherDigest(Optional<Checkpoint> checkpoint, String teacher) {
        return checkpoint
                .map(before -> before.run().identity().get(RunIdentity.teacherModel(teacher)))
                .orElse(null);
    }

    private StepFeed feed(Taught taught, TrainingMaterial material, Trainable model, RunState state, long steps) {
        long batch = config.data().batch();
        TargetFeed.Teachers teachers =
                new TargetFeed.Teachers(List.copyOf(taught.data().values()), material.choice(config));
        if (taught.ownText().isEmpty()) {
            return dataFeed(teachers, material.sequence(), model, state.step() * batch, steps * batch);
        }
        OnPolicySettings own = config.onPolicy().orElseThrow();
        OwnTextSteps kinds = new OwnTextSteps(
                own.sharing(), config.run().seed(), config.data().batch(), state.step(), steps, state.progress());
        boolean beside = own.corpusWeight() > 0;
        StepFeed data = dataFeed(
                teachers, material.sequence(), model, kinds.corpusWindows(beside), kinds.corpusWindowsInAll(beside));
        return taught.ownText().get().feed(data, material, model, kinds, resources::nanoTime, listener);
    }

    private StepFeed dataFeed(
            TargetFeed.Teachers teachers, WindowSequence sequence, Trainable model, long first, long end) {
        if (config.distillation().selection() instanceof Selection.Chosen rule) {
            TargetStream stream = teachers.streams().get(0); // of several, settings refuse it
            return new ChosenFeed(
                    stream,
                    sequence,
                    first,
                    new StudentTopIds(model, config.data().microBatchTokens()),
                    rule.k(),
                    new RetryingTake(stream, resources::nanoTime, listener::isStopRequested));
        }
        return new TargetFeed(teachers, sequence, first, end, resources::nanoTime, listener::isStopRequested);
    }

    private RunSummary train(
            TrainingMaterial material,
            Student student,
            CheckpointStore checkpoints,
            Beginning beginning,
            Optional<Taught> taught)
            throws IOException, InterruptedException {
        Trainable model = student.model();
        Windows windows = material.windows();
        WindowSequence sequence = material.sequence();
        int batch = config.data().batch();
        long steps = material.steps();
        TreeMap<String, String> identity = RunIdentity.of(
                config,
                steps,
                windows.packing(config.run().seed()),
                model.configuration(),
                student.fingerprint(),
                taught.map(Taught::teachers).orElse(Map.of()));
        config.distillation()
                .mixture()
                .ifPresent(mixture ->
                        identity.putAll(mixture.identity(config.data().corpus(), material.corpus())));
        identity.putAll(RunIdentity.ofEvaluation(config, material.heldOut()));
        Optional<Checkpoint> checkpoint = beginning.checkpoint();
        RunState state = RunTotals.none();
        if (checkpoint.isPresent()) {
            Ancestry.copy(checkpoint.get(), beginning.fork(), identity);
            RunIdentity.requireSame(identity, checkpoint.get());
            state = checkpoint.get().run();
            requireCursor(sequence, state, batch);
            requireStepsFollow(state, steps);
            model.restoreState(checkpoint.get().stateFile());
        } else if (beginning.fork().isPresent()) {
            Ancestry.fork(beginning.fork().get(), model, identity);
        }
        RunReports.writeSettings(config.settings(), directory.settings());
        RunState start = state;
        List<String> mixed =
                config.distillation().mixture().map(TeacherMixture::names).orElse(List.of());
        RunTotals totals = new RunTotals(state, identity, mixed);
        LossProgress loss = config.distillation().enabled()
                ? LossProgress.of(config.distillation().loss(), steps, state.progress())
                : LossProgress.none();
        listener.onStart(new ProgressListener.Start(
                config.name(), model.parameters(), windows.count(), windows.lossTokens(), state.step(), steps));
        material.unevenEpochs(config).ifPresent(listener::onNotice);
        Optional<InitialExport> initial = initial(material, model, state.step());
        Optional<StepFeed> feed = taught.map(rows -> feed(rows, material, model, start, steps));
        try (Recording recording = recording(material, model, identity, totals.step());
                MetricsFile metrics =
                        MetricsFile.open(directory.metrics(), state.files().metricsBytes());
                EventFile events =
                        EventFile.open(directory.eventFile(), state.files().eventBytes(), InstantSource.system())) {
            requireWhole(
                    directory.metrics(), metrics.wholeBytes(), state.files().metricsBytes());
            requireWhole(
                    directory.eventFile(), events.wholeBytes(), state.files().eventBytes());
            MicroBatches batches = new MicroBatches(
                    config.data().microBatchTokens(),
                    config.distillation().enabled()
                            ? Optional.of(config.distillation().loss())
                            : Optional.empty(),
                    config.onPolicy().map(OnPolicySettings::corpusWeight).orElse(1.0),
                    config.onPolicy().map(own -> own.singleStep().counts()).orElse(true));
            TrainingLoop.Parts parts = new TrainingLoop.Parts(
                    new TrainingLoop.Learning(
                            model, sequence, feed, batches, RunSchedules.of(config, steps), loss, mixed),
                    new TrainingLoop.Outputs(checkpoints, metrics, events, recording.recorder(), initial),
                    material.heldOut(),
                    listener,
                    resources::nanoTime);
            new TrainingLoop(
                            parts,
                            new TrainingLoop.Plan(
                                    config.name(),
                                    steps,
                                    batch,
                                    config.run().evaluateEvery(),
                                    config.run().checkpoints(),
                                    config.run().logEvery(),
                                    config.distillation().minCoverage()),
                            totals,
                            checkpoint.isPresent() ? state.step() : -1)
                    .run();
        }
        return finish(material, model, totals);
    }

    /** Writes the student as it stands before step 1; says so where it does not stand there any more. */
    private Optional<InitialExport> initial(TrainingMaterial material, Trainable model, long step) throws IOException {
        Optional<Path> wanted = config.run().beside().exportInitial();
        if (wanted.isEmpty()) {
            return Optional.empty();
        }
        if (step > 0) {
            listener.onNotice(
                    "export_initial: " + wanted.get() + " is not written, as the run goes on from step " + step);
            return Optional.empty();
        }
        InitialExport export = new InitialExport(wanted.get());
        export.write(config, material, model);
        return Optional.of(export);
    }

    /** Says what is missing of a file that the checkpoint counts on no more than people do. */
    private void requireWhole(Path file, long bytes, long expected) {
        if (bytes < expected) {
            listener.onNotice(file + ": " + bytes + " whole bytes (expected: " + expected
                    + " as at the checkpoint); what is missing stays missing");
        }
    }

    /** Refuses a total that is over; says how the learning rate goes on under another total. */
    private void requireStepsFollow(RunState state, long steps) {
        long before = Long.parseLong(state.identity().getOrDefault(RunIdentity.STEPS, Long.toString(steps)));
        if (steps < state.step()) {
            throw Settings.refused(Setting.STEPS, steps, "at least " + state.step() + ", which are done");
        }
        if (steps == before || steps == state.step()) {
            return;
        }
        double last = RunSchedules.of(config, before).learningRate().learningRateAt(state.step());
        double next = RunSchedules.of(config, steps).learningRate().learningRateAt(state.step() + 1);
        listener.onNotice("%,d steps in place of %,d: the learning rate %s from %.3g at step %,d to %.3g at step %,d"
                .formatted(
                        steps,
                        before,
                        Math.abs(next - last) > 0.1 * Math.max(next, last) ? "jumps" : "goes",
                        last,
                        state.step(),
                        next,
                        state.step() + 1));
    }

    /** Recorder beside the training, if anything is recorded. */
    private record Recording(Optional<TrajectoryRecorder> recorder) implements Closeable {
        @Override
        public void close() throws IOException {
            if (recorder.isPresent()) {
                recorder.get().close();
            }
        }
    }

    private Recording recording(TrainingMaterial material, Trainable model, Map<String, String> identity, long step)
            throws IOException {
        if (config.run().recordTargets().isEmpty()) {
            return new Recording(Optional.empty());
        }
        return new Recording(Optional.of(TrajectoryRecorder.open(
                config.run().recordTargets().get(),
                TrajectorySettings.planned(
                        config, material.steps(), material.windows(), material.tokenizer(), model, identity),
                model.scorer(),
                config.data().microBatchTokens(),
                step)));
    }

    private RunSummary finish(TrainingMaterial material, Trainable model, RunTotals totals)
            throws IOException, InterruptedException {
        model.export(directory.model(), config.run().storedType());
        RunDirectory.copyTokenizer(config.tokenizerDirectory(), directory.model());
        RunDirectory.nameEnd(directory.model(), material.text().wrapping());
        if (material.heldOut().isPresent() && config.run().samples() > 0) {
            Samples.write(
                    directory.samples(),
                    Samples.of(
                            model::generate,
                            material.tokenizer(),
                            material.text().stopIds(),
                            material.heldOut().get().windows(),
                            config.run().samples()));
        }
        RunSummary summary = RunSummary.of(
                config.name(),
                config.distillation(),
                material.text(),
                model.parameters(),
                responses(material, model),
                totals);
        summary.write(directory.summary());
        ReportPage.write(RunReports.single(directory), directory.report());
        return summary;
    }

    /**
     * Returns the evaluation of responses to the beginnings of held-out windows, evenly spread; absent where nothing is
     * to be written.
     */
    private Optional<ResponseEvaluation> responses(TrainingMaterial material, Trainable model)
            throws InterruptedException {
        TrainingConfig.Responses wanted = config.run().responses();
        if (wanted.count() == 0 || material.heldOut().isEmpty()) {
            return Optional.empty();
        }
        Windows passages = heldOutPassages(material);
        long count = Math.min(wanted.count(), passages.count());
        List<Prompt> prompts = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            Windows.Passage passage = passages.passage(
                    i * passages.count() / count,
                    wanted.writing().promptTokens(),
                    wanted.writing().responseTokens());
            prompts.add(Prompt.of(i, passage));
        }
        int maxTokens = wanted.writing().responseTokens();
        listener.onNotice("responding to %,d held-out prompts".formatted(count));
        try (ResponseWriter writer = new RolloutWriter(
                        () -> model.decoder(wanted.writing().cacheBytes()),
                        new RolloutWriter.Options(
                                RESPONSES_TOGETHER,
                                maxTokens,
                                config.data().context(),
                                material.text().stopIds(),
                                wanted.writing().student(),
                                config.run().seed(),
                                true),
                        Optional.empty(),
                        listener::isStopRequested);
                ScoringModel scorer = ScoringModel.load(
                        directory.model(),
                        config.run().model(),
                        new ScoringOptions(
                                material.tokenizer().vocabularySize(),
                                config.run().memory().rowChunk(),
                                false))) {
            ResponseEvaluation.Setup setup = new ResponseEvaluation.Setup(
                    scorer,
                    material.tokenizer(),
                    maxTokens,
                    config.data().context(),
                    config.data().microBatchTokens());
            if (config.distillation().teachers().isEmpty()) {
                return Optional.of(ResponseEvaluation.of(writer, prompts, setup, Optional.empty()));
            }
            return Optional.of(besideTeacher(writer, prompts, setup, material));
        } catch (CancellationException e) {
            throw new TrainingStoppedException(
                    "stopped as asked while held-out prompts were responded to, after the last step;"
                            + " resume responds to them again");
        }
    }

    private static Windows heldOutPassages(TrainingMaterial material) {
        return material.heldOut().orElseThrow().windows().passages();
    }

    private ResponseEvaluation besideTeacher(
            ResponseWriter writer, List<Prompt> prompts, ResponseEvaluation.Setup setup, TrainingMaterial material)
            throws InterruptedException {
        OnPolicySettings.Writing writing = config.run().responses().writing();
        TeacherExpectation expectation = RunTargets.expectation(material.tokenizer(), null);
        try (TargetSource source = resources.openTeachers(config)) {
            TeacherDescription.Abilities abilities = source.describe().abilities();
            if (!abilities.decodes()) {
                listener.onNotice("no exposure bias of responses: the teacher draws no tokens");
                return ResponseEvaluation.of(writer, prompts, setup, Optional.empty());
            }
            heldOutPassages(material)
                    .requirePassagesSeenBy(
                            source.describe().contextLength(), writing.promptTokens(), writing.responseTokens());
            int k = Math.min(
                    Math.min(EXPOSED_IDS, abilities.maxK()), setup.tokenizer().vocabularySize());
            try (TargetStream rows = source.open(
                            new TargetRequest(new Selection.TopK(k, List.of()), Precision.EXACT, false, expectation));
                    TeacherTexts texts = resources.openTexts(
                            source,
                            new DecodeSettings(
                                    writing.temperature(),
                                    writing.topP(),
                                    config.run().seed(),
                                    material.text().stopIds(),
                                    expectation,
                                    false))) {
                return ResponseEvaluation.of(
                        writer, prompts, setup, Optional.of(new ResponseEvaluation.Teaching(texts, rows)));
            }
        }
    }

    /** A tokenised corpus and the windows of it that are used. */
    private record Texts(TokenStore store, Windows windows) {}

    private Texts texts(Setting what, Corpus corpus, TextEncoder encoder, long sample) throws IOException {
        TokenStore store = TokenStore.open(
                config.data().cache(),
                corpus,
                encoder,
                Math.max(1, config.run().model().threads()),
                new TokenStore.Progress() {
                    @Override
                    public void update(long done, long total) {
                        listener.onTokenise(what.key(), done, total);
                        waits();
                    }

                    @Override
                    public void waits() {
                        if (listener.isStopRequested()) {
                            throw new TrainingStoppedException("stopped as asked before the first step");
                        }
                    }
                });
        Windows windows = RunTargets.sampled(new Windows(store, config.data().context()), sample);
        CorpusNotices.of(what.key(), corpus, store, windows).forEach(listener::onNotice);
        return new Texts(store, windows);
    }

    private static void requireCursor(WindowSequence sequence, RunState state, int batch)
            throws CheckpointMismatchException {
        long place = sequence.place(state.cursor().epoch(), state.cursor().index());
        if (place != state.step() * batch) {
            throw new CheckpointMismatchException("checkpoint of step " + state.step() + ": cursor at window " + place
                    + " (expected: " + state.step() * batch + ")");
        }
    }
}
