package dev.lyne.teacher.synthetic;

import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.model.TokenizerIdentity;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A teacher without a model: {@link SyntheticRows} at the cost of {@link SyntheticSettings}. Its digest is that of what its rows
 * depend on, so that changing the cost alone leaves stored rows valid.
 */
public final class SyntheticTeacher implements LocalModel {
    /** Goes up with every change that moves a bit of a row of the same settings. */
    private static final int ARITHMETIC_VERSION = 1;

    private static final long STILL_NANOS = 20_000_000;

    private final SyntheticSettings settings;
    private final TeacherDescription description;
    private final SyntheticRows rows;
    private final Pacer.Clock clock;
    private final Pacer pacer;
    private long scoredPositions; // owned by the thread of the device
    private boolean stoodStill; // likewise
    private volatile boolean closed;

    /** @param deterministic whether the server is to compute each sequence alone; the rows are the same either way */
    public SyntheticTeacher(String name, SyntheticSettings settings, boolean deterministic) {
        this(name, settings, deterministic, Pacer.SYSTEM);
    }

    SyntheticTeacher(String name, SyntheticSettings settings, boolean deterministic, Pacer.Clock clock) {
        this.settings = settings;
        this.clock = clock;
        this.pacer = new Pacer(clock);
        int vocabularySize = settings.vocabularySize();
        byte[] tokens = sha256("lyne synthetic tokens, vocabulary " + vocabularySize);
        if (settings.tokenizer().isPresent()) {
            TokenizerIdentity tokenizer =
                    TokenizerIdentity.of(settings.tokenizer().get());
            vocabularySize = tokenizer.vocabularySize();
            tokens = tokenizer.digest();
        }
        this.rows = new SyntheticRows(vocabularySize, settings.seed());
        this.description = new TeacherDescription(
                name,
                sha256("lyne synthetic rows 1, vocabulary " + vocabularySize + ", seed " + settings.seed()),
                tokens,
                vocabularySize,
                settings.contextLength(),
                new ExecutionFingerprint("none", "synthetic", "", ARITHMETIC_VERSION, 1, "float32"),
                "synthetic",
                0,
                deterministic,
                0,
                Optional.empty());
    }

    @Override
    public TeacherDescription description() {
        return description;
    }

    /** Nothing: tables are made with the teacher. */
    @Override
    public void warmUp() {}

    @Override
    public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
        standStill();
        long start = clock.nanos();
        List<ScoreOutcome> outcomes = new ArrayList<>(items.size());
        long longest = 0;
        for (ScoreItem item : items) {
            outcomes.add(new ScoreOutcome.Scored(item.positions(), rows.of(item, content)));
            longest = Math.max(longest, item.tokens().length);
            scoredPositions += item.positions().length;
        }
        pacer.await(start, settings.batchNanos(longest * items.size()));
        return outcomes;
    }

    /** Does nothing for as long as the settings say, once it has worked through the positions that they say. */
    private void standStill() {
        SyntheticSettings.Standstill fault = settings.standstill();
        if (stoodStill || fault.afterPositions() == 0 || scoredPositions < fault.afterPositions()) {
            return;
        }
        stoodStill = true;
        long start = clock.nanos();
        long nanos = fault.seconds() == 0 ? Long.MAX_VALUE : (long) (fault.seconds() * 1e9);
        while (!closed && !Thread.currentThread().isInterrupted() && clock.nanos() - start < nanos) {
            clock.waitNanos(STILL_NANOS);
        }
    }

    @Override
    public void close() {
        closed = true;
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
