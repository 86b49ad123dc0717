package dev.lyne.cli;

import dev.lyne.load.bench.ForwardBenchmark;
import dev.lyne.load.bench.ServeBenchmark;
import dev.lyne.load.bench.ServeWorker;
import dev.lyne.teacher.model.LanguageModelTeacher;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** The project's own figures, as ratios in one run. */
@Command(
        name = "bench",
        description = "Measures the project's own parts, each as a ratio of two things in one run.",
        mixinStandardHelpOptions = true,
        subcommands = {BenchCommand.Forward.class, BenchCommand.Serve.class, BenchCommand.Worker.class})
@SuppressWarnings("NullAway.Init") // picocli sets the spec
final class BenchCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no benchmark given (expected: forward or serve)");
    }

    /** The forward against the matrix product. */
    @Command(
            name = "forward",
            description =
                    "The forward with selection of a 134.5 M parameter Llama against the machine's matrix-product peak.",
            mixinStandardHelpOptions = true)
    @SuppressWarnings("NullAway.Init") // picocli sets the options
    static final class Forward implements Callable<Integer> {
        @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda:N (default: ${DEFAULT-VALUE}).")
        private String device;

        @Option(names = "--rounds", defaultValue = "7", description = "Rounds (default: ${DEFAULT-VALUE}).")
        private int rounds;

        @Mixin
        private JsonReport json;

        @Override
        public Integer call() throws Exception {
            Path scratch = Files.createTempDirectory("lyne-bench");
            try {
                report(json, new ForwardBenchmark(device, rounds, System.err::println).run(scratch));
            } finally {
                Files.delete(scratch);
            }
            return 0;
        }
    }

    /** Serving against the forward. */
    @Command(
            name = "serve",
            description =
                    "Rows served to student processes against the bare forward of the same batches in the server's process.",
            mixinStandardHelpOptions = true)
    @SuppressWarnings("NullAway.Init") // picocli sets the options
    static final class Serve implements Callable<Integer> {
        @Option(
                names = "--teacher",
                defaultValue = "demo",
                paramLabel = "DIR",
                description = "Model directory (default: ${DEFAULT-VALUE}).")
        private String teacher;

        @Mixin
        private ModelRuntimeOptions runtime;

        @Option(
                names = "--students",
                defaultValue = "4",
                description = "Student processes (default: ${DEFAULT-VALUE}).")
        private int students;

        @Option(names = "--top-k", defaultValue = "64", description = "Entries a row (default: ${DEFAULT-VALUE}).")
        private int k;

        @Option(
                names = "--tokens",
                defaultValue = "256",
                description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
        private int tokens;

        @Option(
                names = "--sequences",
                defaultValue = "64",
                description = "Sequences a student and round (default: ${DEFAULT-VALUE}).")
        private int sequences;

        @Option(names = "--rounds", defaultValue = "7", description = "Rounds (default: ${DEFAULT-VALUE}).")
        private int rounds;

        @Mixin
        private JsonReport json;

        @Override
        public Integer call() throws Exception {
            var model = LanguageModelTeacher.load("bench", Home.teacher(teacher), runtime.options(), false);
            Path logs = Files.createTempDirectory("lyne-bench");
            var benchmark = new ServeBenchmark(students, k, tokens, sequences, rounds, System.err::println);
            report(json, benchmark.run(model, port -> start(port, logs)));
            return 0;
        }

        private List<ServeBenchmark.Student> start(int port, Path logs) {
            List<ServeBenchmark.Student> started = new ArrayList<>();
            for (int number = 0; number < students; number++) {
                try {
                    started.add(new StudentProcess(ChildProcess.start(
                            "student " + number,
                            logs.resolve("student-" + number + ".log"),
                            1,
                            "256m",
                            List.of("bench", "serve-worker", "127.0.0.1:" + port, Integer.toString(number)))));
                } catch (IOException e) {
                    started.forEach(ServeBenchmark.Student::close);
                    throw new UncheckedIOException(e);
                }
            }
            return started;
        }
    }

    private record StudentProcess(ChildProcess process) implements ServeBenchmark.Student {
        @Override
        public void tell(String line) throws IOException {
            process.writeLine(line);
        }

        @Override
        public String hear() throws IOException {
            return process.readLine();
        }

        @Override
        public void close() {
            process.close();
        }
    }

    /** A student process of the serve benchmark. */
    @Command(name = "serve-worker", hidden = true)
    @SuppressWarnings("NullAway.Init") // picocli sets the parameters
    static final class Worker implements Callable<Integer> {
        @picocli.CommandLine.Parameters(index = "0")
        private String teacher;

        @picocli.CommandLine.Parameters(index = "1")
        private int number;

        @Override
        public Integer call() throws Exception {
            new ServeWorker(teacher, number)
                    .run(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), System.out);
            return 0;
        }
    }

    private static void report(JsonReport json, Object result) throws IOException {
        var figures = JsonMapper.builder()
                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                .build()
                .valueToTree(result);
        json.write(figures);
        if (!json.toStdout()) {
            figures.properties().forEach(figure -> System.out.printf("%-32s %s%n", figure.getKey(), figure.getValue()));
        }
    }
}
