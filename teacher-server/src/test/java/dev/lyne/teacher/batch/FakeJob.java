package dev.lyne.teacher.batch;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.ScoreJob;

/** A sequence of zeros that is never late, wants its top k at the last positions, and must not be told anything. */
class FakeJob implements ScoreJob {
    private final ScoreItem item;
    private final int k;

    /** @param positions how many of its positions are wanted */
    FakeJob(int length, int positions, int k) {
        this.item = new ScoreItem(new int[length], new int[positions]);
        this.k = k;
    }

    final int length() {
        return item.tokens().length;
    }

    @Override
    public ScoreItem item() {
        return item;
    }

    @Override
    public RowContent content() {
        return RowContent.topK(k);
    }

    @Override
    public long entries() {
        return (long) k * item.positions().length;
    }

    @Override
    public boolean overdue(long nowNanos) {
        return false;
    }

    @Override
    public boolean expire(long nowNanos) {
        return overdue(nowNanos);
    }

    @Override
    public boolean start(long nowNanos) {
        return true;
    }

    @Override
    public void scored(ScoreOutcome.Scored rows) {
        throw new AssertionError("told of rows (expected: nothing runs)");
    }

    @Override
    public void failed(Failure failure) {
        throw new AssertionError("told of " + failure + " (expected: nothing fails)");
    }
}
