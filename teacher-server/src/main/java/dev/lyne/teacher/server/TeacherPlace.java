package dev.lyne.teacher.server;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A name: the teacher that is wanted under it, and what there is. The invariants: at most one teacher is named; one that comes is not named, and one
 * that leaves is not named any more; what failed is forgotten once something else is wanted or named. Not safe for several threads: the lock of {@link
 * TeacherLives} guards it.
 */
final class TeacherPlace {
    private final String name;
    private Optional<TeacherEntry> wanted = Optional.empty();
    private Optional<TeacherLife> named = Optional.empty();
    private Optional<TeacherLife> coming = Optional.empty();
    private Optional<TeacherLife> leaving = Optional.empty();
    private Optional<TeacherLife> failed = Optional.empty();
    private Optional<Throwable> failure = Optional.empty();
    private boolean busy;
    private long cacheBytes;

    TeacherPlace(String name) {
        this.name = name;
    }

    String name() {
        return name;
    }

    /** From now on that is wanted, and tried again where it failed before. */
    void want(TeacherEntry entry) {
        wanted = Optional.of(entry);
        forgetFailure();
    }

    /** From now on nothing is wanted. */
    void wantNone() {
        wanted = Optional.empty();
    }

    Optional<TeacherEntry> wanted() {
        return wanted;
    }

    boolean wants(TeacherEntry entry) {
        return wanted.isPresent() && wanted.get().isSame(entry);
    }

    /** Whether there is what is wanted, or it has failed. */
    boolean isSettled() {
        if (wanted.isEmpty()) {
            return named.isEmpty() && leaving.isEmpty();
        }
        return isWanted(named) || isWanted(failed);
    }

    private boolean isWanted(Optional<TeacherLife> life) {
        return life.isPresent() && wants(life.get().entry());
    }

    /** Whether a thread works on it. */
    boolean isBusy() {
        return busy;
    }

    void setBusy(boolean now) {
        busy = now;
    }

    /** Share of the memory cache. */
    long cacheBytes() {
        return cacheBytes;
    }

    void setCacheBytes(long bytes) {
        cacheBytes = bytes;
    }

    /** A teacher is being loaded. */
    void comes(TeacherLife life) {
        coming = Optional.of(life);
    }

    boolean isComing() {
        return coming.isPresent();
    }

    /** The teacher that was being loaded does not come. */
    void comesNot() {
        coming = Optional.empty();
    }

    /** The teacher that came is named; the one that was leaves. */
    void name(TeacherLife life) {
        life.serves();
        coming = Optional.empty();
        leaving = named;
        named = Optional.of(life);
        forgetFailure();
    }

    Optional<TeacherLife> named() {
        return named;
    }

    boolean isNamed(TeacherLife life) {
        return named.filter(one -> one == life).isPresent();
    }

    /** The teacher that is named, where there is one, leaves; whether there was one. */
    boolean unname() {
        if (named.isEmpty()) {
            return false;
        }
        leaving = named;
        named = Optional.empty();
        return true;
    }

    /** The teacher that leaves drains from now on, where there is one. */
    Optional<TeacherLife> drain() {
        leaving.ifPresent(TeacherLife::drains);
        return leaving;
    }

    /** The teacher that left is closed. */
    void gone() {
        leaving = Optional.empty();
    }

    /** A teacher could not be loaded. */
    void fail(TeacherLife life, Throwable cause) {
        life.failed(cause);
        failed = Optional.of(life);
        failure = Optional.of(cause);
    }

    /** Notes that what was to be done broke off. */
    void breakOff(Throwable cause) {
        failure = Optional.of(cause);
    }

    private void forgetFailure() {
        failed = Optional.empty();
        failure = Optional.empty();
    }

    Optional<TeacherLife> failed() {
        return failed;
    }

    /** Returns what the last load failed by. */
    Optional<Throwable> failure() {
        return failure;
    }

    /** Why nobody is answered under the name, where none is named. */
    String whyNotServed() {
        if (coming.isPresent()) {
            return "is being loaded";
        }
        return failed.isPresent() ? "could not be loaded" : "goes away";
    }

    /** Everything that there is. */
    List<TeacherLife> lives() {
        return Stream.of(named, coming, leaving, failed)
                .flatMap(Optional::stream)
                .toList();
    }

    long inState(TeacherLife.State state) {
        return lives().stream().filter(life -> life.state() == state).count();
    }
}
