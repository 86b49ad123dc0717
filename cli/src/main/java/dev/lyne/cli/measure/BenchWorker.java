package dev.lyne.cli.measure;

import dev.lyne.load.bench.ServeWorker;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** A student process of the benchmarks. */
@Command(name = "worker", hidden = true)
@SuppressWarnings("NullAway.Init") // picocli sets the parameters
final class BenchWorker implements Callable<Integer> {
    @Parameters(index = "0")
    private String teacher;

    @Parameters(index = "1")
    private int number;

    @Parameters(index = "2")
    private int window;

    @Parameters(index = "3", arity = "0..1", description = "File of its token.")
    private @Nullable Path token;

    @Override
    public Integer call() throws Exception {
        new ServeWorker(teacher, number, window, Optional.ofNullable(token))
                .run(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), System.out);
        return 0;
    }
}
