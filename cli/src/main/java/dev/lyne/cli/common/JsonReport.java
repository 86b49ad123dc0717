package dev.lyne.cli.common;

import dev.lyne.files.AtomicFile;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The {@code --json FILE} option: figures as JSON to a file, or to stdout alone for {@code -}. */
public final class JsonReport {
    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private static final JsonMapper FIGURES = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write the figures as JSON to FILE; - means stdout, where then nothing else goes.")
    private @Nullable String target;

    /** Refuses a target that cannot be written, before anything is done for it. */
    public void requireWritable() {
        if (target != null && !toStdout()) {
            requireWritable("--json", Path.of(target));
        }
    }

    /** Refuses a file that cannot be written: a directory, or one in a place where nothing can be. */
    public static void requireWritable(String option, Path file) {
        Path parent = file.toAbsolutePath().normalize().getParent();
        while (parent != null && !Files.exists(parent)) {
            parent = parent.getParent(); // what is missing is made
        }
        if (file.toString().isEmpty()
                || Files.isDirectory(file)
                || parent == null
                || !Files.isDirectory(parent)
                || !Files.isWritable(Files.exists(file) ? file : parent)) {
            throw new IllegalArgumentException(option + ": " + (file.toString().isEmpty() ? "empty" : file)
                    + " cannot be written (expected: a file, or - for stdout)");
        }
    }

    /** Returns the stream that text for people goes to: stderr when stdout carries JSON. */
    public PrintStream textOut() {
        return toStdout() ? System.err : System.out;
    }

    public boolean toStdout() {
        return "-".equals(target);
    }

    /** Whether the figures are written to that file, given as an absolute path. */
    boolean isWrittenTo(Path file) {
        return target != null
                && !toStdout()
                && Path.of(target).toAbsolutePath().normalize().equals(file);
    }

    boolean wanted() {
        return target != null;
    }

    /** Writes the value, where the option asks for it. */
    public void write(Object value) throws IOException {
        if (target == null) {
            return;
        }
        String json = format(value);
        if (toStdout()) {
            System.out.println(json);
        } else {
            writeFile(Path.of(target), value);
        }
    }

    /** Figures under snake_case names. */
    public static JsonNode figures(Object figures) {
        return FIGURES.valueToTree(figures);
    }

    /** Writes figures under snake_case names, and prints them a line each where stdout does not carry the JSON. */
    public void report(Object figures) throws IOException {
        JsonNode tree = figures(figures);
        write(tree);
        if (!toStdout()) {
            tree.properties().forEach(figure -> System.out.printf("%-32s %s%n", figure.getKey(), figure.getValue()));
        }
    }

    /** Writes JSON that is made already, where the option asks for it. */
    public void writeText(String text) throws IOException {
        if (target == null) {
            return;
        }
        if (toStdout()) {
            System.out.println(text);
        } else {
            Path file = Path.of(target).toAbsolutePath();
            if (file.getParent() != null) {
                Files.createDirectories(file.getParent());
            }
            AtomicFile.write(file, (text + "\n").getBytes(StandardCharsets.UTF_8));
        }
    }

    public static void writeFile(Path file, Object value) throws IOException {
        Path parent = file.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        Files.writeString(file, format(value) + "\n");
    }

    private static String format(Object value) {
        return MAPPER.writeValueAsString(value);
    }
}
