package dev.lyne.teacher.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.model.Disowned;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Record of which rows of an address are known to be the probed model's: those that came before a whole probe began
 * that passed, of the process that it ran on. A row is filed as it arrives, by what has happened since it was asked
 * for. Safe for several threads; what hangs on the futures is called without the lock.
 */
final class Vouching {
    /**
     * When a row was asked for.
     *
     * @param disownings how often other weights had been found by then
     * @param ends how often the process had ended
     */
    record Moment(long disownings, long ends) {}

    /** Completed by the next whole probe that begins after now and passes. */
    @GuardedBy("this")
    private CompletableFuture<Void> current = new CompletableFuture<>();

    @GuardedBy("this")
    private final List<CompletableFuture<Void>> unvouched = new ArrayList<>();

    /** Whether a row hangs on {@link #current}. */
    @GuardedBy("this")
    private boolean owes;

    @GuardedBy("this")
    private long disownings;

    @GuardedBy("this")
    private long ends;

    synchronized Moment now() {
        return new Moment(disownings, ends);
    }

    /**
     * Files a row that has just come. The future completes once the row is vouched for, fails where other weights are found, and is
     * cancelled where the process ended before anybody could tell.
     *
     * @return empty where other weights were found since it was asked for: it may be theirs
     */
    synchronized Optional<CompletableFuture<Void>> arrived(Moment moment) {
        if (moment.disownings() != disownings) {
            return Optional.empty();
        }
        if (moment.ends() != ends) {
            CompletableFuture<Void> untold = new CompletableFuture<>();
            untold.cancel(false);
            return Optional.of(untold);
        }
        owes = true;
        return Optional.of(current);
    }

    /** Whether rows have come that no probe that began can vouch for. */
    synchronized boolean owes() {
        return owes;
    }

    /** A whole probe begins; what came by now is what it may vouch for. */
    synchronized List<CompletableFuture<Void>> beginProbe() {
        closeCurrent();
        return List.copyOf(unvouched);
    }

    void passed(List<CompletableFuture<Void>> covered) {
        synchronized (this) {
            unvouched.removeAll(covered);
        }
        covered.forEach(rows -> rows.complete(null));
    }

    /**
     * Notes that other weights were found: what is not vouched for may be theirs.
     *
     * @param why for those who were given it
     */
    void disown(String why) {
        List<CompletableFuture<Void>> disowned;
        synchronized (this) {
            disownings++;
            disowned = takeAll();
        }
        Disowned finding = new Disowned(why, disowned);
        disowned.forEach(rows -> rows.completeExceptionally(finding));
    }

    /** The process has ended: what it answered since its last passed probe is nobody's to vouch for, and nobody is accused. */
    void processEnded() {
        List<CompletableFuture<Void>> untold;
        synchronized (this) {
            ends++;
            untold = takeAll();
        }
        untold.forEach(rows -> rows.cancel(false));
    }

    @GuardedBy("this")
    private List<CompletableFuture<Void>> takeAll() {
        closeCurrent();
        List<CompletableFuture<Void>> all = List.copyOf(unvouched);
        unvouched.clear();
        return all;
    }

    @GuardedBy("this")
    private void closeCurrent() {
        unvouched.add(current);
        current = new CompletableFuture<>();
        owes = false;
    }
}
