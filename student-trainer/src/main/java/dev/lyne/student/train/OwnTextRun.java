package dev.lyne.student.train;

import dev.lyne.client.DecodeSettings;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.lm.training.Trainable;
import dev.lyne.row.Precision;
import dev.lyne.student.rollout.RolloutFiles;
import dev.lyne.student.rollout.RolloutWriter;
import dev.lyne.student.rollout.TimedDraws;
import dev.lyne.student.tokens.Windows;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * The teacher's part in a run on the student's own text: a stream that scores that text, and draws where the teacher
 * mixes in.
 */
final class OwnTextRun implements AutoCloseable {
    private final TrainingConfig config;
    private final OnPolicySettings settings;
    private final TargetStream stream;
    private final Optional<TimedDraws> draws;

    private OwnTextRun(
            TrainingConfig config, OnPolicySettings settings, TargetStream stream, Optional<TimedDraws> draws) {
        this.config = config;
        this.settings = settings;
        this.stream = stream;
        this.draws = draws;
    }

    /**
     * Opens it, where the configuration has steps on such text. Rows are exact: their labels' log-probabilities are rewards and weights.
     *
     * @param data what is asked of the teacher for data, with the very teacher meant
     */
    static Optional<OwnTextRun> open(
            TrainingConfig config,
            TrainingSession.TrainingResources resources,
            TargetSource source,
            TargetRequest data,
            TrainingMaterial material) {
        if (config.onPolicy().isEmpty()) {
            return Optional.empty();
        }
        OnPolicySettings settings = config.onPolicy().get();
        TargetStream stream = source.open(new TargetRequest(
                settings.singleStep()
                        .selection(data.selection(), material.tokenizer().vocabularySize()),
                Precision.EXACT,
                false,
                data.expectation(),
                data.sameBits()));
        if (settings.proposal().mixing() == 0) {
            return Optional.of(new OwnTextRun(config, settings, stream, Optional.empty()));
        }
        OnPolicySettings.Writing writing = settings.writing();
        DecodeSettings decoding = new DecodeSettings(
                writing.temperature(),
                writing.topP(),
                config.run().seed(),
                material.text().stopIds(),
                data.expectation(),
                data.sameBits());
        try {
            return Optional.of(new OwnTextRun(
                    config,
                    settings,
                    stream,
                    Optional.of(new TimedDraws(resources.openDraws(source, decoding), resources::nanoTime))));
        } catch (RuntimeException e) {
            stream.close();
            throw e;
        }
    }

    /**
     * The steps of the run.
     *
     * @param data windows of the corpus, from the first that a step after {@code step} takes
     * @param kinds what each step is on
     */
    StepFeed feed(
            StepFeed data,
            TrainingMaterial material,
            Trainable model,
            OwnTextSteps kinds,
            LongSupplier nanoTicker,
            ProgressListener listener) {
        long seed = config.run().seed();
        Windows passages = material.windows().passages();
        passages.requirePassagesSeenBy(
                stream.teacher().contextLength(),
                settings.writing().promptTokens(),
                settings.writing().responseTokens());
        long cut = passages.cutPrompts(settings.writing().responseTokens());
        if (cut > 0) {
            listener.onNotice(
                    "%,d of %,d prompts leave too little room for a response of %d tokens in a context of %d: their last tokens are taken"
                            .formatted(
                                    cut,
                                    passages.count(),
                                    settings.writing().responseTokens(),
                                    config.data().context()));
        }
        return new OwnTextFeed(
                new OwnTextFeed.Parts(
                        data,
                        stream,
                        new WindowSequence(passages, seed + 1),
                        writer(material, model, listener::isStopRequested),
                        new RolloutFiles(new RunDirectory(config.out()).rollouts()),
                        new StudentTopIds(model, config.data().microBatchTokens()),
                        listener::onNotice,
                        nanoTicker,
                        () -> draws.map(TimedDraws::waitedNanos).orElse(0L),
                        listener::isStopRequested),
                settings,
                config.data().batch(),
                seed,
                kinds);
    }

    private RolloutWriter writer(TrainingMaterial material, Trainable model, BooleanSupplier stopRequested) {
        OnPolicySettings.Writing writing = settings.writing();
        return new RolloutWriter(
                () -> model.decoder(writing.cacheBytes()),
                new RolloutWriter.Options(
                        settings.phase().rollouts(),
                        writing.responseTokens(),
                        config.data().context(),
                        material.text().stopIds(),
                        writing.student(),
                        config.run().seed(),
                        config.run().deterministic()),
                draws.map(teacher ->
                        new RolloutWriter.Mixture(teacher, settings.proposal().mixing(), settings.tellsAll())),
                stopRequested);
    }

    @Override
    public void close() {
        draws.ifPresent(TimedDraws::close);
        stream.close();
    }
}
