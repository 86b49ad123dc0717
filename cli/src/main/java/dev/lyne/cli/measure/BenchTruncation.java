package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.TruncationBenchmark;
import dev.lyne.load.page.TruncationPage;
import dev.lyne.load.process.Home;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Reverse KL on truncated rows against the whole vocabulary's. */
@Command(
        name = "truncation",
        description = {
            "What is left of the reverse KL, and how wrong its gradient is, over k ids and one bucket of all others: the teacher's most probable",
            "ids, or the student's own, on text that students write themselves; a page of plots."
        },
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchTruncation implements Callable<Integer> {
    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Directory of report.html.")
    private Path out;

    @Option(
            names = "--teacher",
            defaultValue = "demo",
            description = "A Hugging Face model directory, or demo (default: ${DEFAULT-VALUE}).")
    private String teacher;

    @Option(
            names = "--student",
            paramLabel = "NAME=DIR",
            description =
                    "A student of the same tokenizer; several are compared (default: the start of on-policy training that ships).")
    private Map<String, Path> students = new LinkedHashMap<>();

    @Option(names = "--responses", defaultValue = "32", description = "Responses of each (default: ${DEFAULT-VALUE}).")
    private int responses;

    @Option(
            names = "--response-tokens",
            defaultValue = "64",
            description = "Most tokens of a response (default: ${DEFAULT-VALUE}).")
    private int responseTokens;

    @Option(
            names = "--top-k",
            split = ",",
            paramLabel = "K",
            defaultValue = "1,2,4,8,16,32,64,128,256,512,1024",
            description = "Ids a row (default: ${DEFAULT-VALUE}).")
    private List<Integer> topK;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        Path page = Files.createDirectories(out).resolve("report.html");
        JsonReport.requireWritable("--out", page);
        Map<String, Path> compared = students.isEmpty() ? Map.of("sft", Home.onPolicyStart()) : students;
        for (Path directory : compared.values()) {
            Home.model("--student", directory);
        }
        TruncationBenchmark.Result result = new TruncationBenchmark(topK, System.err::println)
                .run(Home.teacher(teacher), compared, responses, responseTokens);
        TruncationPage.of(result).write(page.toAbsolutePath());
        json.report(result);
        System.err.println("report " + page);
        return 0;
    }
}
