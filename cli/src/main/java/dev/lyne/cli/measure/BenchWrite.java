package dev.lyne.cli.measure;

import dev.lyne.files.AtomicFile;
import dev.lyne.files.JsonFaults;
import dev.lyne.lm.files.TextFiles;
import dev.lyne.load.page.FigureTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A benchmark's figures into a document. */
@Command(
        name = "write",
        description =
                "Writes a benchmark's figures into a document, between the lines <!-- bench NAME --> and"
                        + " <!-- end of bench NAME -->, and leaves the rest of it as it is. loadtest/benchmarks.sh runs all and calls this.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchWrite implements Callable<Integer> {
    @Option(names = "--name", required = true, description = "Name between the markers.")
    private String name;

    @Option(
            names = "--figures",
            required = true,
            paramLabel = "FILE",
            description = "What the benchmark wrote as JSON.")
    private Path figures;

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "FIGURE",
            description = "Only these figures; those within others as outer.inner (default: all).")
    private List<String> only = List.of();

    @Option(names = "--heading", defaultValue = "", description = "A line above the table.")
    private String heading;

    @Option(names = "--into", required = true, paramLabel = "FILE", description = "The document.")
    private Path document;

    @Override
    public Integer call() throws IOException {
        List<String> named = only.stream().filter(figure -> !figure.isBlank()).toList();
        JsonNode read;
        try {
            read = JsonMapper.shared().readTree(TextFiles.read("--figures", figures, "what a benchmark wrote"));
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    "--figures: " + figures + ": " + JsonFaults.explain(e) + " (expected: what a benchmark wrote)", e);
        }
        String table = FigureTable.markdown(read, named);
        String between = (heading.isEmpty() ? "" : heading + "\n\n") + table;
        String written = FigureTable.replace(TextFiles.read("--into", document, "a document"), name, between);
        AtomicFile.write(document.toAbsolutePath(), written.getBytes(StandardCharsets.UTF_8));
        return 0;
    }
}
