package dev.lyne.teacher.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowColumns;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A sequence that is being asked for; {@link #cancel} ends its connection, whereupon the engine drops the work. Safe for several threads.
 */
final class Asking {
    /**
     * Rows that came.
     *
     * @param vouched completes when they are known to be the probed model's; fails where they are not; cancelled where nobody can tell
     */
    record Arrived(RowColumns rows, CompletionStage<Void> vouched) {}

    @GuardedBy("this")
    private Optional<EngineConnection> connection = Optional.empty();

    @GuardedBy("this")
    private boolean cancelled;

    final CompletableFuture<Arrived> rows = new CompletableFuture<>();

    /** Nobody waits for it any more. Blocks on nothing, and calls nobody. */
    void cancel() {
        Optional<EngineConnection> used;
        synchronized (this) {
            cancelled = true;
            used = connection;
        }
        used.ifPresent(mine -> mine.closeIf(() -> isOn(mine))); // unless another has got it by then
    }

    private synchronized boolean isOn(EngineConnection used) {
        return connection.isPresent() && connection.get() == used;
    }

    /** Over a connection from now on; false where nobody waits any more. */
    synchronized boolean on(EngineConnection used) {
        if (!cancelled) {
            connection = Optional.of(used);
        }
        return !cancelled;
    }

    /** The exchange is over, and the connection may be another's. */
    synchronized void off() {
        connection = Optional.empty();
    }

    synchronized boolean isCancelled() {
        return cancelled;
    }
}
