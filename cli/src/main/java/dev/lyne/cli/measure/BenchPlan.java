package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.PlanSetUp;
import dev.lyne.load.bench.PlanValidation;
import dev.lyne.load.process.Directories;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Plans against measurements. */
@Command(
        name = "plan",
        description =
                "What plans predict against what load tests measure, for small set-ups on this machine, each with a"
                        + " server and a load generator in processes of their own. What a teacher costs is learnt from load tests of"
                        + " other set-ups.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchPlan implements Callable<Integer> {
    @Option(
            names = "--synthetic",
            defaultValue = "synthetic:vocabulary=4096,tokens_per_second=20000,half_batch=512",
            paramLabel = "TEACHER",
            description = "The synthetic teacher of three of them (default: ${DEFAULT-VALUE}).")
    private String synthetic;

    @Option(
            names = "--duration",
            defaultValue = "12",
            description = "Counted time of each load test, s (default: ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(
            names = "--set-up",
            split = ",",
            paramLabel = "NAME",
            description = "Only these: teacher, reuse, network, model (default: all).")
    private List<String> only = List.of();

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        List<PlanSetUp> setUps = PlanSetUp.all(synthetic).stream()
                .filter(setUp -> only.isEmpty() || only.contains(setUp.name()))
                .toList();
        if (setUps.isEmpty() || setUps.size() < only.size()) {
            throw new IllegalArgumentException("--set-up: " + only + " (expected: teacher, reuse, network or model)");
        }
        Path scratch = Files.createTempDirectory("lyne-plan");
        var validation = new PlanValidation(scratch, seconds, System.err);
        List<PlanValidation.Line> lines = new ArrayList<>();
        for (PlanSetUp setUp : setUps) {
            lines.add(validation.check(setUp));
        }
        Directories.delete(scratch); // kept, with the logs in it, where one fails
        double worst =
                lines.stream().mapToDouble(line -> Math.abs(line.error())).max().orElseThrow();
        json.report(Map.of("worst_error", worst, "set_ups", lines));
        return 0;
    }
}
