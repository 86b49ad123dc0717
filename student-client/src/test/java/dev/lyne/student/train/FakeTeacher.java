package dev.lyne.student.train;

import dev.lyne.student.client.RowSource;
import dev.lyne.student.client.StreamStatistics;
import dev.lyne.student.client.TargetRequest;
import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.TargetSource;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.client.Targets;
import dev.lyne.student.client.TeacherDescription;
import dev.lyne.student.client.TeacherFailures;
import dev.lyne.student.client.TeacherFingerprint;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;

/** A teacher in this process that knows one thing: which two tokens follow each token. */
final class FakeTeacher implements TargetSource, TargetStream {
    private static final int WINDOW = 6;

    private final int vocabularySize;
    private final String digest;
    private final Map<Long, Integer> failuresLeft = new HashMap<>();
    private final ArrayDeque<TargetSequence> pending = new ArrayDeque<>();
    int asked;
    int again;

    FakeTeacher(int vocabularySize, String digest) {
        this.vocabularySize = vocabularySize;
        this.digest = digest;
    }

    /** Lets the sequence of that number fail so many times. */
    FakeTeacher failing(long sequence, int times) {
        failuresLeft.put(sequence, times);
        return this;
    }

    @Override
    public TeacherDescription describe() {
        return new TeacherDescription(
                "fake",
                digest.repeat(64),
                "0".repeat(64),
                new TeacherFingerprint("2.7.1", "fake", "AVX2", 1, "float32"),
                vocabularySize,
                64,
                "bigram",
                1,
                true,
                64,
                4);
    }

    @Override
    public TargetStream open(TargetRequest request) {
        return this;
    }

    @Override
    public TeacherDescription teacher() {
        return describe();
    }

    @Override
    public boolean offer(TargetSequence sequence) {
        if (pending.size() >= WINDOW) {
            return false;
        }
        asked++;
        return pending.add(sequence);
    }

    @Override
    public Targets take() {
        TargetSequence sequence = pending.remove();
        int left = failuresLeft.getOrDefault(sequence.id(), 0);
        if (left > 0) {
            failuresLeft.put(sequence.id(), left - 1);
            throw TeacherFailures.sequenceFailed(sequence.id());
        }
        return rows(sequence);
    }

    private Targets rows(TargetSequence sequence) {
        int rows = sequence.positions().length;
        int[] ids = new int[rows * 2];
        float[] logProbabilities = new float[rows * 2];
        for (int r = 0; r < rows; r++) {
            Random random = new Random(sequence.tokens()[sequence.positions()[r]]);
            ids[2 * r] = random.nextInt(vocabularySize);
            ids[2 * r + 1] = (ids[2 * r] + 1) % vocabularySize;
            logProbabilities[2 * r] = (float) Math.log(0.6);
            logProbabilities[2 * r + 1] = (float) Math.log(0.3);
        }
        int[] counts = new int[rows];
        Arrays.fill(counts, 2);
        float[] tail = new float[rows];
        Arrays.fill(tail, (float) Math.log(0.1));
        return new Targets(
                sequence,
                sequence.positions(),
                2,
                counts,
                ids,
                logProbabilities,
                tail,
                new float[rows],
                java.util.List.of(),
                new float[0],
                Map.of(RowSource.COMPUTED, rows),
                100L);
    }

    @Override
    public void askAgain(TargetSequence sequence) {
        again++;
        pending.addFirst(sequence);
    }

    @Override
    public int pending() {
        return pending.size();
    }

    @Override
    public StreamStatistics statistics() {
        return new StreamStatistics(asked, 0, 0, 0, again, 0, 0, Map.of(), 0, 0, 0, 0, 0);
    }

    @Override
    public void close() {
        pending.clear();
    }
}
