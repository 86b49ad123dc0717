package dev.lyne.cli.train;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.Telemetry;
import dev.lyne.cli.common.TraceOptions;
import dev.lyne.student.capture.Estimate;
import dev.lyne.student.train.CaptureSession;
import dev.lyne.student.train.FetchedTokenizer;
import dev.lyne.student.train.Settings;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CaptureMerge;
import dev.lyne.wire.capture.CapturePart;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Targets of a corpus, recorded to files. */
@Command(
        name = "capture",
        description =
                "Records the targets of a corpus to a directory, for train --targets and serve --replay. Settings as in train, "
                        + "from the same file where there is one. The same command goes on after an interruption.",
        modelTransformer = SettingOptions.OfCapture.class,
        abbreviateSynopsis = true,
        sortOptions = false,
        footer = {
            "",
            "What the whole corpus would take, and then the capture:",
            "  ./lyne capture --teacher 127.0.0.1:50051 --tokenizer teacher/ \\",
            "      --corpus text/ --out captured --estimate",
            "  ./lyne capture --config run.yaml --teacher 127.0.0.1:50051 --out captured"
        },
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class CaptureCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description =
                    "YAML file of settings, such as the training run's; those that a capture has no use for are ignored.")
    private @Nullable Path config;

    @Option(
            names = "--shard-windows",
            paramLabel = "N",
            defaultValue = "512",
            description = "Windows in a shard, the unit that survives an interruption (default: ${DEFAULT-VALUE}).")
    private int shardWindows;

    @Option(
            names = "--writers",
            paramLabel = "N",
            defaultValue = "2",
            description = "Shards written at a time (default: ${DEFAULT-VALUE}).")
    private int writers;

    @Option(
            names = "--temperatures",
            split = ",",
            paramLabel = "T",
            description = "Teacher temperatures that students of the capture may take, beside --teacher-temperature.")
    private List<Float> temperatures = List.of();

    @Option(names = "--estimate", description = "Say what the capture would take, and stop.")
    private boolean estimateOnly;

    @Option(
            names = "--part",
            paramLabel = "I/N",
            description =
                    "Record every N-th shard from shard I, into a directory of its own within --out; I is 0 to N - 1. Jobs of other "
                            + "parts may run at the same time, anywhere; none waits for another.")
    private @Nullable String part;

    @Option(
            names = "--merge",
            description = "Make one capture of the parts in --out, which alone is needed then, and stop.")
    private boolean merge;

    @Mixin
    private TraceOptions traces;

    @Mixin
    private JsonReport json;

    /** Figures of a capture for --json; of a part, those of its own shards. */
    record Report(
            String directory, long windows, long sequences, long positions, long blockBytes, double bytesPerPosition) {}

    @Override
    public Integer call() throws Exception {
        if (shardWindows < 1) {
            throw new IllegalArgumentException("--shard-windows: " + shardWindows + " (expected: 1 or more)");
        }
        if (writers < 1) {
            throw new IllegalArgumentException("--writers: " + writers + " (expected: 1 or more)");
        }
        for (float temperature : temperatures) {
            if (!(temperature > 0) || temperature > 1000) {
                throw new IllegalArgumentException(
                        "--temperatures: " + temperature + " (expected: above 0, at most 1000)");
            }
        }
        Optional<CapturePart> share = Optional.ofNullable(part).map(CapturePart::parse);
        if (merge && (part != null || estimateOnly)) {
            throw new IllegalArgumentException("--merge: with " + (part != null ? "--part" : "--estimate")
                    + " (expected: alone, once all parts have run)");
        }
        Settings settings = SettingOptions.collect(spec);
        if (merge) {
            Path out = CaptureSession.directory(settings);
            CaptureManifest merged = CaptureMerge.run(out, System.err::println);
            report(out, merged.windows(), merged.contents());
            return 0;
        }
        try (Telemetry telemetry = traces.open("lyne-capture");
                CaptureProgress progress = new CaptureProgress(System.err)) {
            CaptureSession session = new CaptureSession(
                    settings,
                    new CaptureSession.Writing(temperatures, shardWindows, writers, share),
                    incomplete -> FetchedTokenizer.complete(incomplete, System.err::println),
                    telemetry.telemetry());
            if (estimateOnly) {
                Estimate estimate = session.estimate(progress, progress);
                json.write(estimate);
                if (!json.toStdout()) {
                    System.out.println(CaptureProgress.describe(estimate));
                }
                return 0;
            }
            CaptureManifest manifest = session.record(progress, progress);
            report(
                    share.map(one -> one.directory(session.out())).orElse(session.out()),
                    share.map(one -> one.windows(manifest)).orElse(manifest.windows()),
                    manifest.contents());
        }
        return 0;
    }

    private void report(Path directory, long windows, CaptureManifest.Contents held) throws IOException {
        Report report = new Report(
                directory.toString(),
                windows,
                held.sequences(),
                held.positions(),
                held.blockBytes(),
                held.positions() == 0 ? 0 : (double) held.blockBytes() / held.positions());
        json.write(report);
        if (!json.toStdout()) {
            System.out.printf(
                    "%s: %,d sequences, %,d positions, %,d bytes of blocks, %.1f a position%n",
                    report.directory(),
                    report.sequences(),
                    report.positions(),
                    report.blockBytes(),
                    report.bytesPerPosition());
        }
    }
}
