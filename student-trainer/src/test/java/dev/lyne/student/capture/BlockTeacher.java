package dev.lyne.student.capture;

import dev.lyne.client.StoredTargets;
import dev.lyne.client.StreamCounts;
import dev.lyne.client.StreamStatistics;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherDescription;
import dev.lyne.client.capture.CapturedTeachers;
import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.capture.CapturedTeacher;
import io.grpc.Status;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A teacher in this process whose rows are a function of the tokens, encoded in blocks of a few rows. */
final class BlockTeacher implements TargetSource {
    static final int VOCABULARY = 256;
    static final int ROWS_A_BLOCK = 5;

    private final String digest;
    private final boolean deterministic;
    final AtomicInteger answered = new AtomicInteger();
    final List<TargetRequest> opened = new CopyOnWriteArrayList<>();
    final Set<Long> failing = ConcurrentHashMap.newKeySet();

    BlockTeacher(String digest, boolean deterministic) {
        this.digest = digest;
        this.deterministic = deterministic;
    }

    @Override
    public TeacherDescription describe() {
        return new TeacherDescription(
                "blocks",
                digest.repeat(64),
                "0".repeat(64),
                new ExecutionFingerprint("2.7.1", "fake", "AVX2", 2, 1, "float32"),
                VOCABULARY,
                96,
                "hash",
                1,
                deterministic,
                0,
                new TeacherDescription.Abilities(64, 4, false),
                Optional.empty());
    }

    @Override
    public TargetStream open(TargetRequest request) {
        opened.add(request);
        return new Stream(request);
    }

    @Override
    public void close() {}

    static List<ByteBuffer> blocks(CapturedTeacher teacher, TargetSequence sequence, Selection selection) {
        List<ByteBuffer> blocks = new ArrayList<>();
        int[] positions = sequence.teacherPositions();
        for (int from = 0; from < positions.length; from += ROWS_A_BLOCK) {
            int to = Math.min(positions.length, from + ROWS_A_BLOCK);
            BlockHeader header = new BlockHeader(
                    VOCABULARY,
                    selection,
                    HexFormat.of().parseHex(teacher.modelSha256()),
                    Digests.fingerprint(teacher.fingerprint().toMessage()),
                    Digests.rows(sequence.teacherTokens(), positions, from, to),
                    Arrays.copyOfRange(positions, from, to));
            blocks.add(ByteBuffer.wrap(
                    BlockEncoder.encode(header, columns(sequence, from, to, selection.mostEntries(VOCABULARY)), 0)));
        }
        return blocks;
    }

    /** Entries of half the mass that is left, each; the label is never among them. */
    private static RowColumns columns(TargetSequence sequence, int from, int to, int k) {
        int rows = to - from;
        int[] counts = new int[rows];
        Arrays.fill(counts, k);
        int[] ids = new int[rows * k];
        float[] logProbabilities = new float[rows * k];
        float[] tails = new float[rows];
        float[] data = new float[rows];
        for (int row = 0; row < rows; row++) {
            int position = sequence.teacherPositions()[from + row];
            int next = sequence.teacherTokens()[position + 1];
            int first = new SplittableRandom(Arrays.hashCode(sequence.teacherTokens()) * 31L + position)
                    .nextInt(VOCABULARY);
            for (int i = 0, id = first; i < k; id++) {
                if (id % VOCABULARY != next) {
                    ids[row * k + i] = id % VOCABULARY;
                    logProbabilities[row * k + i] = (float) ((i + 1) * Math.log(0.5));
                    i++;
                }
            }
            tails[row] = (float) (k * Math.log(0.5));
            data[row] = (float) ((k + 1) * Math.log(0.5));
        }
        return new RowColumns(k, counts, ids, logProbabilities, tails, data);
    }

    private final class Stream implements TargetStream {
        private static final int WINDOW = 4;
        private final StoredTargets stored;
        private final Deque<TargetSequence> pending = new ArrayDeque<>();

        Stream(TargetRequest request) {
            this.stored = new StoredTargets(request, describe());
        }

        @Override
        public TeacherDescription teacher() {
            return describe();
        }

        @Override
        public boolean offer(TargetSequence sequence) {
            return pending.size() < WINDOW && pending.add(sequence);
        }

        @Override
        public Targets take() {
            TargetSequence sequence = pending.removeFirst();
            if (failing.contains(sequence.id())) {
                throw StoredTargets.failed(sequence, Status.Code.DATA_LOSS, "not finite");
            }
            answered.incrementAndGet();
            List<ByteBuffer> blocks = blocks(CapturedTeachers.of(describe()), sequence, stored.selection());
            return stored.read(sequence, blocks, RowSource.COMPUTED, false);
        }

        @Override
        public void askAgain(TargetSequence sequence) {
            pending.addFirst(sequence);
        }

        @Override
        public int pending() {
            return pending.size();
        }

        @Override
        public StreamStatistics statistics() {
            return new StreamCounts().statistics();
        }

        @Override
        public void close() {}
    }
}
