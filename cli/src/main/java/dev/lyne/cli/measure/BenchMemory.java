package dev.lyne.cli.measure;

import dev.lyne.load.bench.LossMemory;
import dev.lyne.load.bench.StepMemory;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** The process that a measurement of memory wants to itself: what is measured, and its arguments. */
@Command(name = "memory", hidden = true)
@SuppressWarnings("NullAway.Init") // picocli sets the parameters
final class BenchMemory implements Callable<Integer> {
    @Parameters(index = "0")
    private String what;

    @Parameters(index = "1..*")
    private List<String> arguments;

    @Override
    public Integer call() throws IOException {
        System.out.println(
                switch (what) {
                    case "step" ->
                        StepMemory.measure(arguments.get(0), arguments.get(1), Boolean.parseBoolean(arguments.get(2)));
                    case "loss" -> LossMemory.measure(arguments.get(0), number(1), number(2), number(3));
                    default -> throw new IllegalArgumentException(what + " (expected: step or loss)");
                });
        return 0;
    }

    private int number(int index) {
        return Integer.parseInt(arguments.get(index));
    }
}
