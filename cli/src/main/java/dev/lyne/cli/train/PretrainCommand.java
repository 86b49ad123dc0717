package dev.lyne.cli.train;

import dev.lyne.student.train.TrainingConfig;
import picocli.CommandLine.Command;

/** Plain language-model training: a {@link TrainCommand} that knows no teacher. */
@Command(
        name = "pretrain",
        description = "Trains a language model on text alone, as the demo teacher was made. Settings as in train.",
        modelTransformer = SettingOptions.class,
        abbreviateSynopsis = true,
        sortOptions = false,
        footer = {
            "",
            "A model from scratch, one pass over the text:",
            "  ./lyne pretrain --student config.json --tokenizer tokenizer/ \\",
            "      --corpus text/ --out run",
            "Settings from a file, with a learning rate that falls at the end:",
            "  ./lyne pretrain --config run.yaml --schedule wsd --decay-steps 10%%"
        },
        mixinStandardHelpOptions = true)
public final class PretrainCommand extends TrainCommand {
    @Override
    void check(TrainingConfig run) {
        if (run.distillation().enabled() || run.distillation().hasSource()) {
            throw new IllegalArgumentException(
                    "pretrain takes no teacher (expected: alpha 0, no --teacher and no --targets; `lyne train` learns from one)");
        }
    }
}
