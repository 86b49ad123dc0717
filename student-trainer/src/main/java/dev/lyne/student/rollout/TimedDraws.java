package dev.lyne.student.rollout;

import java.util.Optional;
import java.util.function.LongSupplier;

/** A teacher's draws, with the time that they were waited for. One thread uses it. */
public final class TimedDraws implements TeacherDraws {
    private final TeacherDraws draws;
    private final LongSupplier nanoTicker;
    private long waitedNanos;

    public TimedDraws(TeacherDraws draws, LongSupplier nanoTicker) {
        this.draws = draws;
        this.nanoTicker = nanoTicker;
    }

    /** Time spent in {@link #take}, all in all. */
    public long waitedNanos() {
        return waitedNanos;
    }

    @Override
    public void begin(long key, int[] prompt) {
        draws.begin(key, prompt);
    }

    @Override
    public void tell(long key, int[] taken, boolean draw) {
        draws.tell(key, taken, draw);
    }

    @Override
    public void end(long key, int[] taken) {
        draws.end(key, taken);
    }

    @Override
    public Optional<Answer> poll() throws InterruptedException {
        return draws.poll();
    }

    @Override
    public Answer take() throws InterruptedException {
        long before = nanoTicker.getAsLong();
        try {
            return draws.take();
        } finally {
            waitedNanos += nanoTicker.getAsLong() - before;
        }
    }

    @Override
    public void close() {
        draws.close();
    }
}
