package dev.lyne.lm.weights;

import dev.lyne.lm.model.ModelConfiguration;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files that a directory has to hold to be a model's. */
public final class ModelFiles {
    private ModelFiles() {}

    /**
     * Refuses a path that is not a model directory, without reading anything of it.
     *
     * @param what name of the option or setting that gave the path
     * @throws IllegalArgumentException names the path, or the file that is missing there
     */
    public static void requireModel(String what, Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new IllegalArgumentException(
                    what + ": " + directory + " is no directory (expected: a Hugging Face model directory)");
        }
        requireFile(what, directory, ModelConfiguration.FILE_NAME);
        if (!Files.isRegularFile(directory.resolve(SafetensorsModel.SINGLE_FILE))
                && !Files.isRegularFile(directory.resolve(SafetensorsModel.INDEX_FILE))) {
            throw new IllegalArgumentException(what + ": " + directory + " holds no weights (expected: "
                    + SafetensorsModel.SINGLE_FILE + " or " + SafetensorsModel.INDEX_FILE + ")");
        }
    }

    /** Refuses a directory without a file of that name. */
    public static void requireFile(String what, Path directory, String file) {
        if (!Files.isRegularFile(directory.resolve(file))) {
            throw new IllegalArgumentException(
                    what + ": " + directory + " holds no " + file + " (expected: a directory with one)");
        }
    }
}
