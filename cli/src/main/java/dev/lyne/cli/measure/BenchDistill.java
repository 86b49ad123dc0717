package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.TemporaryDirectory;
import dev.lyne.load.bench.DistillBenchmark;
import dev.lyne.load.bench.PeerRounds;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Distillation by a server and students against teacher and student in one process of PyTorch. */
@Command(
        name = "distill",
        description = {
            "The demo's students and their teacher's server, on this machine's processors, against teacher and student in one",
            "process of PyTorch by `transformers`, with whole logits of both: one student whose rows are computed, one that finds",
            "them in the server's memory, and several on one corpus."
        },
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchDistill implements Callable<Integer> {
    @Option(names = "--rounds", defaultValue = "3", description = "Rounds of each (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Mixin
    private PytorchPeer peer;

    @Option(
            names = "--steps",
            defaultValue = "60",
            description = "Steps of each student in a round; the first 10 are not counted (default: ${DEFAULT-VALUE}).")
    private int steps;

    @Option(names = "--batch", defaultValue = "8", description = "Windows of a step (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--students",
            defaultValue = "4",
            description = "Students that share a corpus (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--student-threads",
            defaultValue = "1",
            description = "Threads of a student's operators (default: ${DEFAULT-VALUE}, as the demo has it).")
    private int studentThreads;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        var size = new DistillBenchmark.Size(rounds, steps, batch, students, studentThreads);
        try (var scratch = TemporaryDirectory.create("lyne-bench")) {
            var progress = new PeerRounds(rounds, System.err::println);
            json.report(new DistillBenchmark(peer.name, peer.python, size, progress, scratch.path()).run());
        }
        return 0;
    }
}
