package dev.lyne.teacher.server;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A thread that looks at files again and again, so that a file system that hangs holds up nothing else. A look that
 * takes too long is told once; it is waited for, and its result is taken, since nobody can end a read that hangs.
 */
final class FollowedFiles implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(FollowedFiles.class);
    private static final long NOT_LOOKING = Long.MIN_VALUE;
    private static final long BETWEEN_LOOKS_MILLIS = 1_000;

    private final Runnable look;
    private final Duration atMost;
    private final LongSupplier nanoClock;
    private final Consumer<String> late;
    private final ScheduledExecutorService looks;
    private final AtomicLong sinceNanos = new AtomicLong(NOT_LOOKING);
    private final Thread thread;

    /** The look that was told to take too long, by when it began; for whoever {@linkplain #watch watches}. */
    private long toldNanos = NOT_LOOKING;

    /**
     * Starts to look, each second.
     *
     * @param look reads the files where they changed, and uses what they say
     * @param atMost how long a look may take before somebody is told
     * @param late is told where the thread stands
     */
    FollowedFiles(Runnable look, Duration atMost, LongSupplier nanoClock, Consumer<String> late) {
        this.look = look;
        this.atMost = atMost;
        this.nanoClock = nanoClock;
        this.late = late;
        Thread[] made = new Thread[1];
        this.looks = Executors.newSingleThreadScheduledExecutor(runnable -> {
            made[0] = new Thread(runnable, "lyne-files");
            made[0].setDaemon(true);
            return made[0];
        });
        var unused = looks.scheduleWithFixedDelay(
                this::lookOnce, BETWEEN_LOOKS_MILLIS, BETWEEN_LOOKS_MILLIS, TimeUnit.MILLISECONDS);
        this.thread = made[0];
    }

    private void lookOnce() {
        sinceNanos.set(nanoClock.getAsLong());
        try {
            look.run();
        } catch (Throwable e) {
            LOG.error("a look at files failed, and the next one follows", e);
        } finally {
            sinceNanos.set(NOT_LOOKING);
        }
    }

    /** Tells where a look takes too long, once each. To be called again and again, by one thread. */
    void watch() {
        long since = sinceNanos.get();
        if (since == NOT_LOOKING || since == toldNanos || nanoClock.getAsLong() - since < atMost.toNanos()) {
            return;
        }
        toldNanos = since;
        late.accept(Arrays.stream(thread.getStackTrace())
                .map(frame -> "\n    at " + frame)
                .collect(Collectors.joining("", thread.getName() + " (" + thread.getState() + ")", "")));
    }

    @Override
    public void close() {
        looks.shutdownNow();
    }
}
