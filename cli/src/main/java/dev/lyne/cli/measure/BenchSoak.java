package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.endurance.SoakRun;
import dev.lyne.load.process.Directories;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Whether a server grows under load. */
@Command(
        name = "soak",
        description =
                "Mixed load on a server process for long: hits, misses, cancellations, bad requests, clients that come back. Whether resident"
                        + " memory grows, and whether threads, descriptors, streams or native arrays are left over. Exit code 1 where it"
                        + " falls short. Linux alone.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchSoak implements Callable<Integer> {
    @Option(
            names = "--minutes",
            defaultValue = "30",
            paramLabel = "M",
            description = "Time under load (default: ${DEFAULT-VALUE}).")
    private double minutes;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        if (!(minutes >= 0.5 && minutes <= 24 * 60)) {
            throw new IllegalArgumentException("--minutes: " + minutes + " (expected: 0.5..1440)");
        }
        json.requireWritable();
        Path scratch = Files.createTempDirectory("lyne-soak");
        SoakRun.Result result = new SoakRun(minutes, scratch, System.err::println).run();
        json.report(result);
        result.shortfalls().forEach(System.err::println);
        if (result.holds()) {
            Directories.delete(scratch);
        } else {
            System.err.println("the server's log: " + scratch);
        }
        return result.holds() ? 0 : 1;
    }
}
