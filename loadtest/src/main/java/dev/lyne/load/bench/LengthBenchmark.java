package dev.lyne.load.bench;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * One long sequence of the demo teacher's shape, random weights, top-64 of 1,024 positions: how fast it is scored, and how much memory that takes.
 * Each length in a fresh process, whose allocator gives freed memory back. Linux only.
 */
public final class LengthBenchmark {
    private static final int WANTED = 1_024;
    private static final int SHORTEST = WANTED;
    private static final int LONGEST = 1 << 17;

    /** A length's figures. */
    public record Result(String device, int threads, List<Line> results) {}

    /**
     * One length.
     *
     * @param tokensPerSecond of the forward with its selection
     * @param memoryBytes by which the resident memory grows at its peak
     */
    public record Line(int tokens, double tokensPerSecond, long memoryBytes, double memoryBytesPerToken) {}

    private final Consumer<String> progress;

    public LengthBenchmark(Consumer<String> progress) {
        this.progress = progress;
    }

    /** Measures each length in a process of its own. */
    public Result run(List<Integer> lengths) throws IOException, InterruptedException {
        lengths.forEach(LengthBenchmark::require);
        int threads = Runtime.getRuntime().availableProcessors();
        String device = "";
        List<Line> lines = new ArrayList<>();
        for (int length : lengths) {
            Path log = Files.createTempFile("lyne-bench-length", ".log");
            try (ChildProcess process = ChildProcess.start(
                    "length " + length,
                    log,
                    threads,
                    "2g",
                    ResidentMemory.GIVES_BACK,
                    List.of("bench", "length-worker", Integer.toString(length)))) {
                device = process.readLine();
                double seconds = Double.parseDouble(process.readLine());
                long bytes = Long.parseLong(process.readLine());
                process.awaitSuccess();
                lines.add(new Line(length, length / seconds, bytes, (double) bytes / length));
                progress.accept(
                        String.format("%d tokens: %.0f tokens/s, %d MiB", length, length / seconds, bytes >> 20));
            } finally {
                Files.delete(log);
            }
        }
        return new Result(device, threads, lines);
    }

    private static void require(int length) {
        if (length < SHORTEST || length > LONGEST) {
            throw new IllegalArgumentException(
                    "--lengths: " + length + " (expected: " + SHORTEST + ".." + LONGEST + ")");
        }
    }

    /** Measures one length in this process: the device's name, the seconds, the bytes. */
    public static List<String> measure(int length) throws IOException {
        require(length);
        Path scratch = Files.createTempDirectory("lyne-bench");
        ModelConfiguration shape =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(4_096, length, 256, 7), 4, 2, 704, 1e4, true);
        try (RandomModel files = RandomModel.write(shape, scratch);
                ScoringModel model = ScoringModel.load(
                        files.directory(),
                        new ModelOptions("cpu", ComputePrecision.FLOAT32, 0),
                        ScoringOptions.of(shape.sizes().vocabulary()))) {
            RowContent selection = RowContent.topK(ForwardComparison.K);
            model.score(List.of(item(SHORTEST)), selection);
            ScoreItem item = item(length);
            System.gc(); // the arrays that the weights were made of
            long start = System.nanoTime();
            long bytes = ResidentMemory.growth(() -> model.score(List.of(item), selection));
            double seconds = (System.nanoTime() - start) * 1e-9;
            return List.of(model.fingerprint().device(), Double.toString(seconds), Long.toString(bytes));
        } finally {
            Files.delete(scratch);
        }
    }

    /** Random tokens of which the last positions are wanted. */
    private static ScoreItem item(int length) {
        return new ScoreItem(
                new SplittableRandom(1).ints(length, 0, 4_096).toArray(),
                IntStream.range(length - WANTED, length).toArray());
    }
}
