package dev.lyne.load.bench;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.TargetBlock;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntToLongFunction;

/** The compact block codec on rows of a real teacher: size, accuracy, and entries a second of one core's time. */
public final class CodecBenchmark {
    private static final int BLOCKS = 16;

    /** Short, so that some rounds have the core to themselves. */
    private static final long ROUND_NANOS = 40_000_000;

    /** Until the compiler has done its work, which takes the longer the busier the machine is. */
    private static final int WARM_UP_ROUNDS = 75;

    /** Bytes an entry in another format. */
    public record OtherFormat(String format, double bytesPerEntry) {}

    /**
     * Whole blocks of 256 positions, headers and all.
     *
     * @param bytesPerEntry bytes of the teacher's blocks over positions · k
     * @param worstCaseBytesPerPosition uniform ids and a softmax of independent normals with deviation 3
     * @param meanKlNats from the exact bucketed rows to the decoded ones
     * @param encodeEntriesPerSecond of the fastest round, by the CPU time of the one thread: whoever else runs on the core only adds
     * @param decodeEntriesPerSecond the same, with all checks
     * @param medianEncodeEntriesPerSecond of all rounds: with what else ran on the core
     * @param medianDecodeEntriesPerSecond the same
     */
    public record Result(
            int k,
            int vocabularySize,
            double bytesPerEntry,
            double worstCaseBytesPerPosition,
            double meanKlNats,
            double encodeEntriesPerSecond,
            double decodeEntriesPerSecond,
            double medianEncodeEntriesPerSecond,
            double medianDecodeEntriesPerSecond,
            int vocabularySizeWorstCase,
            List<OtherFormat> others) {}

    private final int k;
    private final int rounds;
    private final Consumer<String> progress;

    public CodecBenchmark(int k, int rounds, Consumer<String> progress) {
        this.k = k;
        this.rounds = rounds;
        this.progress = progress;
    }

    /** Measures on a teacher's rows of a corpus, a {@code .jsonl.gz} file of {@code {"text": …}} lines. */
    public Result run(Path teacher, Path corpus) throws IOException {
        progress.accept("scoring " + BLOCKS + " windows of " + CodecRows.POSITIONS + " positions");
        int vocabularySize = CodecRows.vocabularySize(teacher);
        List<RowColumns> rows = CodecRows.ofTeacher(teacher, corpus, k, BLOCKS);
        BlockHeader header = CodecRows.header(vocabularySize, k, Precision.COMPACT);
        List<byte[]> blocks = new ArrayList<>();
        long bytes = 0;
        double divergence = 0;
        for (RowColumns columns : rows) {
            byte[] block = BlockEncoder.encode(header, columns, 0);
            blocks.add(block);
            bytes += block.length;
            divergence += divergence(columns, BlockDecoder.decode(ByteBuffer.wrap(block)));
        }
        double positions = (double) rows.size() * CodecRows.POSITIONS;
        progress.accept("timing " + rounds + " rounds each way");
        double[] encode = entriesPerSecond(i -> BlockEncoder.encode(header, rows.get(i % rows.size()), 0).length);
        double[] decode = entriesPerSecond(i -> BlockDecoder.decode(ByteBuffer.wrap(blocks.get(i % blocks.size())))
                .ids()
                .length);
        progress.accept("making the worst case");
        BlockHeader worstHeader = CodecRows.header(CodecRows.WORST_VOCABULARY, k, Precision.COMPACT);
        double worst = BlockEncoder.encode(worstHeader, CodecRows.worst(k, 1), 0).length;
        return new Result(
                k,
                vocabularySize,
                bytes / (positions * k),
                worst / CodecRows.POSITIONS,
                divergence / positions,
                fastest(encode),
                fastest(decode),
                Rounds.median(encode),
                Rounds.median(decode),
                CodecRows.WORST_VOCABULARY,
                List.of(
                        new OtherFormat("float32+int32", 8),
                        new OtherFormat("float16+int32", 6),
                        new OtherFormat("json", jsonBytes(rows) / (positions * k))));
    }

    /** Σ T log(T/S) over kept entries and tail, summed over the rows. */
    private static double divergence(RowColumns exact, TargetBlock decoded) {
        double sum = 0;
        for (int row = 0; row < decoded.rows(); row++) {
            Map<Integer, Float> valueOf = new HashMap<>();
            for (int i = decoded.offsets()[row]; i < decoded.offsets()[row + 1]; i++) {
                valueOf.put(decoded.ids()[i], decoded.logProbabilities()[i]);
            }
            int start = row * exact.stride();
            for (int i = start; i < start + exact.counts()[row]; i++) {
                double value = exact.logProbabilities()[i];
                sum += Math.exp(value) * (value - valueOf.getOrDefault(exact.ids()[i], Float.NEGATIVE_INFINITY));
            }
            double tail = exact.logTailMass()[row];
            sum += Math.exp(tail) * (tail - decoded.logTailMass()[row]);
        }
        return sum;
    }

    private static double fastest(double[] rates) {
        return Arrays.stream(rates).max().orElseThrow();
    }

    /** Returns the rates of the rounds. */
    private double[] entriesPerSecond(IntToLongFunction block) {
        double entries = (double) CodecRows.POSITIONS * k;
        double[] rates = new double[rounds];
        long checksum = 0;
        for (int round = -WARM_UP_ROUNDS; round < rounds; round++) {
            long start = cpuNanos();
            int done = 0;
            long elapsed = 0;
            while (elapsed < ROUND_NANOS) {
                checksum += block.applyAsLong(done++);
                elapsed = cpuNanos() - start;
            }
            if (round >= 0) {
                rates[round] = done * entries * 1e9 / elapsed;
            }
        }
        if (checksum == 0) {
            throw new IllegalStateException("nothing was coded");
        }
        return rates;
    }

    /** CPU time of this thread: what one core would need, whoever else runs. */
    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    /** Returns the bytes of the rows as JSON, one object a row. */
    private static double jsonBytes(List<RowColumns> rows) {
        double bytes = 0;
        for (RowColumns columns : rows) {
            StringBuilder text = new StringBuilder();
            for (int row = 0; row < columns.counts().length; row++) {
                text.append("{\"token_ids\":[");
                int start = row * columns.stride();
                int end = start + columns.counts()[row];
                for (int i = start; i < end; i++) {
                    text.append(columns.ids()[i]).append(i + 1 < end ? "," : "],\"log_probs\":[");
                }
                for (int i = start; i < end; i++) {
                    text.append(columns.logProbabilities()[i]).append(i + 1 < end ? "," : "]");
                }
                text.append(",\"log_tail_mass\":")
                        .append(columns.logTailMass()[row])
                        .append(",\"data_log_prob\":")
                        .append(columns.labelLogProbability()[row])
                        .append("}\n");
            }
            bytes += text.toString().getBytes(StandardCharsets.UTF_8).length;
        }
        return bytes;
    }
}
