package dev.lyne.student.train;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.Trainable;
import dev.lyne.student.checkpoint.Checkpoint;
import dev.lyne.student.checkpoint.CheckpointMismatchException;
import dev.lyne.student.checkpoint.CheckpointStore;
import dev.lyne.student.checkpoint.RunState;
import dev.lyne.student.client.TargetRequest;
import dev.lyne.student.client.TargetSource;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.client.TeacherExpectation;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.evaluate.HeldOutLoss;
import dev.lyne.student.report.ReportPage;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongToDoubleFunction;

/** One run, put together from its settings: corpus, windows, teacher, student, checkpoints. Used once, by one thread. */
final class TrainingSession {
    private final TrainingConfig config;
    private final Surroundings surroundings;
    private final ProgressListener listener;
    private final RunDirectory directory;

    /** What a run needs of the world, so that tests can bring their own. */
    interface Surroundings {
        /** A student to train, and what its last bits depend on. */
        Student openStudent(TrainingConfig config, int vocabularySize) throws IOException;

        /** The teachers of a configuration. */
        TargetSource openTeachers(TrainingConfig config);

        /** The learning rate of a step, counted from 1. */
        LongToDoubleFunction learningRate(TrainingConfig.Optimization optimization, long steps);

        /** Elapsed time. */
        long nanoTime();
    }

    /** A model with the name of what its last bits depend on. */
    record Student(Trainable model, String fingerprint) {}

    TrainingSession(TrainingConfig config, Surroundings surroundings, ProgressListener listener) {
        this.config = config;
        this.surroundings = surroundings;
        this.listener = listener;
        this.directory = new RunDirectory(config.out());
    }

    RunSummary run(boolean resume) throws IOException, InterruptedException {
        Files.createDirectories(directory.events());
        CheckpointStore checkpoints =
                new CheckpointStore(directory.checkpoints(), config.run().keepCheckpoints());
        if (!resume && !checkpoints.isEmpty()) {
            throw new IllegalArgumentException(
                    "out: " + config.out() + " holds checkpoints (expected: a directory without any, or to resume)");
        }
        Optional<Checkpoint> checkpoint = resume ? checkpoints.latest() : Optional.empty();
        try (Tokenizer tokenizer = Tokenizer.load(config.tokenizerDirectory())) {
            Windows windows = windows("corpus", config.data().corpus(), tokenizer);
            Optional<HeldOutLoss> heldOut = config.data().heldOut().isEmpty()
                    ? Optional.empty()
                    : Optional.of(new HeldOutLoss(
                            windows("held_out", config.data().heldOut(), tokenizer),
                            config.data().heldOutWindows(),
                            config.data().microBatchTokens()));
            Student student = surroundings.openStudent(config, tokenizer.vocabularySize());
            try (Trainable model = student.model()) {
                requireFits(model, tokenizer.vocabularySize());
                if (config.distillation().enabled()) {
                    return distil(tokenizer, windows, heldOut, student, checkpoints, checkpoint);
                }
                return train(tokenizer, windows, heldOut, student, checkpoints, checkpoint, Optional.empty());
            }
        }
    }

    private RunSummary distil(
            Tokenizer tokenizer,
            Windows windows,
            Optional<HeldOutLoss> heldOut,
            Student student,
            CheckpointStore checkpoints,
            Optional<Checkpoint> checkpoint)
            throws IOException, InterruptedException {
        TargetColumns columns = columns(tokenizer.vocabularySize());
        TeacherExpectation expectation = new TeacherExpectation(
                checkpoint
                        .map(before -> before.run().identity().get(RunIdentity.TEACHER_MODEL))
                        .orElse(null),
                HexFormat.of().formatHex(tokenizer.digest()),
                tokenizer.vocabularySize(),
                null);
        TrainingConfig.Distillation settings = config.distillation();
        TargetRequest request = settings.topP() == 1
                ? TargetRequest.topK(settings.topK(), columns.temperatures(), expectation)
                : TargetRequest.topPK(
                        settings.topP(),
                        settings.topK(),
                        (float) settings.truncationTemperature(),
                        columns.temperatures(),
                        expectation);
        try (TargetSource source = surroundings.openTeachers(config);
                TargetStream stream = source.open(request)) {
            return train(tokenizer, windows, heldOut, student, checkpoints, checkpoint, Optional.of(stream));
        }
    }

    private RunSummary train(
            Tokenizer tokenizer,
            Windows windows,
            Optional<HeldOutLoss> heldOut,
            Student student,
            CheckpointStore checkpoints,
            Optional<Checkpoint> checkpoint,
            Optional<TargetStream> stream)
            throws IOException, InterruptedException {
        Trainable model = student.model();
        WindowSequence sequence = new WindowSequence(windows, config.run().seed());
        int batch = config.data().batch();
        long steps = config.run().steps() > 0
                ? config.run().steps()
                : sequence.steps(config.run().epochs(), batch);
        TreeMap<String, String> identity = RunIdentity.of(
                config,
                steps,
                windows.packing(config.run().seed()),
                student.fingerprint(),
                stream.map(TargetStream::teacher));
        RunState state = RunTotals.none();
        if (checkpoint.isPresent()) {
            CheckpointStore.requireSame(identity, checkpoint.get());
            state = checkpoint.get().run();
            requireCursor(sequence, state, batch);
            model.restoreState(checkpoint.get().stateFile());
        }
        RunReports.writeSettings(config.settings(), directory.settings());
        RunTotals totals = new RunTotals(state, identity);
        listener.onStart(new ProgressListener.Start(
                config.name(), model.parameters(), windows.count(), windows.lossTokens(), state.step(), steps));
        Optional<TargetFeed> feed = stream.map(
                open -> new TargetFeed(open, sequence, totals.step() * batch, steps * batch, surroundings::nanoTime));
        try (MetricsFile metrics = MetricsFile.open(directory.metrics(), state.metricsBytes());
                EventFile events = EventFile.open(directory.eventFile(), state.eventBytes(), InstantSource.system())) {
            TrainingLoop.Parts parts = new TrainingLoop.Parts(
                    model,
                    sequence,
                    feed,
                    new MicroBatches(
                            config.distillation().alpha(),
                            config.data().microBatchTokens(),
                            columns(tokenizer.vocabularySize())),
                    surroundings.learningRate(config.optimization(), steps),
                    heldOut,
                    checkpoints,
                    metrics,
                    events,
                    listener,
                    surroundings::nanoTime);
            new TrainingLoop(
                            parts,
                            new TrainingLoop.Plan(
                                    steps,
                                    batch,
                                    config.run().evaluateEvery(),
                                    config.run().checkpointEvery(),
                                    config.run().logEvery(),
                                    config.distillation().minCoverage()),
                            totals)
                    .run();
        }
        return finish(tokenizer, heldOut, model, totals);
    }

    private RunSummary finish(Tokenizer tokenizer, Optional<HeldOutLoss> heldOut, Trainable model, RunTotals totals)
            throws IOException {
        model.export(directory.model(), config.run().storedType());
        RunDirectory.copyTokenizer(config.tokenizerDirectory(), directory.model());
        if (heldOut.isPresent() && config.run().samples() > 0) {
            Samples.write(
                    directory.samples(),
                    Samples.of(
                            model::generate,
                            tokenizer,
                            heldOut.get().windows(),
                            config.run().samples()));
        }
        RunSummary summary = RunSummary.of(
                config.name(), config.distillation().enabled(), model.parameters(), totals.state(0, 0, 0, 0));
        summary.write(directory.summary());
        ReportPage.write(RunReports.single(directory), directory.report());
        return summary;
    }

    private Windows windows(String name, List<Path> inputs, Tokenizer tokenizer) throws IOException {
        Corpus corpus = Corpus.of(inputs, config.data().textField());
        TokenStore store = TokenStore.open(
                config.data().cache(),
                corpus,
                TextEncoder.of(tokenizer),
                Math.max(1, config.run().model().threads()),
                (done, total) -> listener.onTokenise(name, done, total));
        return new Windows(store, config.data().context());
    }

    private TargetColumns columns(int vocabularySize) {
        return new TargetColumns((float) config.distillation().teacherTemperature(), vocabularySize);
    }

    private void requireFits(Trainable model, int vocabularySize) {
        // A padded output column would take part in the student's softmax and in no teacher's.
        if (model.configuration().vocabularySize() != vocabularySize) {
            throw new IllegalArgumentException("student: vocab_size "
                    + model.configuration().vocabularySize() + " (expected: the tokenizer's " + vocabularySize + ")");
        }
        if (model.configuration().contextLength() < config.data().context()) {
            throw Settings.refused(
                    Setting.CONTEXT,
                    config.data().context(),
                    "at most the student's " + model.configuration().contextLength());
        }
    }

    private static void requireCursor(WindowSequence sequence, RunState state, int batch)
            throws CheckpointMismatchException {
        long place = sequence.place(state.epoch(), state.index());
        if (place != state.step() * batch) {
            throw new CheckpointMismatchException("checkpoint of step " + state.step() + ": cursor at window " + place
                    + " (expected: " + state.step() * batch + ")");
        }
    }
}
