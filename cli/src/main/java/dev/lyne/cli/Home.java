package dev.lyne.cli;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.weights.ModelFiles;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where Lyne is installed, and the example that ships with it. */
final class Home {
    private Home() {}

    /** The folder of the launcher, which it names by the property {@code lyne.home}; else the working directory. */
    static Path directory() {
        return Path.of(System.getProperty("lyne.home", "."));
    }

    static Path example() {
        return directory().resolve("examples").resolve("state-of-the-union");
    }

    /** The teacher that ships with Lyne: what {@code --teacher demo} means. */
    static Path demoTeacher() {
        return example().resolve("teacher");
    }

    /** A teacher's directory as a command names it: {@code demo} or a path. */
    static Path teacher(String name) {
        Path directory = name.equals("demo") ? demoTeacher() : Path.of(name);
        if (!Files.isDirectory(directory)) {
            throw new IllegalArgumentException(
                    "--teacher: " + directory + " is no directory (expected: a Hugging Face model directory, or demo)");
        }
        return model("--teacher", directory);
    }

    /** A directory that an option named, refused where it does not hold a model with its tokenizer. */
    static Path model(String option, Path directory) {
        ModelFiles.requireModel(option, directory);
        return tokenizer(option, directory);
    }

    /** A directory that an option named, refused where it does not hold a tokenizer. */
    static Path tokenizer(String option, Path directory) {
        ModelFiles.requireFile(option, directory, Tokenizer.FILE_NAME);
        return directory;
    }
}
