package dev.lyne.load.bench;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.load.process.Directories;
import dev.lyne.row.ExecutionFingerprint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The files of a model with random weights; closing deletes them.
 *
 * @param fingerprint of the training that made them
 */
record RandomModel(Path directory, ExecutionFingerprint fingerprint) implements AutoCloseable {
    /** Writes them to a new folder of {@code scratch}. */
    static RandomModel write(ModelConfiguration configuration, Path scratch) throws IOException {
        Path directory = Files.createTempDirectory(scratch, "model");
        try (var model = TrainableModel.create(
                configuration,
                1,
                new ModelOptions("cpu", ComputePrecision.FLOAT32, 0),
                OptimizerOptions.defaults(),
                LossScript.crossEntropy())) {
            model.export(directory, "float32");
            return new RandomModel(directory, model.fingerprint());
        } catch (Throwable e) {
            Directories.delete(directory);
            throw e;
        }
    }

    @Override
    public void close() throws IOException {
        Directories.delete(directory);
    }
}
