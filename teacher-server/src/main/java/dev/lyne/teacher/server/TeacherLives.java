package dev.lyne.teacher.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.cache.TeacherCaches;
import dev.lyne.teacher.http.HttpTeacher;
import dev.lyne.teacher.http.HttpTeachers;
import dev.lyne.teacher.model.DeviceMemory;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lives of a server's teachers: each is loaded, warmed up, named, drained and closed here, and nowhere else. Safe for several threads.
 *
 * <p>Each name has a place, and each place works towards the entry that is {@linkplain #apply wanted} of it on a thread of its own, one step at a time.
 * The invariants: a name stands for at most one teacher, which is warm; a teacher that leaves is not named any more before it drains, and is closed
 * once; a load that fails leaves what was served under the name. Where another teacher is wanted under a name, it is loaded beside the one that has it
 * where memory holds both, and where not after it, once its files were checked: what fails then leaves none of the name.
 */
final class TeacherLives implements HttpTeachers {
    private static final Logger LOG = LoggerFactory.getLogger(TeacherLives.class);
    private static final int MAX_TEACHERS = 64;

    /** Names of teachers that went away which are remembered, so that their students look elsewhere. */
    private static final int MAX_GONE = 1_024;

    /** Between the names of a teacher and of one of its devices. */
    private static final String ON = " on ";

    private static final long LEAST_CLOSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

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
    }

    /** What the server around does for them. Calls from any thread, of which only {@link #drain} blocks; none calls back. */
    interface Surroundings {
        /** A teacher is there, warm: it gets calls from now on, in the place of the one that had its name. */
        void named(TeacherStages teacher);

        /** Lets a teacher's calls end with what they are owed; false where some were cut. */
        boolean drain(TeacherStages teacher, Duration atMost) throws InterruptedException;

        /** A name is known, and is served or not. */
        void health(String name, boolean serving);

        /** A name is not known any more. */
        void forgotten(String name);

        /** What computes a teacher's rows ended by itself. */
        void lost(String name, Throwable cause);
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

    /** One teacher, from its loading to its end. Changed with the lock held. */
    private static final class Life {
        private final TeacherEntry entry;
        private State state = State.LOADING;
        private long sinceNanos = System.nanoTime();
        private Optional<TeacherStages> stages = Optional.empty();
        private CompletableFuture<Void> warm = new CompletableFuture<>();

        /** What is read from it, until it is shown: another has its name. The place's thread alone changes it. */
        private Optional<List<TeacherMeters.Reading>> readings = Optional.empty();

        private String detail = "";

        Life(TeacherEntry entry) {
            this.entry = entry;
        }

        void enter(State next) {
            state = next;
            sinceNanos = System.nanoTime();
        }

        List<Batcher.Device> devices() {
            return stages.flatMap(TeacherStages::batcher).map(Batcher::devices).orElse(List.of());
        }

        /** What people call one of its devices: by its name alone while it is served. */
        String label(Batcher.Device device) {
            String where = state == State.SERVING ? "" : " (" + state.label() + ")";
            return entry.name() + where + (devices().size() == 1 ? "" : ON + device.name());
        }
    }

    /** What is wanted under a name, and what there is. Changed with the lock held. */
    private static final class Place {
        private final String name;
        private Optional<TeacherEntry> wanted = Optional.empty();
        private Optional<Life> named = Optional.empty();
        private Optional<Life> coming = Optional.empty();
        private Optional<Life> leaving = Optional.empty();
        private Optional<Life> failed = Optional.empty();
        private Optional<Throwable> failure = Optional.empty();
        private boolean busy;
        private long cacheBytes;

        Place(String name) {
            this.name = name;
        }

        List<Life> lives() {
            List<Life> lives = new ArrayList<>();
            named.ifPresent(lives::add);
            coming.ifPresent(lives::add);
            leaving.ifPresent(lives::add);
            failed.ifPresent(lives::add);
            return lives;
        }

        boolean isSettled() {
            if (wanted.isEmpty()) {
                return named.isEmpty() && leaving.isEmpty();
            }
            return isOf(named) || isOf(failed);
        }

        private boolean isOf(Optional<Life> life) {
            return life.isPresent() && wanted.orElseThrow().isSame(life.get().entry);
        }
    }

    private final TeacherStages.Setup setup;
    private final int longestContext;
    private final TeacherCaches caches;
    private final Surroundings surroundings;
    private final TeacherMeters meters;
    private final ExecutorService threads;

    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<String, Place> places = new TreeMap<>();

    @GuardedBy("lock")
    private final Set<String> gone = new LinkedHashSet<>();

    @GuardedBy("lock")
    private final TeacherMemory memory = new TeacherMemory();

    @GuardedBy("lock")
    private boolean closing;

    /** Whether failures are told in the log as they come. */
    private volatile boolean tells;

    /** In order of name; replaced as a whole. */
    private volatile List<HttpTeacher> served = List.of();

    /** @param longestContext tokens of the longest sequence that a request can carry */
    TeacherLives(TeacherStages.Setup setup, int longestContext, TeacherCaches caches, Surroundings surroundings) {
        this.setup = setup;
        this.longestContext = longestContext;
        this.caches = caches;
        this.surroundings = surroundings;
        this.meters = new TeacherMeters(setup.registry());
        this.threads = Executors.newCachedThreadPool(runnable -> {
            Thread thread = new Thread(runnable, "lyne-teachers");
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * From now on these teachers are wanted, and no others; those that failed before are tried again. Returns at once.
     *
     * @return what is done about it, in words
     * @throws IllegalArgumentException where they do not fit together, or into this machine; then everything stays as it was
     */
    String apply(List<TeacherEntry> entries) {
        Map<String, TeacherEntry> wanted = checked(entries);
        synchronized (lock) {
            if (closing) {
                return "closing";
            }
            Set<String> loaded = new TreeSet<>();
            Set<String> drained = new TreeSet<>();
            Set<String> kept = new TreeSet<>();
            for (TeacherEntry entry : wanted.values()) {
                Place place = places.computeIfAbsent(entry.name(), this::place);
                place.wanted = Optional.of(entry);
                place.failed = Optional.empty();
                place.failure = Optional.empty();
                gone.remove(entry.name());
                (place.isSettled() ? kept : loaded).add(entry.name());
            }
            for (Place place : places.values()) {
                if (!wanted.containsKey(place.name)) {
                    place.wanted = Optional.empty();
                    drained.add(place.name);
                }
            }
            shareCache();
            places.values().forEach(this::work);
            lock.notifyAll(); // who waits for room may not be wanted any more
            return "loading " + loaded + ", draining " + drained + ", as they were " + kept;
        }
    }

    @GuardedBy("lock")
    private Place place(String name) {
        meters.begin(name, state -> inState(name, state));
        surroundings.health(name, false);
        return new Place(name);
    }

    private Map<String, TeacherEntry> checked(List<TeacherEntry> entries) {
        List<String> names = entries.stream().map(TeacherEntry::name).toList();
        if (entries.isEmpty()) {
            throw new IllegalArgumentException("teachers: none (expected: at least one)");
        }
        if (entries.size() > MAX_TEACHERS) {
            throw new IllegalArgumentException(
                    "teachers: " + entries.size() + " (expected: at most " + MAX_TEACHERS + ")");
        }
        Map<String, TeacherEntry> byName = new LinkedHashMap<>();
        entries.forEach(entry -> byName.put(entry.name(), entry));
        if (byName.size() < entries.size()) {
            throw new IllegalArgumentException("teachers: " + names + " (expected: distinct names)");
        }
        double shares = entries.stream()
                .mapToDouble(entry -> entry.cacheBytes().orElse(0L)) // a long may overflow
                .sum();
        if (shares > setup.options().memoryCacheBytes()) {
            throw new IllegalArgumentException("teachers: shares of the memory cache of "
                    + entries.stream()
                            .map(entry -> mib(entry.cacheBytes().orElse(0L)))
                            .collect(Collectors.joining(" + "))
                    + " MiB (expected: at most --cache-mib="
                    + mib(setup.options().memoryCacheBytes()) + ")");
        }
        TeacherMemory.plan(entries).requireFits();
        return byName;
    }

    private static String mib(long bytes) {
        return Long.toString(bytes >> 20);
    }

    /** Gives each name its share: what it asks for, else an equal part of what is left. A name that leaves keeps its share until it is gone. */
    @GuardedBy("lock")
    private void shareCache() {
        long left = setup.options().memoryCacheBytes();
        List<Place> equal = new ArrayList<>();
        Map<Place, Long> shares = new LinkedHashMap<>();
        for (Place place : places.values()) {
            if (place.wanted.isEmpty()) {
                left -= place.cacheBytes;
            }
        }
        for (Place place : places.values()) {
            Optional<Long> asked = place.wanted.flatMap(TeacherEntry::cacheBytes);
            if (asked.isPresent()) {
                long share = Math.max(0, Math.min(asked.get(), left));
                shares.put(place, share);
                left -= share;
            } else if (place.wanted.isPresent()) {
                equal.add(place);
            }
        }
        for (Place place : equal) {
            shares.put(place, Math.max(0, left / equal.size()));
        }
        shares.forEach((place, share) -> {
            place.cacheBytes = share;
            caches.resize(place.name, share);
        });
    }

    /** Lets a place's thread go on, where there is something to do and none does it. */
    @GuardedBy("lock")
    private void work(Place place) {
        if (!place.busy && !closing) {
            place.busy = true;
            threads.execute(() -> run(place));
        }
    }

    private void run(Place place) {
        try {
            while (step(place)) {
                continue;
            }
        } catch (InterruptedException e) {
            LOG.debug("teacher {}: left as it is, since the server closes", place.name);
            rest(place);
        } catch (Throwable e) {
            LOG.error("teacher {}: what was to be done about it broke off", place.name, e);
            synchronized (lock) {
                place.failure = Optional.of(e);
            }
            rest(place);
        }
    }

    /** Nobody works on a place any more: what is wanted next begins anew. */
    private void rest(Place place) {
        synchronized (lock) {
            place.busy = false;
            lock.notifyAll();
        }
    }

    /** Does what is next; false where there is nothing, and the place rests. */
    private boolean step(Place place) throws InterruptedException {
        Optional<TeacherEntry> wanted;
        synchronized (lock) {
            wanted = place.wanted;
            if (closing || place.isSettled()) {
                if (!closing && wanted.isEmpty()) {
                    forget(place);
                }
                rest(place);
                return false;
            }
        }
        if (wanted.isEmpty()) {
            unload(place);
        } else {
            load(place, wanted.get());
        }
        return true;
    }

    @GuardedBy("lock")
    private void forget(Place place) {
        places.remove(place.name);
        gone.add(place.name);
        if (gone.size() > MAX_GONE) {
            gone.remove(gone.iterator().next());
        }
        caches.remove(place.name);
        surroundings.forgotten(place.name);
        meters.forget(place.name);
        shareCache();
    }

    private void load(Place place, TeacherEntry entry) throws InterruptedException {
        boolean replaces;
        boolean beside;
        synchronized (lock) {
            replaces = place.named.isPresent();
            beside = replaces && memory.hold(entry);
        }
        Life life = new Life(entry);
        if (!beside) {
            try {
                if (replaces) {
                    entry.loader().check();
                    unload(place); // there is no room for both
                }
                if (!awaitRoom(place, entry)) {
                    return;
                }
            } catch (IOException | RuntimeException e) {
                fail(place, life, e);
                return;
            }
        }
        synchronized (lock) {
            place.coming = Optional.of(life);
        }
        LOG.info("teacher {}: loading", entry.name());
        long startNanos = System.nanoTime();
        try {
            open(place, life);
        } catch (InterruptedException e) {
            throw e;
        } catch (Throwable e) {
            boolean again = failed(place, life, e);
            if (again) {
                unload(place);
            }
            return;
        }
        if (name(place, life)) {
            LOG.info(
                    "teacher {}: serving model={} device=\"{}\" precision={} loaded_seconds={}",
                    entry.name(),
                    model(life),
                    device(life),
                    precision(life),
                    (System.nanoTime() - startNanos) / 1_000_000 / 1e3);
        } else {
            discard(place, life); // another is wanted by now
        }
        drainLeaving(place);
    }

    /**
     * Waits until those that leave have left room: all that is wanted fits together, so it comes. False where another is wanted by then.
     *
     * @throws IllegalStateException where it does not come, since a device that was left at work has it
     */
    private boolean awaitRoom(Place place, TeacherEntry entry) throws InterruptedException {
        synchronized (lock) {
            while (isWanted(place, entry)) {
                if (memory.hold(entry)) {
                    return true;
                }
                memory.requireRoomBesideLeft(places.values().stream()
                        .flatMap(one -> one.wanted.stream())
                        .toList());
                lock.wait();
            }
            return false;
        }
    }

    private static boolean isWanted(Place place, TeacherEntry entry) {
        return place.wanted.isPresent() && place.wanted.get().isSame(entry);
    }

    /** Closes a teacher, and gives its memory back once its device is through with what it does; false where that is later. */
    private boolean close(Life life, long waitNanos) throws InterruptedException {
        boolean closed = life.stages.isEmpty() || life.stages.get().close(waitNanos);
        boolean left = !closed && !life.devices().isEmpty();
        synchronized (lock) {
            if (left) {
                memory.leave(life.entry);
            } else {
                memory.release(life.entry);
            }
            lock.notifyAll();
        }
        if (left) {
            LOG.warn(
                    "teacher {}: its device is still at work and is left as it is, with its memory", life.entry.name());
            var unused = life.stages.orElseThrow().ended().thenRun(() -> {
                synchronized (lock) {
                    memory.ended(life.entry);
                    lock.notifyAll();
                }
                LOG.info("teacher {}: the device that was left is through", life.entry.name());
            });
        }
        return closed;
    }

    /** Loads and warms up. */
    private void open(Place place, Life life) throws IOException, InterruptedException {
        OpenedTeacher opened = life.entry.loader().open();
        TeacherStages stages;
        try {
            requireFits(opened, life.entry);
            long cacheBytes;
            synchronized (lock) {
                cacheBytes = place.cacheBytes;
            }
            stages = stages(place, life, opened, cacheBytes);
        } catch (IllegalArgumentException e) {
            close(opened);
            throw e;
        }
        CompletableFuture<Void> warm = stages.warm().toCompletableFuture().copy(); // that a watchdog may end, too
        synchronized (lock) {
            life.stages = Optional.of(stages);
            life.warm = warm;
            life.enter(State.WARMING);
        }
        try {
            warm.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof OutOfMemoryError exhausted) {
                throw exhausted;
            }
            throw new IllegalStateException("a teacher failed to warm up: " + e.getCause(), e.getCause());
        }
    }

    /** Puts a teacher's stages together; where another has its name, what is read from that one stays shown. */
    private TeacherStages stages(Place place, Life life, OpenedTeacher opened, long cacheBytes)
            throws InterruptedException {
        boolean beside;
        synchronized (lock) {
            beside = place.named.isPresent();
        }
        List<TeacherMeters.Reading> shown =
                meters.setAside(place.name); // else its meters would be those that there are
        try {
            return TeacherStages.of(
                    opened,
                    caches.of(place.name, cacheBytes),
                    life.entry.memory().keyValueBytes(),
                    setup);
        } finally {
            if (beside) {
                life.readings = Optional.of(meters.setAside(place.name));
                meters.show(place.name, shown);
            }
        }
    }

    private void requireFits(OpenedTeacher opened, TeacherEntry entry) {
        if (!opened.description().name().equals(entry.name())) {
            throw new IllegalArgumentException(
                    "teacher: " + opened.description().name() + " was loaded (expected: " + entry.name() + ")");
        }
        int context = opened.description().contextLength();
        if (context > longestContext) {
            throw new IllegalArgumentException("context_length: " + context + " (expected: at most " + longestContext
                    + ", which is what requests to this server can carry)");
        }
    }

    private static void close(OpenedTeacher opened) throws InterruptedException {
        if (opened instanceof OpenedTeacher.Local local) {
            local.model().close();
        } else if (opened instanceof OpenedTeacher.Remote remote) {
            boolean unused = remote.teacher().close(LEAST_CLOSE_NANOS);
        } else if (opened instanceof OpenedTeacher.Captured captured) {
            captured.capture().close();
        }
    }

    /** Whether it is to be tried again, without the one that has the name: the device has no memory for both. */
    private boolean failed(Place place, Life life, Throwable cause) throws InterruptedException {
        discard(place, life);
        boolean again;
        synchronized (lock) {
            again = place.named.isPresent() && DeviceMemory.isExhausted(cause);
        }
        if (again) {
            LOG.warn("teacher {}: the device has no room beside the one that is served, which goes first", place.name);
        } else {
            fail(place, life, cause);
        }
        return again;
    }

    private void fail(Place place, Life life, Throwable cause) {
        synchronized (lock) {
            life.detail = String.valueOf(cause.getMessage());
            life.stages = Optional.empty();
            life.enter(State.FAILED);
            place.failed = Optional.of(life);
            place.failure = Optional.of(cause);
        }
        meters.loadFailed(place.name);
        if (tells) {
            tellFailure(place.name, life);
        }
        LOG.debug("teacher {}: could not be loaded", place.name, cause);
    }

    private static void tellFailure(String name, Life failed) {
        LOG.error("teacher {}: could not be loaded: {}", name, failed.detail);
    }

    /** Tells of what failed so far, which whoever starts the server tells where nothing else is served, and from now on of each failure. */
    void tellFailures() {
        synchronized (lock) {
            tells = true;
            places.values().forEach(place -> place.failed.ifPresent(failed -> tellFailure(place.name, failed)));
        }
    }

    /** Closes a teacher that was never named. */
    private void discard(Place place, Life life) throws InterruptedException {
        boolean anotherIsNamed;
        synchronized (lock) {
            place.coming = Optional.empty();
            anotherIsNamed = place.named.isPresent();
        }
        boolean unused = close(life, setup.options().drainTimeout().toNanos());
        if (!anotherIsNamed) {
            List<TeacherMeters.Reading> unusedReadings = meters.setAside(place.name);
        }
    }

    /** Names a teacher that is warm, unless another is wanted by now. */
    private boolean name(Place place, Life life) {
        TeacherStages stages = life.stages.orElseThrow();
        synchronized (lock) {
            if (closing || !isWanted(place, life.entry)) {
                return false;
            }
            place.coming = Optional.empty();
            place.leaving = place.named;
            place.named = Optional.of(life);
            place.failed = Optional.empty();
            place.failure = Optional.empty();
            life.enter(State.SERVING);
            surroundings.named(stages);
            surroundings.health(place.name, stages.serving());
            list();
            lock.notifyAll();
        }
        life.readings.ifPresent(readings -> meters.show(place.name, readings));
        life.readings = Optional.empty();
        var unused = stages.ended().thenAccept(ended -> ended.ifPresent(cause -> lost(place, life, cause)));
        return true;
    }

    /** What ends by itself once it is not named any more is nobody's loss. */
    private void lost(Place place, Life life, Throwable cause) {
        boolean isNamed;
        synchronized (lock) {
            isNamed = place.named.filter(named -> named == life).isPresent();
        }
        if (isNamed) {
            surroundings.lost(place.name, cause);
        }
    }

    @GuardedBy("lock")
    private void list() {
        served = places.values().stream()
                .flatMap(place -> place.named.stream())
                .map(life -> life.stages.orElseThrow().http())
                .toList();
    }

    /** Takes the teacher of a name away, where there is one. */
    private void unload(Place place) throws InterruptedException {
        synchronized (lock) {
            if (place.named.isPresent()) {
                place.leaving = place.named;
                place.named = Optional.empty();
                surroundings.health(place.name, false);
                list();
            }
        }
        drainLeaving(place);
    }

    /** Lets a teacher that is not named any more end what it was asked, and closes it. */
    private void drainLeaving(Place place) throws InterruptedException {
        Life life;
        synchronized (lock) {
            if (place.leaving.isEmpty()) {
                return;
            }
            life = place.leaving.get();
            life.enter(State.DRAINING);
        }
        LOG.info("teacher {}: draining model={}", place.name, model(life));
        TeacherStages stages = life.stages.orElseThrow();
        long endNanos = System.nanoTime() + setup.options().drainTimeout().toNanos();
        Duration forCalls = setup.options().drainTimeout().multipliedBy(4).dividedBy(5);
        boolean inTime = surroundings.drain(stages, forCalls);
        inTime &= stages.http()
                .awaitAnswered(endNanos - setup.options().drainTimeout().toNanos() / 5 - System.nanoTime());
        if (!inTime) {
            LOG.warn("teacher {}: calls still open after {}; they are cut", place.name, forCalls);
        }
        boolean unused = close(life, Math.max(endNanos - System.nanoTime(), LEAST_CLOSE_NANOS));
        synchronized (lock) {
            place.leaving = Optional.empty();
        }
        LOG.info("teacher {}: gone model={}", place.name, model(life));
    }

    /** Waits until every place has what is wanted of it, or has failed to. */
    void awaitSettled() throws InterruptedException {
        synchronized (lock) {
            while (!closing && places.values().stream().anyMatch(place -> place.busy)) {
                lock.wait();
            }
        }
    }

    /** Waits until one is served, or every place has what is wanted of it, or has failed to. */
    void awaitFirst() throws InterruptedException {
        synchronized (lock) {
            while (!closing
                    && places.values().stream().anyMatch(place -> place.busy)
                    && places.values().stream().noneMatch(place -> place.named.isPresent())) {
                lock.wait();
            }
        }
    }

    /** What the first of those that failed failed by, in order of name. */
    Optional<Throwable> firstFailure() {
        synchronized (lock) {
            return places.values().stream()
                    .flatMap(place -> place.failure.stream())
                    .findFirst();
        }
    }

    /** Names of those that are served, in order. */
    List<String> names() {
        synchronized (lock) {
            return places.values().stream()
                    .filter(place -> place.named.isPresent())
                    .map(place -> place.name)
                    .toList();
        }
    }

    @Override
    public List<HttpTeacher> served() {
        return served;
    }

    @Override
    public Optional<String> whyNotServed(String name) {
        synchronized (lock) {
            Place place = places.get(name);
            if (place == null) {
                return gone.contains(name) ? Optional.of("was taken away") : Optional.empty();
            } else if (place.coming.isPresent()) {
                return Optional.of("is being loaded");
            }
            return Optional.of(place.failed.isPresent() ? "could not be loaded" : "goes away");
        }
    }

    private double inState(String name, State state) {
        synchronized (lock) {
            Place place = places.get(name);
            return place == null
                    ? 0
                    : place.lives().stream().filter(life -> life.state == state).count();
        }
    }

    /** Each teacher's life, by name. */
    List<Status> status() {
        synchronized (lock) {
            List<Status> all = new ArrayList<>();
            for (Place place : places.values()) {
                for (Life life : place.lives()) {
                    all.add(new Status(
                            place.name,
                            life.state.label(),
                            (System.nanoTime() - life.sinceNanos) / 1e9,
                            device(life),
                            precision(life),
                            model(life),
                            place.cacheBytes,
                            life.detail));
                }
            }
            return all;
        }
    }

    private static String device(Life life) {
        return life.stages
                .map(stages -> stages.description().fingerprint().device())
                .orElse("");
    }

    private static String precision(Life life) {
        return life.stages
                .map(stages -> stages.description().fingerprint().computePrecision())
                .orElse("");
    }

    private static String model(Life life) {
        return life.stages
                .map(stages -> HexFormat.of().formatHex(stages.description().modelDigest(), 0, 6))
                .orElse("");
    }

    /** Tells the health of each teacher that is named; whether any serves. */
    boolean tellHealth(Predicate<String> stuck) {
        synchronized (lock) { // a teacher that leaves meanwhile is not told to serve afterwards
            boolean any = false;
            for (Place place : places.values()) {
                if (place.named.isPresent()) {
                    boolean serves = place.named.get().stages.orElseThrow().serving() && !stuck.test(place.name);
                    surroundings.health(place.name, serves);
                    any |= serves;
                }
            }
            return any;
        }
    }

    /**
     * The devices of all teachers, whether they warm up, serve or drain: by the teacher's name, where it has several with the device's, and where it is
     * not served with where it stands.
     */
    Map<String, DeviceWatchdog.Device> devices() {
        synchronized (lock) {
            Map<String, DeviceWatchdog.Device> all = new HashMap<>();
            for (Place place : places.values()) {
                for (Life life : place.lives()) {
                    for (Batcher.Device device : life.devices()) {
                        all.put(life.label(device), DeviceWatchdog.Device.of(device::workingNanos, device::stack));
                    }
                }
            }
            return all;
        }
    }

    /**
     * One of the {@link #devices} does not come back. A teacher that warms up has failed to be loaded; one that drains is left, as it is at the end of
     * its drain in any case; one that is served is lost.
     */
    void giveUp(String label, Throwable cause) {
        synchronized (lock) {
            Optional<Life> found = places.values().stream()
                    .flatMap(place -> place.lives().stream())
                    .filter(life -> life.devices().stream()
                            .anyMatch(device -> life.label(device).equals(label)))
                    .findFirst();
            if (found.isEmpty()) {
                return; // it went, or came to serve, meanwhile
            }
            if (found.get().state == State.SERVING) {
                surroundings.lost(label, cause);
            } else if (found.get().state == State.WARMING) {
                found.get().warm.completeExceptionally(cause);
            } else {
                LOG.error("teacher {}: its device does not come back: {}", label, cause.getMessage());
            }
        }
    }

    /** Whether a {@linkplain #devices device} is one of a teacher that is served under a name. */
    static boolean isOf(String label, String teacher) {
        return label.equals(teacher) || label.startsWith(teacher + ON);
    }

    /** Stages of the teachers that are named, by name. */
    Map<String, TeacherStages> named() {
        synchronized (lock) {
            Map<String, TeacherStages> all = new TreeMap<>();
            for (Place place : places.values()) {
                place.named.flatMap(life -> life.stages).ifPresent(stages -> all.put(place.name, stages));
            }
            return all;
        }
    }

    /** Begins and ends nothing any more; what is under way is interrupted. */
    void stop() {
        synchronized (lock) {
            closing = true;
            lock.notifyAll();
        }
        threads.shutdownNow();
    }

    /** Closes every teacher, after {@link #stop}. */
    void close(long endNanos) throws InterruptedException {
        boolean unused = threads.awaitTermination(LEAST_CLOSE_NANOS, TimeUnit.NANOSECONDS);
        List<TeacherStages> all;
        synchronized (lock) {
            all = places.values().stream()
                    .flatMap(place -> place.lives().stream())
                    .flatMap(life -> life.stages.stream())
                    .toList();
        }
        for (TeacherStages stages : all) {
            if (!stages.close(Math.max(endNanos - System.nanoTime(), LEAST_CLOSE_NANOS))) {
                LOG.warn("a device is still at work and is left as it is");
            }
        }
    }
}
