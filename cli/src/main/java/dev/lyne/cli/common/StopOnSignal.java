package dev.lyne.cli.common;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** A request to stop: on SIGINT or SIGTERM a run ends the micro-batch in hand, and writes a checkpoint before the process goes. */
public final class StopOnSignal implements AutoCloseable {
    private static final long SECONDS_TO_STOP = 60;

    private final AtomicBoolean requested = new AtomicBoolean();
    private final CountDownLatch ended = new CountDownLatch(1);

    private StopOnSignal() {}

    /** Holds the end of the process up until {@link #close}, for a minute at most. */
    public static StopOnSignal install() {
        StopOnSignal stop = new StopOnSignal();
        Runtime.getRuntime().addShutdownHook(new Thread(stop::await, "stop-training"));
        return stop;
    }

    private void await() {
        requested.set(true);
        try {
            if (!ended.await(SECONDS_TO_STOP, TimeUnit.SECONDS)) {
                System.err.println("lyne: stopped after " + SECONDS_TO_STOP
                        + " s, before the work in hand and a checkpoint were done; the last checkpoint stands");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    public boolean isRequested() {
        return requested.get();
    }

    @Override
    public void close() {
        ended.countDown();
    }
}
