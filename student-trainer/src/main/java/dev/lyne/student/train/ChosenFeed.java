package dev.lyne.student.train;

import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Targets at the tokens that the student itself finds most probable as it stands, step by step: nothing can be asked ahead of
 * time, because the step before changes what the student chooses. A step costs one forward of the student more, and waits for the
 * teacher; only within a step does the teacher work on the first windows while the student chooses for the others.
 */
final class ChosenFeed implements StepFeed {
    private final TargetStream stream;
    private final WindowSequence sequence;
    private final StudentTopIds choosing;
    private final int k;
    private final RetryingTake taking;
    private long nextPlace;

    /**
     * @param first place of the first window wanted
     * @param k tokens chosen at each position
     * @param taking takes the stream's targets
     */
    ChosenFeed(
            TargetStream stream,
            WindowSequence sequence,
            long first,
            StudentTopIds choosing,
            int k,
            RetryingTake taking) {
        this.stream = stream;
        this.sequence = sequence;
        this.nextPlace = first;
        this.choosing = choosing;
        this.k = k;
        this.taking = taking;
    }

    @Override
    public List<StepFeed.Item> next(int count) throws InterruptedException {
        taking.startStep();
        List<Window> windows = LongStream.range(nextPlace, nextPlace + count)
                .mapToObj(sequence::at)
                .toList();
        List<TargetSequence> asked = new ArrayList<>(count);
        int offered = 0;
        for (MicroBatches.Group group : choosing.groups(windows)) {
            choose(windows, group, asked);
            offered = offer(asked, offered);
        }
        List<StepFeed.Item> items = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            items.add(new StepFeed.Item(windows.get(i), taking.take(asked.get(i))));
            offered = offer(asked, offered);
        }
        nextPlace += count;
        return items;
    }

    private void choose(List<Window> windows, MicroBatches.Group group, List<TargetSequence> asked) {
        List<Window> own = windows.subList(group.from(), group.to());
        List<int[][]> chosen = choosing.of(own, k);
        for (int i = 0; i < own.size(); i++) {
            Window window = own.get(i);
            long place = nextPlace + group.from() + i;
            asked.add(new TargetSequence(
                    sequence.corpusIndex(place),
                    window.tokens(),
                    window.positions(),
                    chosen.get(i),
                    window.teacherTokens()));
        }
    }

    /** Offers what the stream's window has room for; returns how many have been offered. */
    private int offer(List<TargetSequence> asked, int offered) {
        int next = offered;
        while (next < asked.size() && stream.offer(asked.get(next))) {
            next++;
        }
        return next;
    }

    @Override
    public List<String> failures() {
        return taking.failures();
    }

    @Override
    public long stallNanos() {
        return taking.stallNanos();
    }

    @Override
    public void close() {
        stream.close();
    }
}
