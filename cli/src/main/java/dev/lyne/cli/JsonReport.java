package dev.lyne.cli;

import dev.lyne.lm.files.AsideFile;
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
final class JsonReport {
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

    /** Where text for people goes: stderr when stdout carries JSON. */
    PrintStream textOut() {
        return toStdout() ? System.err : System.out;
    }

    boolean toStdout() {
        return "-".equals(target);
    }

    boolean wanted() {
        return target != null;
    }

    /** Writes the value, where the option asks for it. */
    void write(Object value) throws IOException {
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
    static JsonNode figures(Object figures) {
        return FIGURES.valueToTree(figures);
    }

    /** Writes figures under snake_case names, and prints them a line each where stdout does not carry the JSON. */
    void report(Object figures) throws IOException {
        JsonNode tree = figures(figures);
        write(tree);
        if (!toStdout()) {
            tree.properties().forEach(figure -> System.out.printf("%-32s %s%n", figure.getKey(), figure.getValue()));
        }
    }

    /** Writes JSON that is made already, where the option asks for it. */
    void writeText(String text) throws IOException {
        if (target == null) {
            return;
        }
        if (toStdout()) {
            System.out.println(text);
        } else {
            AsideFile.write(Path.of(target).toAbsolutePath(), (text + "\n").getBytes(StandardCharsets.UTF_8));
        }
    }

    static void writeFile(Path file, Object value) throws IOException {
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
