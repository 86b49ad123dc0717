package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Tenant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Whose sequence gets the next place at an engine. */
final class EngineQueueTest {
    private final EngineQueue queue = new EngineQueue();
    private final Map<EngineJob<?>, String> names = new HashMap<>();

    private static RowsJob job(RecordingJob asked) {
        return new RowsJob(asked, 4_096);
    }

    private RecordingJob add(String name, PriorityClass priority, double weight, int tokens) {
        RecordingJob job = RecordingJob.topK(1, new int[tokens]);
        job.flow = new Flow(new Tenant(name, weight, Optional.empty()), priority, name.hashCode());
        names.put(job(job), name);
        queue.add(job(job), 0);
        return job;
    }

    private List<String> take(int count) {
        List<String> taken = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            EngineQueue.Waiting next = queue.next().orElseThrow();
            queue.take(next);
            taken.add(String.valueOf(names.get(next.job())));
        }
        return taken;
    }

    @Test
    void next_twoTenants_takeTurnsHoweverManyEachHas() {
        for (int i = 0; i < 30; i++) {
            add("many", PriorityClass.TRAINING, 1, 8);
        }
        take(4);
        add("few", PriorityClass.TRAINING, 1, 8);
        add("few", PriorityClass.TRAINING, 1, 8);
        List<String> order = take(6);
        assertThat(order.subList(0, 4)).containsExactlyInAnyOrder("few", "many", "few", "many");
        assertThat(order.subList(4, 6)).containsOnly("many");
    }

    @Test
    void next_byTokensAndWeights_notBySequences() {
        for (int i = 0; i < 60; i++) {
            add("long", PriorityClass.TRAINING, 1, 30);
            add("short", PriorityClass.TRAINING, 1, 10);
            add("heavy", PriorityClass.TRAINING, 2, 10);
        }
        List<String> order = take(60);
        assertThat(order.stream().filter("long"::equals).count()).isBetween(5L, 8L);
        assertThat(order.stream().filter("short"::equals).count()).isBetween(16L, 20L);
        assertThat(order.stream().filter("heavy"::equals).count()).isBetween(33L, 39L);
    }

    @Test
    void next_moreUrgentClass_getsMore_andNoneStarves() {
        for (int i = 0; i < 40; i++) {
            add("file", PriorityClass.CAPTURE, 1, 10);
            add("person", PriorityClass.INTERACTIVE, 1, 10);
        }
        List<String> order = take(34);
        assertThat(order.stream().filter("file"::equals).count()).isEqualTo(2);
    }

    @Test
    void next_askedAgain_isFirstAndChargedNoMore() {
        RecordingJob failed = add("a", PriorityClass.TRAINING, 1, 1000);
        add("b", PriorityClass.TRAINING, 1, 10);
        add("a", PriorityClass.TRAINING, 1, 10);
        EngineQueue.Waiting taken = queue.next().orElseThrow();
        assertThat(taken.job()).isEqualTo(job(failed));
        queue.take(taken);
        queue.addAgain(new EngineQueue.Waiting(job(failed), 0, 1, Optional.empty()));
        assertThat(queue.size()).isEqualTo(3);
        assertThat(take(3)).containsExactly("a", "b", "a");
        assertThat(queue.next()).isEmpty();
    }

    @Test
    void remove_andTakeAll_leaveNothingBehind() {
        RecordingJob gone = add("a", PriorityClass.TRAINING, 1, 10);
        RecordingJob left = add("b", PriorityClass.TRAINING, 1, 10);
        queue.addAgain(new EngineQueue.Waiting(job(add("c", PriorityClass.TRAINING, 1, 10)), 0, 1, Optional.empty()));
        queue.remove(job(gone));
        assertThat(queue.lines().stream().map(line -> line.tenant())).containsExactly("b", "c");
        assertThat(queue.takeAll().stream().map(EngineQueue.Waiting::job)).anyMatch(job(left)::equals);
        assertThat(queue.size()).isZero();
        assertThat(queue.lines()).isEmpty();
        assertThat(queue.next()).isEmpty();
        queue.flowsChanged(job(left)); // which waits no more
        assertThat(queue.next()).isEmpty();
    }

    @Test
    void flowsChanged_toAnotherTenant_isInItsLine() {
        for (int i = 0; i < 5; i++) {
            add("many", PriorityClass.TRAINING, 1, 10);
        }
        RecordingJob shared = add("many", PriorityClass.TRAINING, 1, 10);
        take(2);
        names.put(job(shared), "few");
        shared.flow = new Flow(new Tenant("few", 1, Optional.empty()), PriorityClass.TRAINING, 9);
        queue.flowsChanged(job(shared));
        assertThat(take(2)).contains("few");
    }
}
