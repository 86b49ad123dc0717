package dev.lyne.wire.capture;

import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.Positions;
import dev.lyne.wire.RowFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;

/** Sequences and rows that are a function of a window's number, and captures of them. */
final class Corpora {
    static final int VOCABULARY = 64;
    static final int K = 6;
    static final int ROWS_A_BLOCK = 5;
    static final List<Float> TEMPERATURES = List.of(2f);

    private Corpora() {}

    static CapturedTeacher teacher() {
        return new CapturedTeacher(
                "tiny",
                "ab".repeat(32),
                "cd".repeat(32),
                VOCABULARY,
                128,
                "llama",
                1_000,
                true,
                0,
                new ExecutionFingerprint("2.7.1", "a processor", "AVX2", 2, 1, "float32"));
    }

    static CaptureManifest manifest(long windows, int shardWindows) {
        return CaptureManifest.planned(
                teacher(),
                new RowFormat(new Selection.TopK(K, TEMPERATURES), Precision.EXACT, false),
                new CapturedPacking("ef".repeat(32), "bos=none eos=0", "some rule", 24, 1, "01".repeat(32)),
                windows,
                shardWindows);
    }

    static int[] tokens(long window) {
        SplittableRandom random = new SplittableRandom(window);
        return random.ints(random.nextInt(2, 24), 0, VOCABULARY).toArray();
    }

    static int[] positions(long window) {
        return Positions.withLabels(tokens(window).length);
    }

    /** Blocks of a few rows each, as a server would send them. */
    static List<ByteBuffer> blocks(long window) {
        return blocks(window, 0);
    }

    /** Blocks of other rows for the same window. */
    static List<ByteBuffer> blocks(long window, long variant) {
        int[] tokens = tokens(window);
        int[] positions = positions(window);
        List<ByteBuffer> blocks = new ArrayList<>();
        for (int from = 0; from < positions.length; from += ROWS_A_BLOCK) {
            int to = Math.min(positions.length, from + ROWS_A_BLOCK);
            BlockHeader header = new BlockHeader(
                    VOCABULARY,
                    new Selection.TopK(K, TEMPERATURES),
                    HexFormat.of().parseHex(teacher().modelSha256()),
                    Digests.fingerprint(teacher().fingerprint().toMessage()),
                    Digests.rows(tokens, positions, from, to),
                    Arrays.copyOfRange(positions, from, to));
            blocks.add(ByteBuffer.wrap(BlockEncoder.encode(header, rows(window + variant, to - from, from), 0)));
        }
        return blocks;
    }

    private static RowColumns rows(long window, int rows, int from) {
        int[] counts = new int[rows];
        Arrays.fill(counts, K);
        int[] ids = new int[rows * K];
        float[] logProbabilities = new float[rows * K];
        float[] tails = new float[rows];
        float[] data = new float[rows];
        float[] offsets = new float[rows];
        float[] temperedTails = new float[rows];
        for (int row = 0; row < rows; row++) {
            SplittableRandom random = new SplittableRandom(window * 1_000 + from + row);
            int first = random.nextInt(VOCABULARY - K);
            for (int i = 0; i < K; i++) {
                ids[row * K + i] = first + i;
                logProbabilities[row * K + i] = (float) Math.log(0.4 / (1 << i));
            }
            tails[row] = (float) Math.log(1 - 0.4 * (2 - Math.pow(2, 1 - K)));
            data[row] = -5 - random.nextFloat();
            offsets[row] = 0.5f;
            temperedTails[row] = -0.75f;
        }
        return new RowColumns(
                K,
                counts,
                ids,
                logProbabilities,
                tails,
                data,
                offsets,
                temperedTails,
                new int[0],
                new float[0],
                new float[0]);
    }

    /** Writes the shards that are missing, and finishes. */
    static CaptureManifest write(Path directory, CaptureManifest manifest) throws IOException {
        try (CaptureWriter writer = CaptureWriter.open(directory, manifest)) {
            for (int shard : writer.missing()) {
                writeShard(writer, manifest, shard);
            }
            return writer.finish();
        }
    }

    static void writeShard(CaptureWriter writer, CaptureManifest manifest, int number) throws IOException {
        try (ShardWriter shard = writer.begin(number)) {
            fill(shard, manifest);
            shard.finish();
        }
    }

    static void fill(ShardWriter shard, CaptureManifest manifest) throws IOException {
        int number = shard.number();
        for (long window = manifest.firstWindow(number); window < manifest.endWindow(number); window++) {
            if (shard.claim(tokens(window), positions(window))) {
                shard.add(tokens(window), positions(window), blocks(window));
            }
        }
    }
}
