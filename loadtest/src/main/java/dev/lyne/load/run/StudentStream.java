package dev.lyne.load.run;

import dev.lyne.load.wire.Connections;
import dev.lyne.load.wire.RowStream;
import dev.lyne.load.wire.StreamEvents;
import dev.lyne.load.wire.StreamKind;
import dev.lyne.row.RowSource;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A student's stream, and the one after it when that is gone. What an earlier stream still tells goes nowhere; while the student
 * stalls, no further message is let in. The student's lock guards it: methods are called with it, and events take it.
 */
final class StudentStream {
    private final int student;
    private final StreamKind kind;
    private final Connections connections;
    private final Object lock;
    private final StreamEvents events;
    private @Nullable RowStream open;
    private final Consumer<byte[]> blocks;
    private int number; // changes with every stream that is opened or dropped
    private boolean stalled;
    private int withheld; // messages taken while stalled, not let in again

    /**
     * @param student number of the student
     * @param lock of the student; every event comes with it
     * @param events where the current stream's go
     * @param blocks given every block that is kept, without the lock: looking into one takes long
     */
    StudentStream(
            int student,
            StreamKind kind,
            Connections connections,
            Object lock,
            StreamEvents events,
            Consumer<byte[]> blocks) {
        this.student = student;
        this.kind = kind;
        this.connections = connections;
        this.lock = lock;
        this.events = events;
        this.blocks = blocks;
    }

    /** Opens a new stream; there is none. */
    void connect() {
        withheld = 0;
        number++;
        open = connections.open(student, kind, new Guarded(number));
    }

    /** The sending half; null where there is no stream. */
    @Nullable
    RowStream open() {
        return open;
    }

    /** Changes with every stream that is opened or dropped. */
    int number() {
        return number;
    }

    /** Drops the stream, if there is one. */
    void drop() {
        RowStream dropped = open;
        number++;
        open = null;
        if (dropped != null) {
            dropped.drop();
        }
    }

    /** Lets no further message in. */
    void stall() {
        stalled = true;
    }

    /** Lets messages in again. */
    void stallEnds() {
        stalled = false;
        if (open != null && withheld > 0) {
            open.read(withheld);
            withheld = 0;
        }
    }

    /** Events of one stream. */
    private final class Guarded implements StreamEvents {
        private final int mine;

        Guarded(int mine) {
            this.mine = mine;
        }

        private boolean isCurrent() {
            return mine == number;
        }

        /** Whether the message counts; lets the next one in, unless the student stalls. */
        private boolean take() {
            RowStream stream = open;
            if (!isCurrent()) {
                return false;
            }
            if (stalled || stream == null) {
                withheld++;
            } else {
                stream.read(1);
            }
            return true;
        }

        @Override
        public void teacher(String description) {
            synchronized (lock) {
                if (isCurrent()) {
                    events.teacher(description);
                }
            }
        }

        @Override
        public void opened(int vocabularySize, int sequences, long tokens) {
            synchronized (lock) {
                if (take()) {
                    events.opened(vocabularySize, sequences, tokens);
                }
            }
        }

        @Override
        public void credit(int sequences, long tokens) {
            synchronized (lock) {
                if (take()) {
                    events.credit(sequences, tokens);
                }
            }
        }

        @Override
        public void rows(long id, RowSource source, int bytes, byte[] block) {
            if (kind.keepBlocks()) {
                blocks.accept(block);
            }
            synchronized (lock) {
                if (take()) {
                    events.rows(id, source, bytes, block);
                }
            }
        }

        @Override
        public void done(long id, int rows) {
            synchronized (lock) {
                if (take()) {
                    events.done(id, rows);
                }
            }
        }

        @Override
        public void failed(long id, String reason, String message, long retryNanos) {
            synchronized (lock) {
                if (take()) {
                    events.failed(id, reason, message, retryNanos);
                }
            }
        }

        @Override
        public void closed(String code, String message) {
            synchronized (lock) {
                if (isCurrent()) {
                    open = null;
                    events.closed(code, message);
                }
            }
        }
    }
}
