package dev.lyne.teacher.server;

import dev.lyne.teacher.model.TeacherDescription;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One load of a teacher, from its files to the end of its warm-up, which takes so long and no longer. One thread calls it and waits.
 *
 * <p>The loader runs on a thread of its own, since nobody can end a read that hangs. The invariants: whoever waits goes on once the time is over;
 * a loader that does not come back is left, with a line that says where it is; what it opens after that is closed.
 */
final class TeacherLoading {
    private static final Logger LOG = LoggerFactory.getLogger(TeacherLoading.class);
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LEAST_CLOSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** Closer of an opened teacher, or of another result that came too late. */
    private interface Late<T> {
        void close(T result) throws InterruptedException;
    }

    private final TeacherEntry entry;
    private final Duration atMost;
    private long leftNanos;

    /** The end of a call of the loader that was left. */
    private volatile CompletableFuture<Void> through = CompletableFuture.completedFuture(null);

    /** @param atMost how long it may take in all, beside what the entry's loader waits for others */
    TeacherLoading(TeacherEntry entry, Duration atMost) {
        this.entry = entry;
        this.atMost = atMost.plus(entry.loader().waits());
        this.leftNanos = this.atMost.toNanos();
    }

    /** Completes when the loader comes to an end where it was left; it is complete where it was not. */
    CompletionStage<Void> through() {
        return through;
    }

    /**
     * Refuses what opening it would refuse later.
     *
     * @throws IOException as the loader does
     * @throws IllegalArgumentException likewise
     * @throws IllegalStateException where that does not come to an end
     */
    void check() throws IOException, InterruptedException {
        boolean unused = within(
                () -> {
                    entry.loader().check();
                    return true;
                },
                checked -> {});
    }

    /**
     * Opens the teacher.
     *
     * @param turn that of loaders which run alone; the time until it comes does not count
     * @param longestContext tokens of the longest sequence that it may take
     * @throws IOException as the loader does
     * @throws IllegalArgumentException likewise, or where it is not one to serve
     * @throws IllegalStateException where the loader does not come to an end
     */
    OpenedTeacher open(Semaphore turn, int longestContext) throws IOException, InterruptedException {
        boolean alone = entry.loader().alone();
        if (alone) {
            turn.acquire();
        }
        OpenedTeacher opened;
        try {
            opened = within(() -> entry.loader().open(), TeacherLoading::close);
        } finally {
            if (alone) {
                turn.release(); // of one that is left, too: others go on
            }
        }
        try {
            requireFits(opened.description(), longestContext);
        } catch (IllegalArgumentException e) {
            close(opened);
            throw e;
        }
        return opened;
    }

    private void requireFits(TeacherDescription opened, int longestContext) {
        if (!opened.name().equals(entry.name())) {
            throw new IllegalArgumentException(
                    "teacher: " + opened.name() + " was loaded (expected: " + entry.name() + ")");
        }
        if (opened.contextLength() > longestContext) {
            throw new IllegalArgumentException("context_length: " + opened.contextLength() + " (expected: at most "
                    + longestContext + ", which is what requests to this server can carry)");
        }
    }

    /**
     * Waits until a teacher is warm.
     *
     * @param where what it is at, for people
     * @throws IllegalStateException where it fails to warm up, or does not come to an end
     * @throws OutOfMemoryError where it fails for want of memory
     */
    void awaitWarm(CompletableFuture<Void> warm, Supplier<String> where) throws InterruptedException {
        try {
            await(warm);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof OutOfMemoryError exhausted) {
                throw exhausted;
            }
            throw new IllegalStateException("a teacher failed to warm up: " + e.getCause(), e.getCause());
        } catch (TimeoutException e) {
            throw tooLong(where.get());
        }
    }

    /** Closes a teacher whose stages were not put together. */
    static void close(OpenedTeacher opened) throws InterruptedException {
        if (opened instanceof OpenedTeacher.Local local) {
            local.model().close();
        } else if (opened instanceof OpenedTeacher.Remote remote) {
            boolean unused = remote.teacher().close(LEAST_CLOSE_NANOS);
        } else if (opened instanceof OpenedTeacher.Captured captured) {
            captured.capture().close();
        }
    }

    /** Returns what a call of the loader gives, within what is left of the time. */
    private <T> T within(Callable<T> call, Late<T> late) throws IOException, InterruptedException {
        CompletableFuture<T> result = new CompletableFuture<>();
        CompletableFuture<Void> end = new CompletableFuture<>();
        Thread thread = new Thread(
                () -> {
                    try {
                        run(call, result, late);
                    } finally {
                        end.complete(null);
                    }
                },
                "lyne-load-" + entry.name());
        thread.setDaemon(true);
        thread.start();
        try {
            return await(result);
        } catch (ExecutionException e) {
            throw thrown(Objects.requireNonNullElse(e.getCause(), e));
        } catch (InterruptedException e) {
            through = end;
            thread.interrupt();
            if (!result.cancel(false) && !result.isCompletedExceptionally()) {
                late.close(result.join());
            }
            throw e;
        } catch (TimeoutException e) {
            String where = stack(thread);
            through = end;
            thread.interrupt();
            if (!result.cancel(false) && !result.isCompletedExceptionally()) {
                late.close(result.join()); // it came at that very moment
            }
            throw tooLong(where);
        }
    }

    private <T> void run(Callable<T> call, CompletableFuture<T> result, Late<T> late) {
        try {
            T given = call.call();
            if (!result.complete(given)) {
                LOG.warn("teacher {}: its loader came to an end after it was given up", entry.name());
                late.close(given);
            }
        } catch (Throwable e) {
            if (!result.completeExceptionally(e)) {
                LOG.warn("teacher {}: its loader came to an end after it was given up: {}", entry.name(), e.toString());
            }
        }
    }

    /** Waits within what is left of the time. That of a process that stood still does not count: no look takes more than a second or two. */
    private <T> T await(CompletableFuture<T> result) throws InterruptedException, ExecutionException, TimeoutException {
        while (true) {
            long startNanos = System.nanoTime();
            try {
                return result.get(Math.min(leftNanos, LOOK_NANOS), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                leftNanos -= Math.min(System.nanoTime() - startNanos, 2 * LOOK_NANOS);
                if (leftNanos <= 0) {
                    throw e;
                }
            }
        }
    }

    private IllegalStateException tooLong(String where) {
        LOG.error(
                "teacher {}: not loaded within {} s (expected: that, --load-seconds, or less); given up. It is in {}",
                entry.name(),
                atMost.toSeconds(),
                where);
        return new IllegalStateException("not loaded within " + atMost.toSeconds()
                + " s (expected: that, --load-seconds, or less; the log says where it was: mend what it waits for, or raise"
                + " --load-seconds where it is only slow, and load it anew)");
    }

    /** Returns what the loader threw, as whoever called it would have seen it. */
    private static IllegalStateException thrown(Throwable cause) throws IOException, InterruptedException {
        if (cause instanceof IOException unreadable) {
            throw unreadable;
        } else if (cause instanceof InterruptedException interrupted) {
            throw interrupted;
        } else if (cause instanceof RuntimeException refused) {
            throw refused;
        } else if (cause instanceof Error error) {
            throw error;
        }
        return new IllegalStateException(cause);
    }

    private static String stack(Thread thread) {
        return Arrays.stream(thread.getStackTrace())
                .map(frame -> "\n    at " + frame)
                .collect(Collectors.joining("", thread.getName() + " (" + thread.getState() + ")", ""));
    }
}
