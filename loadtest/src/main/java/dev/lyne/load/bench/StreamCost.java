package dev.lyne.load.bench;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.Directories;
import dev.lyne.load.process.Home;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.load.proxy.NetworkProxy;
import dev.lyne.load.proxy.NetworkShape;
import dev.lyne.student.train.Setting;
import dev.lyne.student.train.Settings;
import dev.lyne.student.train.TrainingConfig;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Cost of feeding a training step by a stream: the demo's student, targets of the demo's teacher that a
 * {@code serve --replay} process sends, over the same targets in memory.
 *
 * @param streamOverMemory median over the pairs, the server on the same machine
 * @param streamOverMemoryInterval where that median lies with a confidence of 95 %
 * @param streamOverMemoryDelayed the same behind a network of 50 ms from there and back
 * @param streamOverMemoryDelayedInterval where that median lies
 * @param memorySeconds median of a step fed from memory
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of figures
public record StreamCost(
        double streamOverMemory,
        double[] streamOverMemoryInterval,
        double streamOverMemoryDelayed,
        double[] streamOverMemoryDelayedInterval,
        double memorySeconds) {
    private static final int BATCH = 8;
    private static final int MOST_WINDOWS = 128;
    private static final long ONE_WAY_NANOS = 25_000_000;
    private static final double NO_LIMIT = 1e15;
    private static final long SERVER_HEAP_MIB = 512;

    /**
     * Measures.
     *
     * @param pairs of steps
     */
    public static StreamCost measure(int pairs, PrintStream text) throws IOException, InterruptedException {
        Path scratch = Files.createTempDirectory("lyne-bench-stream");
        try {
            Path captured = scratch.resolve("captured");
            text.println("recording the demo teacher's targets");
            capture(scratch, captured, windows(pairs));
            try (ServerProcess server =
                    ServerProcess.replay(scratch.resolve("replay.log"), captured, SERVER_HEAP_MIB)) {
                ServerProcess.Ready ready = server.awaitReady();
                text.println(pairs + " pairs of steps, fed by a stream and from memory");
                FeedBenchmark.Pairs near = FeedBenchmark.run(config(scratch, ready.listening(), pairs));
                try (var proxy = new NetworkProxy(
                        new InetSocketAddress("127.0.0.1", 0),
                        ready.address(),
                        new NetworkShape(ONE_WAY_NANOS, NO_LIMIT))) {
                    String delayed = "127.0.0.1:" + proxy.port();
                    text.println("the same behind 50 ms");
                    FeedBenchmark.Pairs far = FeedBenchmark.run(config(scratch, delayed, pairs));
                    return new StreamCost(
                            Rounds.medianRatio(near.stream(), near.memory()),
                            Rounds.medianRatioInterval(near.stream(), near.memory()),
                            Rounds.medianRatio(far.stream(), far.memory()),
                            Rounds.medianRatioInterval(far.stream(), far.memory()),
                            Rounds.median(near.memory()));
                }
            }
        } finally {
            Directories.delete(scratch);
        }
    }

    private static void capture(Path scratch, Path out, int windows) throws IOException, InterruptedException {
        try (ServerProcess server =
                        ServerProcess.start(scratch.resolve("server.log"), "demo", SERVER_HEAP_MIB, List.of());
                ChildProcess capture = ChildProcess.start(
                        "the capture",
                        scratch.resolve("capture.log"),
                        1,
                        "512m",
                        List.of(
                                "capture",
                                "--out",
                                out.toString(),
                                "--tokenizer",
                                Home.demoTeacher().toString(),
                                "--corpus",
                                Home.heldOut().toString(),
                                "--cache",
                                scratch.resolve("tokens").toString(),
                                "--windows",
                                Integer.toString(windows),
                                "--teacher",
                                server.awaitReady().listening()))) {
            capture.awaitSuccess();
        }
    }

    private static TrainingConfig config(Path scratch, String teacher, int pairs) throws IOException {
        Map<Setting, List<String>> settings = new EnumMap<>(Setting.class);
        settings.put(Setting.OUT, List.of(scratch.resolve("out").toString()));
        settings.put(
                Setting.STUDENT,
                List.of(Home.example().resolve("student.config.json").toString()));
        settings.put(Setting.TOKENIZER, List.of(Home.demoTeacher().toString()));
        settings.put(Setting.CORPUS, List.of(Home.heldOut().toString()));
        settings.put(Setting.CACHE, List.of(scratch.resolve("tokens").toString()));
        settings.put(Setting.WINDOWS, List.of(Integer.toString(windows(pairs))));
        settings.put(Setting.BATCH, List.of(Integer.toString(BATCH)));
        settings.put(Setting.STEPS, List.of(Integer.toString(pairs)));
        settings.put(Setting.ALPHA, List.of("0.9"));
        settings.put(Setting.TEACHER, List.of(teacher));
        return TrainingConfig.of(Settings.of(settings));
    }

    /** Windows that are recorded; where steps take more, they come again, in another order. */
    private static int windows(int pairs) {
        return Math.min(MOST_WINDOWS, Math.multiplyExact(pairs, BATCH));
    }
}
