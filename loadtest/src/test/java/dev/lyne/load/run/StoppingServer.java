package dev.lyne.load.run;

import dev.lyne.load.wire.Connections;
import dev.lyne.load.wire.RowStream;
import dev.lyne.load.wire.StreamEvents;
import dev.lyne.load.wire.StreamKind;
import dev.lyne.row.RowSource;
import java.util.HashSet;
import java.util.Set;

/** A server in virtual time: it answers after a set time, and does nothing at all between two moments. */
final class StoppingServer implements Connections {
    static final int ROWS = 10;
    static final int BYTES = 700;

    private final EventQueue events;
    private final long serviceNanos;
    private final long stopsNanos;
    private final long goesOnNanos;
    private final int credit;
    final Set<Long> refuseOnce = new HashSet<>();
    int streams;
    int reads;

    StoppingServer(EventQueue events, long serviceNanos, long stopsNanos, long goesOnNanos, int credit) {
        this.events = events;
        this.serviceNanos = serviceNanos;
        this.stopsNanos = stopsNanos;
        this.goesOnNanos = goesOnNanos;
        this.credit = credit;
    }

    private void soon(long delayNanos, Runnable task) {
        long at = events.now() + delayNanos;
        events.at(at >= stopsNanos && at < goesOnNanos ? goesOnNanos : at, task);
    }

    @Override
    public RowStream open(int student, StreamKind kind, StreamEvents events) {
        streams++;
        soon(0, () -> events.opened(1_000, credit, 1 << 20));
        return new RowStream() {
            @Override
            public void ask(long id, byte[] body) {
                soon(serviceNanos, () -> {
                    if (refuseOnce.remove(id)) {
                        events.failed(id, "QUEUE_FULL", "too much", 50_000_000);
                    } else {
                        events.rows(id, RowSource.COMPUTED, BYTES, new byte[0]);
                        events.done(id, ROWS);
                    }
                });
            }

            @Override
            public void read(int messages) {
                reads += messages;
            }

            @Override
            public void finish() {}

            @Override
            public void drop() {}
        };
    }
}
