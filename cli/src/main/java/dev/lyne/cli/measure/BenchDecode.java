package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.cli.common.TemporaryDirectory;
import dev.lyne.load.bench.DecodeBenchmark;
import dev.lyne.load.process.Home;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Decoding by a server against batch decode without one, and behind a delay. */
@Command(
        name = "decode",
        description =
                "Tokens a second of texts that the demo teacher's server draws, each in one run and step by step, against"
                        + " batch decode of the same texts in one process; bytes and round trips of teacher-mixed sampling, and what a"
                        + " delay leaves of it.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchDecode implements Callable<Integer> {
    @Option(names = "--sessions", defaultValue = "16", description = "Students (default: ${DEFAULT-VALUE}).")
    private int sessions;

    @Option(
            names = "--sequences",
            defaultValue = "8",
            description = "Texts of a student at a time (default: ${DEFAULT-VALUE}).")
    private int sequences;

    @Option(names = "--tokens", defaultValue = "128", description = "Tokens of a text (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(names = "--rounds", defaultValue = "5", description = "Rounds (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--mixing",
            defaultValue = "0.2",
            description =
                    "Share of tokens that the teacher draws where the student tosses the coin (default: ${DEFAULT-VALUE}).")
    private double mixing;

    @Option(
            names = "--delay-ms",
            defaultValue = "50",
            description = "Delay there and back, ms (default: ${DEFAULT-VALUE}).")
    private int delayMillis;

    @Option(
            names = "--in-flight",
            split = ",",
            defaultValue = "8,32,128",
            description = "Texts in flight behind the delay (default: ${DEFAULT-VALUE}).")
    private List<Integer> inFlight;

    @Option(
            names = "--peer-python",
            paramLabel = "PYTHON",
            description =
                    "A Python that can import transformers, or the folder of its virtual environment: its batch decode is measured, too.")
    private @Nullable String peerPython;

    @Mixin
    private ModelRuntimeOptions runtime;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        if (!(mixing > 0 && mixing <= 1)) {
            throw new IllegalArgumentException("--mixing: " + mixing + " (expected: above 0, at most 1)");
        }
        if (inFlight.stream().anyMatch(texts -> texts < 1)) {
            throw new IllegalArgumentException("--in-flight: " + inFlight + " (expected: 1 or more each)");
        }
        var plan = new DecodeBenchmark.Plan(sessions, sequences, tokens, rounds, mixing, delayMillis, inFlight);
        try (TemporaryDirectory scratch = TemporaryDirectory.create("lyne-bench")) {
            Optional<DecodeBenchmark.Peer> peer =
                    Optional.ofNullable(peerPython).map(python -> new DecodeBenchmark.Peer(python, scratch.path()));
            json.report(
                    new DecodeBenchmark(Home.demoTeacher(), runtime.options(), plan, peer, System.err::println).run());
        }
        return 0;
    }
}
