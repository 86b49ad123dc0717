package dev.lyne.cli.measure;

import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The project's own figures, as ratios in one run. */
@Command(
        name = "bench",
        description = "Measures the project's own parts, each as a ratio of two things in one run.",
        mixinStandardHelpOptions = true,
        subcommands = {
            BenchBlocks.class,
            BenchCodec.class,
            BenchDecode.class,
            BenchDistill.class,
            BenchFairness.class,
            BenchForward.class,
            BenchGrowth.class,
            BenchHostile.class,
            BenchLength.class,
            BenchLength.Worker.class,
            BenchLoad.class,
            BenchOperators.class,
            BenchOverload.class,
            BenchParity.class,
            BenchTruncation.class,
            BenchPlan.class,
            BenchProxy.class,
            BenchWrite.class,
            BenchLoss.class,
            BenchMemory.class,
            BenchSelections.class,
            BenchServe.class,
            BenchSharing.class,
            BenchSoak.class,
            BenchStall.class,
            BenchStep.class,
            BenchWorker.class
        })
@SuppressWarnings("NullAway.Init") // picocli sets the spec
public final class BenchCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        String names = spec.subcommands().entrySet().stream()
                .filter(command ->
                        !command.getValue().getCommandSpec().usageMessage().hidden())
                .map(Map.Entry::getKey)
                .sorted()
                .collect(Collectors.joining(", "));
        throw new ParameterException(spec.commandLine(), "no benchmark given (expected one of: " + names + ")");
    }
}
