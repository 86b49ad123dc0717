package dev.lyne.teacher.server;

import dev.lyne.teacher.batch.Batcher;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;

/**
 * One teacher, from its loading to its end: where it stands, since when, and what there is of it. It goes from one {@link State} to those alone that
 * may follow. Not safe for several threads: the lock of {@link TeacherLives} guards it.
 */
final class TeacherLife {
    /** Between the names of a teacher and of one of its devices. */
    private static final String ON = " on ";

    /** Where a teacher stands in its life. */
    enum State {
        LOADING,
        WARMING,
        SERVING,
        DRAINING,
        FAILED;

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }

        private boolean mayFollow(State before) {
            return switch (this) {
                case LOADING -> false;
                case WARMING -> before == LOADING;
                case SERVING -> before == WARMING;
                case DRAINING -> before == SERVING;
                case FAILED -> before == LOADING || before == WARMING;
            };
        }
    }

    /**
     * A teacher's life, for people.
     *
     * @param seconds that it has been in its state
     * @param device where it computes; empty until it is loaded
     * @param model beginning of its digest; empty until it is loaded
     * @param cacheBytes its name's share of the memory cache
     * @param detail why it failed
     */
    record Status(
            String teacher,
            String state,
            double seconds,
            String device,
            String precision,
            String model,
            long cacheBytes,
            String detail) {}

    private final TeacherEntry entry;
    private final TeacherLoading loading;
    private State state = State.LOADING;
    private long sinceNanos = System.nanoTime();
    private Optional<TeacherStages> stages = Optional.empty();
    private CompletableFuture<Void> warm = new CompletableFuture<>();

    /** Meters that are read from it, until it is shown: another has its name. The thread that works on the name alone changes it. */
    private Optional<List<TeacherMeters.Reading>> readings = Optional.empty();

    private String detail = "";

    TeacherLife(TeacherEntry entry, TeacherLoading loading) {
        this.entry = entry;
        this.loading = loading;
    }

    TeacherEntry entry() {
        return entry;
    }

    TeacherLoading loading() {
        return loading;
    }

    State state() {
        return state;
    }

    /** Returns its stages, which there are from its warm-up to its end. */
    TeacherStages stages() {
        return stages.orElseThrow();
    }

    boolean hasStages() {
        return stages.isPresent();
    }

    /**
     * It is loaded, and warms up.
     *
     * @return completes when it is warm, or {@linkplain #giveUp given up}
     */
    CompletableFuture<Void> warms(TeacherStages loaded) {
        enter(State.WARMING);
        stages = Optional.of(loaded);
        warm = loaded.warm().toCompletableFuture().copy();
        return warm;
    }

    /** Notes that it is named. */
    void serves() {
        enter(State.SERVING);
    }

    /** Notes that it is not named any more; a second time says nothing new. */
    void drains() {
        if (state != State.DRAINING) {
            enter(State.DRAINING);
        }
    }

    /** Notes that it could not be loaded; nothing is left of it. */
    void failed(Throwable cause) {
        enter(State.FAILED);
        detail = String.valueOf(cause.getMessage());
        stages = Optional.empty();
    }

    private void enter(State next) {
        if (!next.mayFollow(state)) {
            throw new IllegalStateException("teacher " + entry.name() + ": " + next.label() + " after " + state.label()
                    + " (expected: not so)");
        }
        state = next;
        sinceNanos = System.nanoTime();
    }

    /** Notes that its warm-up has failed. */
    void giveUp(Throwable cause) {
        warm.completeExceptionally(cause);
    }

    /** Why it failed. */
    String detail() {
        return detail;
    }

    /** Keeps what is read from it until it is shown. */
    void setAside(List<TeacherMeters.Reading> read) {
        readings = Optional.of(read);
    }

    /** Returns what was {@linkplain #setAside set aside}; once. */
    Optional<List<TeacherMeters.Reading>> takeReadings() {
        Optional<List<TeacherMeters.Reading>> taken = readings;
        readings = Optional.empty();
        return taken;
    }

    List<Batcher.Device> devices() {
        return stages.flatMap(TeacherStages::batcher).map(Batcher::devices).orElse(List.of());
    }

    /** Returns what goes on of it after it was closed, in which it keeps its memory; empty: nothing does. */
    Optional<CompletionStage<?>> remains(boolean closed) {
        if (!closed && !devices().isEmpty()) {
            return stages.map(TeacherStages::ended);
        }
        CompletionStage<Void> loader = loading.through();
        return loader.toCompletableFuture().isDone() ? Optional.empty() : Optional.of(loader);
    }

    /** Returns a name for one of its devices, for people: its name alone while it is served. */
    String label(Batcher.Device device) {
        String where = state == State.SERVING ? "" : " (" + state.label() + ")";
        return entry.name() + where + (devices().size() == 1 ? "" : ON + device.name());
    }

    /** Whether a {@linkplain #label device} is one of a teacher that is served under a name. */
    static boolean isOf(String label, String teacher) {
        return label.equals(teacher) || label.startsWith(teacher + ON);
    }

    /** Where its devices' threads are, for people. */
    String stacks() {
        return devices().isEmpty()
                ? "nothing of this server: it waits for what is elsewhere"
                : devices().stream().map(Batcher.Device::stack).collect(Collectors.joining("\n"));
    }

    Status status(long cacheBytes) {
        return new Status(
                entry.name(),
                state.label(),
                (System.nanoTime() - sinceNanos) / 1e9,
                device(),
                precision(),
                model(),
                cacheBytes,
                detail);
    }

    /** Where it computes; empty until it is loaded. */
    String device() {
        return stages.map(there -> there.description().fingerprint().device()).orElse("");
    }

    String precision() {
        return stages.map(there -> there.description().fingerprint().computePrecision())
                .orElse("");
    }

    /** The beginning of its digest; empty until it is loaded. */
    String model() {
        return stages.map(there -> HexFormat.of().formatHex(there.description().modelDigest(), 0, 6))
                .orElse("");
    }
}
