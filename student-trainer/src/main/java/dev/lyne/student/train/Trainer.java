package dev.lyne.student.train;

import dev.lyne.client.ClientListener;
import dev.lyne.client.ClientOptions;
import dev.lyne.client.DecodeSettings;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDecoder;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.student.rollout.DecodedDraws;
import dev.lyne.student.rollout.DecodedTexts;
import dev.lyne.student.rollout.TeacherDraws;
import dev.lyne.student.rollout.TeacherTexts;
import io.opentelemetry.api.OpenTelemetry;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;

/**
 * Trains a student, from a teacher's stream or without one, and leaves in its directory: {@code metrics.jsonl}, TensorBoard
 * events, checkpoints, the student as a Hugging Face directory, {@code samples.json} and {@code summary.json}.
 */
public final class Trainer {
    /** Texts of the teacher's in the making at a time. */
    private static final int TEXTS_TOGETHER = 64;

    private Trainer() {}

    /**
     * Runs to the end on the calling thread.
     *
     * @param start where it begins; what goes on from a checkpoint ends bit for bit as if never stopped
     * @throws IllegalArgumentException where settings, corpus, student and tokenizer do not fit together, or not to the checkpoint
     * @throws TrainingStoppedException where targets are missing for good or a gradient is not finite
     * @throws dev.lyne.client.TeacherException where the teacher is another one, or gone
     */
    public static RunSummary train(TrainingConfig config, RunStart start, ProgressListener listener)
            throws IOException, InterruptedException {
        return train(config, start, listener, OpenTelemetry.noop());
    }

    /**
     * The same, with spans of what is asked of the teacher.
     *
     * @param telemetry where they go
     */
    public static RunSummary train(
            TrainingConfig config, RunStart start, ProgressListener listener, OpenTelemetry telemetry)
            throws IOException, InterruptedException {
        return new TrainingSession(config, new OpenedResources(listener, telemetry), listener).run(start);
    }

    /** Real models, real teachers, real time. */
    static class OpenedResources implements TrainingSession.TrainingResources {
        private final ProgressListener listener;
        private final OpenTelemetry telemetry;

        /** Tells nobody what is waited for. */
        OpenedResources() {
            this(ProgressListener.none(), OpenTelemetry.noop());
        }

        /**
         * Opens them.
         *
         * @param listener told what is waited for, from any thread
         * @param telemetry where spans of what is asked of a teacher go
         */
        OpenedResources(ProgressListener listener, OpenTelemetry telemetry) {
            this.listener = listener;
            this.telemetry = telemetry;
        }

        @Override
        public TrainingSession.Student openStudent(TrainingConfig config, int vocabularySize) {
            TrainingConfig.Optimization optimization = config.optimization();
            OptimizerOptions optimizer = new OptimizerOptions(
                    optimization.beta1(),
                    optimization.beta2(),
                    optimization.epsilon(),
                    optimization.weightDecay(),
                    optimization.clipNorm(),
                    config.run().memory().rowChunk(),
                    config.run().memory().recompute());
            LossScript loss = config.distillation().enabled()
                    ? config.distillation().loss().script()
                    : LossScript.crossEntropy();
            ModelOptions options = config.run().model();
            TrainableModel model = Files.isDirectory(config.student())
                    ? TrainableModel.load(config.student(), vocabularySize, options, optimizer, loss)
                    : TrainableModel.create(
                            ModelConfiguration.readAndTell(config.student()),
                            vocabularySize,
                            config.run().seed(),
                            options,
                            optimizer,
                            loss);
            return new TrainingSession.Student(model, identity(model.fingerprint()));
        }

        /** The fingerprint as checkpoints have it, and are compared by: always with the plural. */
        private static String identity(ExecutionFingerprint fingerprint) {
            return fingerprint.toString().replace(", 1 thread, ", ", 1 threads, ");
        }

        @Override
        public TargetSource openTeachers(TrainingConfig config) {
            TrainingConfig.Distillation settings = config.distillation();
            return connect(config, settings.contact(), settings.teachers());
        }

        @Override
        public TargetSource openTeachers(TrainingConfig config, TeacherMixture.Part part) {
            return connect(config, config.distillation().contact().to(part.teacherName()), part.addresses());
        }

        private TargetSource connect(TrainingConfig config, TrainingConfig.Contact contact, List<String> addresses) {
            int inFlight = config.distillation().inFlight();
            ClientOptions options = contact.client(config.name(), new ClientListener() {
                        @Override
                        public void onWaiting(String line) {
                            listener.onNotice(line);
                        }

                        @Override
                        public boolean isStopRequested() {
                            return listener.isStopRequested();
                        }
                    })
                    .window(inFlight, (long) inFlight * config.data().context())
                    .telemetry(telemetry)
                    .build();
            return TeacherClient.connect(String.join(",", addresses), options);
        }

        @Override
        public TeacherDraws openDraws(TargetSource teachers, DecodeSettings settings) {
            if (teachers instanceof TeacherClient client) {
                return new DecodedDraws(client.decoder(settings));
            }
            throw new IllegalStateException("draws of " + teachers.describe() + " (expected: a teacher server)");
        }

        @Override
        public TeacherTexts openTexts(TargetSource teachers, DecodeSettings settings) throws InterruptedException {
            if (teachers instanceof TeacherClient client) {
                TeacherDecoder decoder = client.decoder(settings);
                decoder.open(); // which a teacher that does not decode refuses
                return new DecodedTexts(decoder, TEXTS_TOGETHER);
            }
            throw new IllegalStateException("texts of " + teachers.describe() + " (expected: a teacher server)");
        }

        @Override
        public long nanoTime() {
            return System.nanoTime();
        }
    }
}
