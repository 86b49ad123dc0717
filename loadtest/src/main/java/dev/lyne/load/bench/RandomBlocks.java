package dev.lyne.load.bench;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.TargetBlock;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Seeded random blocks of every selection and precision with what they answer, for a decoder in another language to be held to Java's,
 * in value and in speed.
 *
 * <p>A frame for each block, integers of 32 bits, little-endian: its length and bytes; the number of tokens and the tokens; the number
 * of rows whose ids a student chose (0 where it chose none), and for each the number of its ids and the ids; SHA-256 over the columns
 * that {@link BlockDecoder} makes of it, in the order of {@link TargetBlock}, each number little-endian.
 */
public final class RandomBlocks {
    private static final int TEACHERS = 24;
    private static final int MOST_TOKENS = 12;
    private static final int DIGEST_BYTES = 32;

    /** Time of a round. */
    private static final long ROUND_NANOS = 200_000_000;

    /** Until the compiler has done its work. */
    private static final int WARM_UP_ROUNDS = 15;

    private final SplittableRandom random;
    private final List<SyntheticTeacher> teachers = new ArrayList<>();

    private RandomBlocks(long seed) {
        random = new SplittableRandom(seed);
        for (int i = 0; i < TEACHERS; i++) {
            int vocabularySize = i == 0 ? 1 : 1 << random.nextInt(1, 13);
            vocabularySize += random.nextInt(vocabularySize);
            teachers.add(teacher(vocabularySize, random.nextLong()));
        }
    }

    private static SyntheticTeacher teacher(int vocabularySize, long seed) {
        return new SyntheticTeacher("random", new SyntheticSettings(vocabularySize, 1 << 20, 0, 0, seed), true);
    }

    /** Writes so many frames. */
    public static void write(long seed, long count, OutputStream out) throws IOException {
        RandomBlocks blocks = new RandomBlocks(seed);
        for (long i = 0; i < count; i++) {
            blocks.writeOne(out);
        }
        out.flush();
    }

    /** Writes frames of compact rows with the 64 most probable of 32,768 ids, 256 rows a block, as a student's stream has them. */
    public static void writeAlike(long seed, int count, OutputStream out) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        SyntheticTeacher teacher = teacher(32_768, random.nextLong());
        Selection selection = new Selection.TopK(64, List.of());
        for (int i = 0; i < count; i++) {
            int[] tokens = random.ints(257, 0, 32_768).toArray();
            ScoreItem item = new ScoreItem(tokens, IntStream.range(0, 256).toArray());
            writeFrame(teacher, item, selection, Precision.COMPACT, false, out);
        }
        out.flush();
    }

    private void writeOne(OutputStream out) throws IOException {
        SyntheticTeacher teacher = teachers.get(random.nextInt(teachers.size()));
        int vocabularySize = teacher.description().vocabularySize();
        int[] tokens =
                random.ints(1 + random.nextInt(MOST_TOKENS), 0, vocabularySize).toArray();
        int[] positions = IntStream.range(0, tokens.length)
                .filter(position -> random.nextInt(4) > 0)
                .toArray();
        if (positions.length == 0) {
            positions = new int[] {random.nextInt(tokens.length)};
        }
        Selection selection = selection(vocabularySize);
        Precision precision = Precision.values()[random.nextInt(Precision.values().length)];
        boolean logits = precision != Precision.COMPACT && random.nextInt(3) == 0;
        ScoreItem item = selection instanceof Selection.Chosen rule
                ? new ScoreItem(tokens, positions, chosen(positions.length, rule.k(), vocabularySize))
                : new ScoreItem(tokens, positions);
        writeFrame(teacher, item, selection, precision, logits, out);
    }

    private Selection selection(int vocabularySize) {
        List<Float> temperatures = IntStream.range(0, Math.max(0, random.nextInt(5) - 2))
                .mapToObj(i -> 0.5f + 0.75f * i + 0.25f * random.nextInt(3))
                .toList();
        int k = 1 + random.nextInt(Math.min(vocabularySize, 80));
        return switch (random.nextInt(7)) {
            case 0 -> new Selection.TopPK(0.05 * (1 + random.nextInt(20)), k, 1f, temperatures);
            case 1 -> new Selection.TopFraction(Math.min(1, (k + 0.5) / vocabularySize), temperatures);
            case 2 -> new Selection.Draws(1 + random.nextInt(60), 0, random.nextLong(), temperatures);
            case 3 -> {
                // Draws are from what a head leaves over.
                int head = random.nextInt(Math.max(1, Math.min(vocabularySize - 1, 9)));
                yield new Selection.Draws(1 + random.nextInt(30), head, random.nextLong(), temperatures);
            }
            case 4 -> new Selection.Chosen(k, temperatures);
            case 5 -> new Selection.LabelOnly(temperatures);
            default -> new Selection.TopK(k, temperatures);
        };
    }

    private int[][] chosen(int rows, int most, int vocabularySize) {
        int[][] chosen = new int[rows][];
        for (int row = 0; row < rows; row++) {
            int count = random.nextInt(most + 1);
            chosen[row] = random.ints(4L * most, 0, vocabularySize)
                    .distinct()
                    .limit(count)
                    .toArray();
        }
        return chosen;
    }

    private static void writeFrame(
            SyntheticTeacher teacher,
            ScoreItem item,
            Selection selection,
            Precision precision,
            boolean logits,
            OutputStream out)
            throws IOException {
        if (!(teacher.score(List.of(item), new RowContent(selection, logits)).get(0)
                instanceof ScoreOutcome.Scored scored)) {
            throw new IllegalStateException("a synthetic teacher could not score (expected: it can)");
        }
        RowColumns columns = scored.rows();
        BlockHeader header = new BlockHeader(
                teacher.description().vocabularySize(),
                selection,
                precision,
                logits,
                new byte[BlockHeader.TEACHER_DIGEST_BYTES],
                new byte[Digests.SHORT_BYTES],
                Digests.rows(item.tokens(), item.positions(), 0, item.positions().length),
                item.positions());
        byte[] block = BlockEncoder.encode(header, columns, 0);
        int[] chosen = Arrays.stream(item.chosen())
                .flatMapToInt(ids -> IntStream.concat(IntStream.of(ids.length), Arrays.stream(ids)))
                .toArray();
        ByteBuffer frame = ByteBuffer.allocate(
                        4 * (3 + item.tokens().length + chosen.length) + block.length + DIGEST_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        frame.putInt(block.length).put(block);
        frame.putInt(item.tokens().length);
        Arrays.stream(item.tokens()).forEach(frame::putInt);
        frame.putInt(item.chosen().length);
        Arrays.stream(chosen).forEach(frame::putInt);
        frame.put(digest(BlockDecoder.decode(ByteBuffer.wrap(block))));
        out.write(frame.array());
    }

    private static byte[] digest(TargetBlock block) {
        MessageDigest digest = sha256();
        update(digest, block.offsets());
        update(digest, block.ids());
        update(digest, block.logProbabilities());
        update(digest, block.logTailMass());
        update(digest, block.labelLogProbability());
        update(digest, block.temperatureOffsets());
        update(digest, block.temperedLogTails());
        update(digest, block.drawCounts());
        update(digest, block.logits());
        update(digest, block.logSumExp());
        return digest.digest();
    }

    private static void update(MessageDigest digest, int[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(values);
        digest.update(bytes);
    }

    private static void update(MessageDigest digest, float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        digest.update(bytes);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    /**
     * Times this decoder on the blocks of frames, in turns with another one: for each line that is asked for a round is run, and a line
     * with its entries a second, by the CPU time of the one thread, is answered.
     */
    public static void time(InputStream frames, BufferedReader asked, PrintStream answers) throws IOException {
        List<byte[]> blocks = blocks(frames);
        for (int round = 0; round < WARM_UP_ROUNDS; round++) {
            entriesPerSecond(blocks);
        }
        answers.println("ready");
        while (asked.readLine() != null) {
            answers.println(entriesPerSecond(blocks));
        }
    }

    private static List<byte[]> blocks(InputStream frames) throws IOException {
        List<byte[]> blocks = new ArrayList<>();
        DataInputStream in = new DataInputStream(frames);
        while (true) {
            byte[] block;
            try {
                block = in.readNBytes(Integer.reverseBytes(in.readInt()));
            } catch (EOFException end) {
                break;
            }
            blocks.add(block);
            in.skipNBytes(4L * Integer.reverseBytes(in.readInt()));
            for (int row = Integer.reverseBytes(in.readInt()); row > 0; row--) {
                in.skipNBytes(4L * Integer.reverseBytes(in.readInt()));
            }
            in.skipNBytes(DIGEST_BYTES);
        }
        if (blocks.isEmpty()) {
            throw new IllegalArgumentException("blocks: 0 (expected: 1 or more)");
        }
        return blocks;
    }

    private static double entriesPerSecond(List<byte[]> blocks) {
        long entries = 0;
        long start = cpuNanos();
        long elapsed = 0;
        for (int i = 0; elapsed < ROUND_NANOS; i++) {
            entries += BlockDecoder.decode(ByteBuffer.wrap(blocks.get(i % blocks.size())))
                    .ids()
                    .length;
            elapsed = cpuNanos() - start;
        }
        return entries * 1e9 / elapsed;
    }

    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
