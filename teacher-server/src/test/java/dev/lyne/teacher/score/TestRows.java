package dev.lyne.teacher.score;

import dev.lyne.row.Precision;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.wire.Positions;
import dev.lyne.wire.RowFormat;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;

/** Sequences by number, and the rows that a fake teacher gives for them: what tiers are asked for and keep. */
public final class TestRows {
    private static final int TOKENS = 64;

    static {
        // A bound on how long a hang is watched; a busy machine needs more than the library's ten seconds.
        Awaitility.setDefaultTimeout(Duration.ofMinutes(1));
    }

    private final FakeTeacher teacher;
    private final SequenceEncoder encoder;

    public TestRows() {
        this(new FakeTeacher("fake", 1_000, 2_048));
    }

    public TestRows(FakeTeacher teacher) {
        this.teacher = teacher;
        this.encoder = new SequenceEncoder(teacher.description(), 1 << 20);
    }

    public static ScoreTask task(int number, int k) {
        return task(number, k, TOKENS, Deadline.NONE);
    }

    public static ScoreTask task(int number, int k, int tokens, Deadline deadline) {
        int[] ids =
                IntStream.range(0, tokens).map(i -> (number + 31 * i) % 1_000).toArray();
        ids[0] = number / 1_000;
        return task(ids, exact(new Selection.TopK(k, List.of())), Positions.withLabels(tokens), deadline);
    }

    /** Any rows of a short sequence. */
    public static ScoreTask task(int number, int tokens, RowFormat format) {
        int[] ids = IntStream.range(0, tokens).map(i -> (number + 31 * i) % 300).toArray();
        return task(ids, format, Positions.withLabels(tokens), Deadline.NONE);
    }

    public static ScoreTask task(int[] ids, RowFormat format, int[] positions, Deadline deadline) {
        return new ScoreTask(new ScoreItem(ids, positions), format, deadline, false);
    }

    /** Rows in exact precision without raw logits. */
    public static RowFormat exact(Selection selection) {
        return new RowFormat(selection, Precision.EXACT, false);
    }

    public RowsQuery query(ScoreTask task) {
        return RowsQuery.of(teacher.description(), task);
    }

    public RowsQuery query(int number) {
        return query(task(number, 4));
    }

    /** The rows that answer a task. */
    public StoredRows rows(ScoreTask task) {
        Plan plan = Plan.of(task, CachedSelection.wanted(task));
        return encoder.encode(task.item().tokens(), plan.holds(), teacher.scored(plan.item(), plan.content()));
    }

    public StoredRows rows(int number) {
        return rows(task(number, 4));
    }

    /** True where both have the same blocks. */
    public static boolean equal(StoredRows one, StoredRows other) {
        List<byte[]> mine =
                one.rows().blocks().stream().map(EncodedBlock::bytes).toList();
        List<byte[]> its =
                other.rows().blocks().stream().map(EncodedBlock::bytes).toList();
        return mine.size() == its.size()
                && IntStream.range(0, mine.size()).allMatch(i -> Arrays.equals(mine.get(i), its.get(i)))
                && CachedSelection.contains(one.holds(), other.holds(), 1_000, true)
                && one.holds().keptMass() == other.holds().keptMass();
    }
}
