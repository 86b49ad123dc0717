package dev.lyne.teacher.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Room for unsent rows: who is given some, who waits, and who is told to go. Time is a number that the tests move. */
final class UnsentBudgetTest {
    private final AtomicLong now = new AtomicLong(5);
    private final UnsentBudget budget = new UnsentBudget(100, now::get);
    private final List<String> served = new ArrayList<>();

    private UnsentBudget.Share open(String name) {
        return budget.open(() -> served.add(name));
    }

    @Test
    void take_withRoom_isGivenWhateverTheShare() {
        UnsentBudget.Share only = open("only");
        open("idle");
        assertThat(only.take(100)).isTrue();
        assertThat(budget.heldBytes()).isEqualTo(100);
    }

    @Test
    void take_withoutRoom_withinTheShareProceedsAndAboveItWaits() {
        UnsentBudget.Share stalled = open("stalled");
        UnsentBudget.Share reader = open("reader");
        stalled.take(100);

        assertThat(reader.take(30)).isTrue();
        assertThat(reader.take(20)).isTrue();
        assertThat(reader.take(1)).isFalse();
        reader.give(20);
        assertThat(served).containsExactly("reader");
        assertThat(budget.heldBytes()).isEqualTo(131);
    }

    @Test
    void take_manyComeWhileAllStall_neverHoldsMoreThanHalfAsMuchAgain() {
        for (int i = 0; i < 1_000; i++) {
            UnsentBudget.Share share = open("share");
            for (int taken = 0; taken < 100 && share.take(1); taken++) {
                assertThat(budget.heldBytes()).isLessThanOrEqualTo(150);
            }
        }
    }

    @Test
    void give_servesTheLineInOrder() {
        UnsentBudget.Share holder = open("holder");
        UnsentBudget.Share first = open("first");
        UnsentBudget.Share second = open("second");
        holder.take(100);
        assertThat(first.take(60)).isFalse();
        assertThat(second.take(60)).isFalse();

        holder.give(70);
        assertThat(served).containsExactly("first");
        holder.give(30);
        first.give(60);
        assertThat(served).containsExactly("first", "second");
    }

    /** One waits at the head for more than its share; who reads and wants no more than its own is not held up by that. */
    @Test
    void give_byOneWithinItsShareBehindTheHead_isServed() {
        UnsentBudget.Share stalled = open("stalled");
        UnsentBudget.Share greedy = open("greedy");
        UnsentBudget.Share reader = open("reader");
        stalled.take(100);
        assertThat(greedy.take(34)).isFalse();
        assertThat(reader.take(30)).isTrue();
        assertThat(reader.take(10)).isFalse();

        reader.give(30);
        assertThat(served).containsExactly("reader");
        assertThat(budget.heldBytes()).isEqualTo(110);
    }

    @Test
    void serveLine_whileNobodyGives_letsInWhoStarves() {
        UnsentBudget.Share stalled = open("stalled");
        UnsentBudget.Share large = open("large");
        stalled.take(80);
        assertThat(large.take(60)).isFalse();
        budget.serveLine();
        assertThat(served).isEmpty();
        now.addAndGet(UnsentBudget.STARVED_NANOS);
        budget.serveLine();
        assertThat(served).containsExactly("large");
    }

    @Test
    void give_firstInLineHoldsNothingAndStarves_isLetInBeyondTheBudget() {
        UnsentBudget.Share busy = open("busy");
        UnsentBudget.Share large = open("large");
        busy.take(100);
        assertThat(large.take(60)).isFalse();
        busy.give(50);
        assertThat(served).isEmpty();
        now.addAndGet(UnsentBudget.STARVED_NANOS);
        busy.give(5);
        assertThat(served).containsExactly("large");
        assertThat(budget.heldBytes()).isEqualTo(105);
    }

    @Test
    void close_givesAllBackAndLeavesTheLine() {
        UnsentBudget.Share holder = open("holder");
        UnsentBudget.Share gone = open("gone");
        UnsentBudget.Share waiting = open("waiting");
        holder.take(100);
        gone.take(90);
        waiting.take(90);
        gone.close();
        holder.close();
        holder.give(100);

        assertThat(served).containsExactly("waiting");
        assertThat(budget.heldBytes()).isEqualTo(90);
    }

    @Test
    void isStalled_onlyWhereOthersHaveWaitedForAsLong() {
        UnsentBudget.Share stalled = open("stalled");
        UnsentBudget.Share waiting = open("waiting");
        stalled.take(100);
        now.addAndGet(10 * UnsentBudget.STALLED_NANOS);
        assertThat(budget.isStalled(5)).as("nobody waits").isFalse();
        waiting.take(90);
        assertThat(budget.isStalled(5)).as("somebody waits since now").isFalse();
        now.addAndGet(UnsentBudget.STALLED_NANOS);
        assertThat(budget.isStalled(5)).isTrue();
        assertThat(budget.isStalled(now.get() - 1))
                .as("it has just taken something")
                .isFalse();
    }
}
