package dev.lyne.load.bench;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.TargetBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Entries a second, one thread, blocks of 256 positions with k = 64: {@code loadtest/jmh.sh BlockCodec}. Iterations are short, so that
 * some have the core to themselves on a shared machine: the fastest tells what the code can do, the mean what the machine let it do.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(value = 1, jvmArgsAppend = "-XX:-UseCountedLoopSafepoints") // as the launcher starts Lyne
@Warmup(iterations = 4, time = 2)
@Measurement(iterations = 100, time = 40, timeUnit = TimeUnit.MILLISECONDS)
@SuppressWarnings("NullAway.Init") // set up before each trial
public class BlockCodecBenchmark {
    private static final int K = 64;
    private static final int ENTRIES = K * CodecRows.POSITIONS;
    private static final int BLOCKS = 16;

    /** How log-probabilities are coded. */
    @Param({"COMPACT", "HALF", "EXACT"})
    public Precision precision;

    /** Rows of the example's teacher, or the worst case. */
    @Param({"teacher", "worst"})
    public String rows;

    private BlockHeader header;
    private List<RowColumns> columns;
    private List<byte[]> blocks;
    private int next;

    /** Scores text with the example's teacher, or makes up the worst case. */
    @Setup(Level.Trial)
    public void makeRows() throws IOException {
        boolean real = rows.equals("teacher");
        Path example = Path.of(System.getProperty("lyne.home", "."), "examples", "state-of-the-union");
        Path teacher = example.resolve("teacher");
        columns = real
                ? CodecRows.ofTeacher(teacher, example.resolve("held-out.jsonl.gz"), K, BLOCKS)
                : List.of(CodecRows.worst(K, 1));
        int vocabularySize = real ? CodecRows.vocabularySize(teacher) : CodecRows.WORST_VOCABULARY;
        header = CodecRows.header(vocabularySize, K, precision);
        blocks = new ArrayList<>();
        for (RowColumns block : columns) {
            blocks.add(BlockEncoder.encode(header, block, 0));
        }
    }

    /** Rows to bytes. */
    @Benchmark
    @OperationsPerInvocation(ENTRIES)
    public byte[] encode() {
        return BlockEncoder.encode(header, columns.get(next++ % columns.size()), 0);
    }

    /** Bytes to rows, with every check. */
    @Benchmark
    @OperationsPerInvocation(ENTRIES)
    public TargetBlock decode() {
        return BlockDecoder.decode(ByteBuffer.wrap(blocks.get(next++ % blocks.size())));
    }
}
