package dev.lyne.cli.measure;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.endurance.HostileRun;
import dev.lyne.load.process.Directories;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Command that sends a server what is hardly a message. */
@Command(
        name = "hostile",
        description =
                "Mutated protobuf messages and HTTP/2 frames, and a tenth as many mutated HTTP requests, on a server process beside a client"
                        + " that behaves: no crash, no wrong row, bounded memory, at most one log line of a kind a second. Exit code 1 where"
                        + " it falls short. Linux alone.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchHostile implements Callable<Integer> {
    @Option(
            names = "--count",
            defaultValue = "1000000",
            paramLabel = "N",
            description = "Messages and frames together (default: ${DEFAULT-VALUE}).")
    private long count;

    @Option(
            names = "--seed",
            defaultValue = "1",
            paramLabel = "N",
            description = "Seed of the mutations (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        AtLeast.require("--count", count, 100);
        json.requireWritable();
        Path scratch = Files.createTempDirectory("lyne-hostile");
        HostileRun.Result result = new HostileRun(count, seed, scratch, System.err::println).run();
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
