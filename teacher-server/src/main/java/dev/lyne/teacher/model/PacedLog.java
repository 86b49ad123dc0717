package dev.lyne.teacher.model;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;

/**
 * Log lines of one kind, at most one an interval: who causes them cannot fill the log. Where it is said so, turns that nobody took are
 * saved up, so that what happens rarely but together has a line each. Safe for several threads.
 */
public final class PacedLog {
    private final Logger log;
    private final long intervalNanos;
    private final long savedNanos;
    private final LongSupplier nanoClock;
    private final AtomicLong nextNanos;
    private final AtomicLong passedOver = new AtomicLong();

    /** At most one line a second. */
    public PacedLog(Logger log) {
        this(log, TimeUnit.SECONDS.toNanos(1), System::nanoTime);
    }

    public PacedLog(Logger log, long intervalNanos, LongSupplier nanoClock) {
        this(log, intervalNanos, nanoClock, 1);
    }

    /** @param burst most lines at once, at least 1: turns that are saved up while nobody takes them */
    public PacedLog(Logger log, long intervalNanos, LongSupplier nanoClock, int burst) {
        this.log = log;
        this.intervalNanos = intervalNanos;
        this.savedNanos = (burst - 1) * intervalNanos;
        this.nanoClock = nanoClock;
        this.nextNanos = new AtomicLong(nanoClock.getAsLong());
    }

    /** Logs an event in one line. */
    public void info(String line) {
        long more = turn();
        if (more >= 0) {
            log.info("{}{}", line, andMore(more));
        }
    }

    /** Logs a client's doing in one line. */
    public void warn(String line) {
        long more = turn();
        if (more >= 0) {
            log.warn("{}{}", line, andMore(more));
        }
    }

    /** A defect of the server's, with where it came from. */
    public void error(String line, Throwable cause) {
        long more = turn();
        if (more >= 0) {
            log.error("{}{}", line, andMore(more), cause);
        }
    }

    /** How many lines were passed over since the last one; -1 where this is to be passed over, too. */
    private long turn() {
        long now = nanoClock.getAsLong();
        long next = nextNanos.get();
        long turn = now - next >= 0 ? now : next;
        if (turn - now <= savedNanos && nextNanos.compareAndSet(next, turn + intervalNanos)) {
            return passedOver.getAndSet(0);
        }
        passedOver.incrementAndGet();
        return -1;
    }

    private static String andMore(long more) {
        return more == 0 ? "" : " (and " + more + " more like it)";
    }
}
