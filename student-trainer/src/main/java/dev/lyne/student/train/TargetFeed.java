package dev.lyne.student.train;

import dev.lyne.client.StreamStatistics;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Targets in training order, asked for ahead of time as far as the stream's window reaches, so that the network hides behind
 * the steps. A sequence that fails is asked again.
 */
final class TargetFeed implements StepFeed {
    private final TargetStream stream;
    private final WindowSequence sequence;
    private final PatientTake taking;
    private final long end;
    private long nextOffered;
    private long nextTaken;

    /**
     * @param first place of the first window wanted
     * @param end place after the last one
     */
    TargetFeed(
            TargetStream stream,
            WindowSequence sequence,
            long first,
            long end,
            LongSupplier nanoTicker,
            BooleanSupplier stopRequested) {
        this.stream = stream;
        this.sequence = sequence;
        this.taking = new PatientTake(stream, nanoTicker, stopRequested);
        this.nextOffered = first;
        this.nextTaken = first;
        this.end = end;
    }

    @Override
    public List<StepFeed.Item> next(int count) throws InterruptedException {
        taking.startStep();
        List<StepFeed.Item> items = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            offerAhead();
            TargetSequence asked = asked(nextTaken++);
            Optional<Targets> targets = taking.take(asked);
            items.add(new StepFeed.Item(new Window(asked.tokens(), asked.positions()), targets));
        }
        return items;
    }

    @Override
    public List<String> failures() {
        return taking.failures();
    }

    /** Windows so far that a second replica was asked for, and those of them that it answered first; nothing where there are none. */
    @Override
    public Map<String, Double> scheduled() {
        StreamStatistics.Hedges hedges = stream.statistics().hedges();
        return hedges.asked() == 0
                ? Map.of()
                : Map.of("hedged", (double) hedges.asked(), "hedges_won", (double) hedges.won());
    }

    @Override
    public long stallNanos() {
        return taking.stallNanos();
    }

    private void offerAhead() {
        while (nextOffered < end && stream.offer(asked(nextOffered))) {
            nextOffered++;
        }
    }

    private TargetSequence asked(long place) {
        Window window = sequence.at(place);
        return new TargetSequence(
                sequence.corpusIndex(place), window.tokens(), window.positions(), new int[0][], window.teacherTokens());
    }

    @Override
    public void close() {
        stream.close();
    }
}
