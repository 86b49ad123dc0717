package dev.lyne.teacher.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A request that is being asked; {@link #cancel} ends its connection, whereupon the engine drops the work. Safe for several threads.
 *
 * @param <T> what its answer holds
 */
final class PendingRequest<T> {
    /**
     * An answer that came.
     *
     * @param vouched completes when it is known to be the probed model's; fails where it is not; cancelled where nobody can tell
     */
    record Arrived<T>(T value, CompletionStage<Void> vouched) {}

    @GuardedBy("this")
    private Optional<EngineConnection> connection = Optional.empty();

    @GuardedBy("this")
    private boolean cancelled;

    final CompletableFuture<Arrived<T>> answer = new CompletableFuture<>();

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
