package dev.lyne.load.run;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.PriorityQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A queue of events on the machine's clock, kept by a thread of its own. Safe for several threads. */
final class ThreadEventQueue implements EventQueue, AutoCloseable {
    private record Entry(long nanos, long number, Runnable task) implements Comparable<Entry> {
        @Override
        public int compareTo(Entry other) {
            int byTime = Long.compare(nanos - other.nanos, 0);
            return byTime != 0 ? byTime : Long.compare(number, other.number);
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition earlier = lock.newCondition();

    @GuardedBy("lock")
    private final PriorityQueue<Entry> entries = new PriorityQueue<>();

    @GuardedBy("lock")
    private long added;

    @GuardedBy("lock")
    private boolean closed;

    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final Thread thread = new Thread(this::keep, "lyne-load-events");

    ThreadEventQueue() {
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public long now() {
        return System.nanoTime();
    }

    @Override
    public void at(long nanos, Runnable task) {
        lock.lock();
        try {
            Entry entry = new Entry(nanos, added++, task);
            entries.add(entry);
            if (entries.peek() == entry) {
                earlier.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Returns the exception of a task that ended the queue; null while all is well. */
    @Nullable
    Throwable failure() {
        return failure.get();
    }

    private void keep() {
        try {
            for (Runnable task = next(); task != null; task = next()) {
                task.run();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | Error e) {
            failure.set(e); // the run's own thread looks for it and ends
        }
    }

    private @Nullable Runnable next() throws InterruptedException {
        lock.lock();
        try {
            while (!closed) {
                Entry first = entries.peek();
                if (first == null) {
                    earlier.await();
                    continue;
                }
                long wait = first.nanos() - System.nanoTime();
                if (wait <= 0) {
                    entries.remove();
                    return first.task();
                }
                long unusedLeft = earlier.awaitNanos(wait);
            }
            return null;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            earlier.signal();
        } finally {
            lock.unlock();
        }
    }
}
