package dev.lyne.student.train;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.evaluate.HeldOutLoss;
import dev.lyne.student.tokens.Windows;
import java.util.Optional;

/**
 * Material of a run: what is trained on, in order, and what is evaluated on.
 *
 * @param corpus the files of the text
 */
record TrainingMaterial(
        Tokenizer tokenizer,
        Corpus corpus,
        TrainedText text,
        Optional<HeldOutLoss> heldOut,
        WindowSequence sequence,
        long steps) {
    static TrainingMaterial of(
            Tokenizer tokenizer,
            Corpus corpus,
            TrainedText text,
            Optional<HeldOutLoss> heldOut,
            TrainingConfig config) {
        WindowSequence sequence =
                new WindowSequence(text.windows(), config.run().seed());
        long steps = config.run().length().steps() > 0
                ? config.run().length().steps()
                : sequence.steps(config.run().length().epochs(), config.data().batch());
        return new TrainingMaterial(tokenizer, corpus, text, heldOut, sequence, steps);
    }

    /**
     * Returns in words what epochs that do not fill whole batches have become; empty where they do, or steps were
     * given.
     */
    Optional<String> unevenEpochs(TrainingConfig config) {
        int batch = config.data().batch();
        double wanted = config.run().length().epochs() * windows().count();
        return config.run().length().steps() > 0 || wanted == (double) steps * batch
                ? Optional.empty()
                : Optional.of("epochs %s of %,d windows do not fill batches of %d: %,d steps, %.4g epochs"
                        .formatted(
                                config.run().length().epochs(),
                                windows().count(),
                                batch,
                                steps,
                                (double) steps * batch / windows().count()));
    }

    /** Returns this material over others of the corpus's windows. */
    TrainingMaterial over(Windows others, TrainingConfig config) {
        return of(tokenizer, corpus, text.over(others), heldOut, config);
    }

    /** Returns the choice of the teacher that is asked for a window; the only one where there are not several. */
    TeacherChoice choice(TrainingConfig config) {
        return config.distillation()
                .mixture()
                .map(mixture -> mixture.choice(
                        config.data().corpus(), corpus, sequence, config.run().seed()))
                .orElse(TeacherChoice.ALONE);
    }

    Windows windows() {
        return text.windows();
    }
}
