package dev.lyne.student.train;

import dev.lyne.client.MisalignedTargetsException;
import dev.lyne.client.SequenceFailedException;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/** Takes targets from a stream, asks again for what fails, and counts the time that it waits. One thread uses it. */
final class RetryingTake {
    private static final int ATTEMPTS = 3;
    private static final Duration POLL = Duration.ofMillis(200);

    private final TargetStream stream;
    private final LongSupplier nanoTicker;
    private final BooleanSupplier stopRequested;
    private final List<String> failures = new ArrayList<>();
    private long stallNanos;

    /** @param stopRequested asked while it waits */
    RetryingTake(TargetStream stream, LongSupplier nanoTicker, BooleanSupplier stopRequested) {
        this.stream = stream;
        this.nanoTicker = nanoTicker;
        this.stopRequested = stopRequested;
    }

    /**
     * The targets of the sequence that is next, which is this one; absent where it fails for good.
     *
     * @throws TrainingStoppedException where the run is asked to stop meanwhile
     */
    Optional<Targets> take(TargetSequence asked) throws InterruptedException {
        for (int attempt = 1; ; attempt++) {
            long before = nanoTicker.getAsLong();
            try {
                while (!stream.await(POLL)) {
                    if (stopRequested.getAsBoolean()) {
                        throw new TrainingStoppedException("stopped as asked while waiting for targets");
                    }
                }
                Targets targets = stream.take();
                if (targets.sequence().id() != asked.id()) {
                    throw new IllegalStateException(
                            "targets of window " + targets.sequence().id() + " (expected: " + asked.id() + ")");
                }
                return Optional.of(targets);
            } catch (SequenceFailedException | MisalignedTargetsException e) {
                if (attempt == ATTEMPTS) {
                    failures.add(e.getMessage());
                    return Optional.empty();
                }
                stream.askAgain(asked);
            } finally {
                stallNanos += nanoTicker.getAsLong() - before;
            }
        }
    }

    /** Forgets what went wrong so far. */
    void startStep() {
        failures.clear();
    }

    List<String> failures() {
        return List.copyOf(failures);
    }

    long stallNanos() {
        return stallNanos;
    }
}
