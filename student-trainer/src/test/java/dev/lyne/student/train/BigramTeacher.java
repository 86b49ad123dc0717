package dev.lyne.student.train;

import dev.lyne.client.StreamStatistics;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherDescription;
import dev.lyne.client.TeacherFailures;
import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.row.TextConventions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** A teacher in this process that knows one thing: which two tokens follow each token. */
final class BigramTeacher implements TargetSource, TargetStream {
    static final long BYTES_PER_POSITION = 12;
    private static final int WINDOW = 6;

    private final int vocabularySize;
    private final String digest;
    private final Map<Long, Integer> failuresLeft = new HashMap<>();
    private final ArrayDeque<TargetSequence> pending = new ArrayDeque<>();
    private boolean rawLogits;
    private Selection selection = new Selection.LabelOnly(List.of());
    final List<TargetSequence> sequences = new ArrayList<>();
    Optional<TextConventions> conventions = Optional.empty();
    boolean deterministic = true;
    int asked;
    int again;

    BigramTeacher(int vocabularySize, String digest) {
        this.vocabularySize = vocabularySize;
        this.digest = digest;
    }

    /** Lets the sequence of that number fail so many times. */
    BigramTeacher failing(long sequence, int times) {
        failuresLeft.put(sequence, times);
        return this;
    }

    @Override
    public TeacherDescription describe() {
        return new TeacherDescription(
                "fake",
                digest.repeat(64),
                "0".repeat(64),
                new ExecutionFingerprint("2.7.1", "fake", "AVX2", 2, 1, "float32"),
                vocabularySize,
                64,
                "bigram",
                1,
                deterministic,
                0,
                new TeacherDescription.Abilities(64, 4, true),
                conventions);
    }

    @Override
    public TargetStream open(TargetRequest request) {
        selection = request.selection();
        rawLogits = request.rawLogits();
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
        sequences.add(sequence);
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
        int[][] kept = new int[rows][];
        for (int r = 0; r < rows; r++) {
            kept[r] = sequence.chosen().length > 0
                    ? sequence.chosen()[r]
                    : selection instanceof Selection.LabelOnly ? new int[0] : followers(sequence, r);
        }
        int stride = Arrays.stream(kept).mapToInt(ids -> ids.length).max().orElseThrow();
        boolean drawn = selection instanceof Selection.Draws;
        int[] counts = new int[rows];
        int[] ids = new int[rows * stride];
        int[] draws = new int[drawn ? ids.length : 0];
        float[] logProbabilities = new float[ids.length];
        float[] tail = new float[rows];
        float[] labels = new float[rows];
        for (int r = 0; r < rows; r++) {
            double left = 1;
            counts[r] = kept[r].length;
            for (int i = 0; i < kept[r].length; i++) {
                double probability = sequence.chosen().length > 0 ? 0.9 / kept[r].length : i == 0 ? 0.6 : 0.3;
                left -= probability;
                ids[r * stride + i] = kept[r][i];
                logProbabilities[r * stride + i] = (float) Math.log(probability);
                if (selection instanceof Selection.Draws rule) {
                    draws[r * stride + i] = i == 0 ? rule.draws() - rule.draws() / 3 : rule.draws() / 3;
                }
            }
            tail[r] = (float) Math.log(left);
            labels[r] = label(sequence, r);
        }
        return new Targets(
                sequence,
                new RowColumns(
                        stride,
                        counts,
                        ids,
                        logProbabilities,
                        tail,
                        labels,
                        new float[rows * selection.temperatures().size()],
                        repeated(tail, selection.temperatures().size()),
                        draws,
                        rawLogits ? logProbabilities.clone() : new float[0],
                        new float[rawLogits ? rows : 0]),
                selection.temperatures(),
                Map.of(RowSource.COMPUTED, rows),
                0,
                List.of(),
                BYTES_PER_POSITION * rows);
    }

    /** Each value so often: the tails of a teacher whose offsets are 0. */
    private static float[] repeated(float[] values, int times) {
        float[] all = new float[values.length * times];
        for (int i = 0; i < all.length; i++) {
            all[i] = values[i / times];
        }
        return all;
    }

    /** The log-probability of the token that a sequence really has next, whatever is kept. */
    private float label(TargetSequence sequence, int row) {
        int label = sequence.teacherTokens()[sequence.teacherPositions()[row] + 1];
        int[] followers = followers(sequence, row);
        double probability = label == followers[0] ? 0.6 : label == followers[1] ? 0.3 : 0.1 / (vocabularySize - 2);
        return (float) Math.log(probability);
    }

    private int[] followers(TargetSequence sequence, int row) {
        Random random = new Random(sequence.teacherTokens()[sequence.teacherPositions()[row]]);
        int first = random.nextInt(vocabularySize);
        return new int[] {first, (first + 1) % vocabularySize};
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
        return new StreamStatistics(
                new StreamStatistics.Count(asked, 0),
                StreamStatistics.Count.NONE,
                new StreamStatistics.Count(again, 0),
                0,
                Map.of(),
                0,
                0,
                0,
                0,
                0,
                StreamStatistics.Hedges.NONE);
    }

    @Override
    public void close() {
        pending.clear();
    }
}
