package dev.lyne.student.client;

import dev.lyne.wire.Selection;
import java.util.Collection;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/** A stream from teacher servers: fetches the sequences offered behind the student's back, hands them out in order. */
final class PrefetchStream implements TargetStream {
    private final TeacherDescription teacher;
    private final Selection selection;
    private final Window window;
    private final Patience patience;
    private final Fleet fleet;
    private final StreamState state;
    private final Consumer<PrefetchStream> onClose;
    private final ReentrantLock lock;

    PrefetchStream(
            TargetRequest request,
            TeacherDescription teacher,
            ClientOptions options,
            LongSupplier nanoTime,
            ScheduledExecutorService timers,
            RandomGenerator random,
            Runnable onReplicaLost,
            Consumer<PrefetchStream> onClose) {
        this.teacher = teacher;
        this.selection = request.selection();
        this.window = new Window(options.windowSequences(), options.windowTokens());
        this.state = new StreamState(nanoTime);
        this.patience = new Patience(state, options.retryFor());
        this.fleet = new Fleet(state, window, patience, request, teacher, options, timers, random, onReplicaLost);
        this.onClose = onClose;
        this.lock = state.lock;
    }

    /** Sets the replicas to ask, from now on. */
    void setReplicas(Collection<Replica> replicas) {
        lock.lock();
        try {
            fleet.setReplicas(replicas);
        } finally {
            lock.unlock();
        }
    }

    /** Waits until one replica has opened the stream. */
    void awaitOpened(long timeoutNanos) throws InterruptedException {
        lock.lock();
        try {
            long left = timeoutNanos;
            while (!state.everOpened()) {
                state.requireAlive();
                if (left <= 0) {
                    throw new TeacherUnavailableException(fleet.history());
                }
                left = state.changed.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public TeacherDescription teacher() {
        return teacher;
    }

    @Override
    public boolean offer(TargetSequence sequence) {
        sequence.requireFits(teacher, selection);
        lock.lock();
        try {
            state.requireAlive();
            if (!window.hasRoomFor(sequence)) {
                return false;
            }
            startPatience();
            window.addLast(sequence);
            fleet.pump();
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void askAgain(TargetSequence sequence) {
        sequence.requireFits(teacher, selection);
        lock.lock();
        try {
            state.requireAlive();
            startPatience();
            window.addFirst(sequence);
            fleet.pump();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Targets take() throws InterruptedException {
        lock.lock();
        try {
            Entry first = window.first();
            if (first == null) {
                state.requireAlive();
                throw new IllegalStateException("take: no sequence is pending (expected: at least 1 offered)");
            }
            if (!first.resolved()) {
                awaitResolved(first);
            }
            window.removeFirst();
            if (first.failure != null) {
                throw first.failure;
            }
            if (first.targets == null) {
                throw new AssertionError("a resolved sequence has targets or a failure");
            }
            return first.targets;
        } finally {
            lock.unlock();
        }
    }

    private void awaitResolved(Entry first) throws InterruptedException {
        long start = state.nowNanos();
        try {
            while (!first.resolved()) {
                state.requireAlive();
                state.changed.await();
            }
        } finally {
            window.counts().stalled(state.nowNanos() - start);
        }
    }

    @Override
    public int pending() {
        lock.lock();
        try {
            return window.size();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public StreamStatistics statistics() {
        lock.lock();
        try {
            return window.counts().statistics();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            fleet.end(null);
        } finally {
            lock.unlock();
        }
        onClose.accept(this);
    }

    /** The clock of patience starts with the first sequence that has to be waited for. */
    private void startPatience() {
        if (window.unresolved() == 0) {
            patience.renew();
        }
    }
}
