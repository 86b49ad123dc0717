package dev.lyne.student.train;

import dev.lyne.student.client.MisalignedTargetsException;
import dev.lyne.student.client.SequenceFailedException;
import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.client.Targets;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Targets in training order, asked for ahead of time as far as the stream's window reaches, so that the network hides behind
 * the steps. A sequence that fails is asked again. One thread uses a feed.
 */
final class TargetFeed implements AutoCloseable {
    private static final int ASKS = 3;

    private final TargetStream stream;
    private final WindowSequence sequence;
    private final LongSupplier nanoTicker;
    private final long end;
    private long nextOffered;
    private long nextTaken;
    private long stallNanos;
    private final List<String> failures = new ArrayList<>();

    /**
     * @param first place of the first window wanted
     * @param end place after the last one
     */
    TargetFeed(TargetStream stream, WindowSequence sequence, long first, long end, LongSupplier nanoTicker) {
        this.stream = stream;
        this.sequence = sequence;
        this.nextOffered = first;
        this.nextTaken = first;
        this.end = end;
        this.nanoTicker = nanoTicker;
    }

    /** The next windows with their targets; absent where the teacher failed a window for good. */
    List<StepItem> next(int count) throws InterruptedException {
        failures.clear();
        List<StepItem> items = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            offerAhead();
            items.add(take());
        }
        return items;
    }

    /** What went wrong with the windows that have no targets, of the last call of {@link #next}. */
    List<String> failures() {
        return List.copyOf(failures);
    }

    /** Time spent waiting for targets. */
    long stallNanos() {
        return stallNanos;
    }

    private void offerAhead() {
        while (nextOffered < end && stream.offer(asked(nextOffered))) {
            nextOffered++;
        }
    }

    private TargetSequence asked(long place) {
        Window window = sequence.at(place);
        return new TargetSequence(sequence.corpusIndex(place), window.tokens(), window.positions());
    }

    private StepItem take() throws InterruptedException {
        long place = nextTaken++;
        for (int ask = 1; ; ask++) {
            long before = nanoTicker.getAsLong();
            try {
                Targets targets = stream.take();
                requireOwn(targets, place);
                return new StepItem(new Window(targets.sequence().tokens(), targets.positions()), Optional.of(targets));
            } catch (SequenceFailedException | MisalignedTargetsException e) {
                if (ask == ASKS) {
                    failures.add(e.getMessage());
                    return new StepItem(sequence.at(place), Optional.empty());
                }
                stream.askAgain(asked(place));
            } finally {
                stallNanos += nanoTicker.getAsLong() - before;
            }
        }
    }

    private void requireOwn(Targets targets, long place) {
        if (targets.sequence().id() != sequence.corpusIndex(place)) {
            throw new IllegalStateException("targets of window "
                    + targets.sequence().id() + " (expected: " + sequence.corpusIndex(place) + ")");
        }
    }

    @Override
    public void close() {
        stream.close();
    }
}
