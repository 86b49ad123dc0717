package dev.lyne.load.process;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.weights.ModelFiles;
import java.nio.file.Files;
import java.nio.file.Path;

/** Directory that Lyne is installed in, and the example that ships with it. */
public final class Home {
    private Home() {}

    /** The folder of the launcher, which it names by the property {@code lyne.home}; else the working directory. */
    public static Path directory() {
        return Path.of(System.getProperty("lyne.home", "."));
    }

    public static Path example() {
        return directory().resolve("examples").resolve("state-of-the-union");
    }

    /** The teacher that ships with Lyne: what {@code --teacher demo} means. */
    public static Path demoTeacher() {
        return example().resolve("teacher");
    }

    /** The student that on-policy training starts from, which has learnt from the text what it can. */
    public static Path onPolicyStart() {
        return example().resolve("sft");
    }

    /** The text that is trained on. */
    public static Path corpus() {
        return example().resolve("train.jsonl.gz");
    }

    /** The addresses that nobody has seen. */
    public static Path heldOut() {
        return example().resolve("held-out.jsonl.gz");
    }

    /** A teacher's directory as a command names it: {@code demo} or a path. */
    public static Path teacher(String name) {
        Path directory = name.equals("demo") ? demoTeacher() : Path.of(name);
        if (!Files.isDirectory(directory)) {
            throw new IllegalArgumentException(
                    "--teacher: " + directory + " is no directory (expected: a Hugging Face model directory, or demo)");
        }
        return model("--teacher", directory);
    }

    /** A directory that an option named, refused where it does not hold a model with its tokenizer. */
    public static Path model(String option, Path directory) {
        ModelFiles.requireModel(option, directory);
        return tokenizer(option, directory);
    }

    /** A directory that an option named, refused where it does not hold a tokenizer. */
    public static Path tokenizer(String option, Path directory) {
        ModelFiles.requireFile(option, directory, Tokenizer.FILE_NAME);
        return directory;
    }
}
