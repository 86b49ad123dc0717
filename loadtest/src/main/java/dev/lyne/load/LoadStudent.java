package dev.lyne.load;

import dev.lyne.student.client.SequenceFailedException;
import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.client.Targets;
import java.util.ArrayDeque;

/** One student of a load run. Its own thread runs it; {@link #tally} may be read from any. */
final class LoadStudent implements Runnable {
    private final int number;
    private final TargetStream stream;
    private final SequenceGenerator generator;
    private final int window;
    private final long countFromNanos;
    private final long endNanos;
    private final ArrayDeque<Long> offeredAt = new ArrayDeque<>();
    private final Tally tally = new Tally(); // guarded by itself

    LoadStudent(
            int number,
            TargetStream stream,
            SequenceGenerator generator,
            int window,
            long countFromNanos,
            long endNanos) {
        this.number = number;
        this.stream = stream;
        this.generator = generator;
        this.window = window;
        this.countFromNanos = countFromNanos;
        this.endNanos = endNanos;
    }

    @Override
    public void run() {
        try (stream) {
            long next = 0;
            while (System.nanoTime() < endNanos) {
                while (offeredAt.size() < window
                        && stream.offer(TargetSequence.whole(next, generator.sequence(number, next)))) {
                    offeredAt.add(System.nanoTime());
                    next++;
                }
                takeOne();
            }
            tally.reconnects(stream.statistics().reconnects());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void takeOne() throws InterruptedException {
        try {
            Targets targets = stream.take();
            long now = System.nanoTime();
            long since = offeredAt.remove();
            if (now >= countFromNanos && now < endNanos) {
                tally.answered(targets, now - since);
            }
        } catch (SequenceFailedException e) {
            offeredAt.remove();
            tally.failed();
        }
    }

    Tally tally() {
        return tally;
    }
}
