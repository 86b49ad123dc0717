package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.load.bench.StallBenchmark;
import dev.lyne.load.bench.StudentProcesses;
import dev.lyne.load.process.Home;
import dev.lyne.teacher.model.LanguageModelTeacher;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Command that measures what a student that stops reading costs the others. */
@Command(
        name = "stall",
        description = "Students beside one that has stopped reading, against the same students without it, and what the"
                + " server holds for it. The stalled student asks for 8 times as much.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchStall implements Callable<Integer> {
    private static final int WINDOW = 32;
    private static final int STALLED_WINDOW = 1_024;

    @Option(
            names = "--readers",
            defaultValue = "2",
            description = "Student processes that go on reading (default: ${DEFAULT-VALUE}).")
    private int readers;

    @Mixin
    private ModelRuntimeOptions runtime;

    @Mixin
    private BenchSize size;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        var teacher = LanguageModelTeacher.load("bench", Home.demoTeacher(), runtime.options(), false);
        var benchmark = new StallBenchmark(size.k, size.tokens, size.sequences, size.rounds, System.err::println);
        json.report(benchmark.run(
                teacher, StudentProcesses.starter(readers + 1, number -> number == readers ? STALLED_WINDOW : WINDOW)));
        return 0;
    }
}
