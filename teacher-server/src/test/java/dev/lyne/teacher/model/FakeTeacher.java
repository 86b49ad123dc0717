package dev.lyne.teacher.model;

import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;

/**
 * A teacher without a model: rows are functions of the tokens up to a position. It can be held before a batch,
 * made to fail on a token, and made to find a token's logits not finite.
 */
public final class FakeTeacher implements LocalModel {
    /** A batch as it was run. */
    public record Batch(List<ScoreItem> items, RowContent selection) {}

    private final TeacherDescription description;
    private final PowerLawRows rows;
    private final Semaphore allowedBatches = new Semaphore(Integer.MAX_VALUE / 2);
    private final Semaphore allowedWarmUp = new Semaphore(Integer.MAX_VALUE / 2);
    private final List<Batch> batches = new CopyOnWriteArrayList<>();
    private volatile int failingToken = -1;
    private volatile int notFiniteToken = -1;
    private volatile boolean closed;
    private volatile List<TokenizerFile> tokenizer = List.of();

    public FakeTeacher(String name, int vocabularySize, int contextLength) {
        this(name, vocabularySize, contextLength, false);
    }

    public FakeTeacher(String name, int vocabularySize, int contextLength, boolean deterministic) {
        this.rows = new PowerLawRows(vocabularySize);
        byte[] digest = new byte[32];
        Arrays.fill(digest, (byte) (7 + name.hashCode()));
        byte[] tokenizer = new byte[32];
        Arrays.fill(tokenizer, (byte) 9);
        this.description = new TeacherDescription(
                name,
                digest,
                tokenizer,
                vocabularySize,
                contextLength,
                new ExecutionFingerprint("0.0.0", "none", "", 1, 1, "float32"),
                "fake",
                1_000,
                deterministic,
                0,
                Optional.empty());
    }

    /** Has a tokenizer. */
    public FakeTeacher withTokenizer(List<TokenizerFile> files) {
        tokenizer = files;
        return this;
    }

    /** From now on every batch waits to be allowed. */
    public void hold() {
        allowedBatches.drainPermits();
    }

    /** Lets one batch run. */
    public void allowOne() {
        allowedBatches.release();
    }

    /** Lets all batches run. */
    public void allowAll() {
        allowedBatches.release(Integer.MAX_VALUE / 4);
    }

    /** The warm-up waits until {@link #allowWarmUp}. */
    public void holdWarmUp() {
        allowedWarmUp.drainPermits();
    }

    public void allowWarmUp() {
        allowedWarmUp.release();
    }

    /** Batches with this token throw. */
    public void failOn(int token) {
        failingToken = token;
    }

    /** Logits at the position of this token are not finite. */
    public void notFiniteAt(int token) {
        notFiniteToken = token;
    }

    /** Batches that were begun, in order. */
    public List<Batch> batches() {
        return batches;
    }

    public int sequencesScored() {
        return batches.stream().mapToInt(batch -> batch.items().size()).sum();
    }

    public boolean closed() {
        return closed;
    }

    @Override
    public TeacherDescription description() {
        return description;
    }

    @Override
    public List<TokenizerFile> tokenizer() {
        return tokenizer;
    }

    @Override
    public void warmUp() {
        allowedWarmUp.acquireUninterruptibly();
    }

    @Override
    public List<ScoreOutcome> score(List<ScoreItem> items, RowContent selection) {
        batches.add(new Batch(items, selection));
        allowedBatches.acquireUninterruptibly();
        for (ScoreItem item : items) {
            if (Arrays.stream(item.tokens()).anyMatch(token -> token == failingToken)) {
                throw new IllegalStateException("token " + failingToken + " breaks this model");
            }
        }
        return items.stream().map(item -> outcome(item, selection)).toList();
    }

    private ScoreOutcome outcome(ScoreItem item, RowContent selection) {
        for (int position : item.positions()) {
            if (item.tokens()[position] == notFiniteToken) {
                return new ScoreOutcome.NotFinite(position);
            }
        }
        return scored(item, selection);
    }

    /** Returns the rows that it gives an item. */
    public ScoreOutcome.Scored scored(ScoreItem item, RowContent selection) {
        return new ScoreOutcome.Scored(item.positions(), rows(item, selection));
    }

    /** The rows that this teacher gives, for comparison. */
    public RowColumns rows(ScoreItem item, RowContent selection) {
        return rows.of(item, selection);
    }

    @Override
    public void close() {
        closed = true;
    }
}
