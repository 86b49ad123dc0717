package dev.lyne.teacher.model;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.tokenizer.BytePairTrainer;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A small random llama with a tokenizer, as a Hugging Face directory. */
public final class TinyModelDirectory {
    public static final int CONTEXT = 300;
    public static final int PADDED_VOCABULARY = 320;
    public static final ModelOptions OPTIONS = new ModelOptions("cpu", ComputePrecision.FLOAT32, 1);

    private TinyModelDirectory() {}

    /** Writes one; its embedding has more rows than its tokenizer has ids. */
    public static Path write(Path directory, int vocabularySize) throws IOException {
        ModelConfiguration configuration = ModelConfiguration.llama(
                new ModelConfiguration.Sizes(vocabularySize, CONTEXT, 32, 2), 4, 2, 64, 10_000, true);
        try (TrainableModel model = TrainableModel.create(
                configuration, 42, OPTIONS, OptimizerOptions.defaults(), LossScript.crossEntropy())) {
            model.export(directory, "float32");
        }
        BytePairTrainer trainer = new BytePairTrainer(List.of("<|end|>"));
        trainer.add("the cat sat on the mat and the dog sat on the cat, and then they sat and sat");
        trainer.train(264, (tokens, target) -> {}).write(directory);
        return directory;
    }
}
