package dev.lyne.teacher.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.cache.TeacherCaches;
import dev.lyne.teacher.http.HttpTeacher;
import dev.lyne.teacher.http.HttpTeachers;
import dev.lyne.teacher.model.DeviceMemory;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lives of a server's teachers: each is loaded, warmed up, named, drained and closed here, and nowhere else. Safe for several threads.
 *
 * <p>Each name has a place, and each place works towards the entry that is {@linkplain #apply wanted} of it on a thread of its own, one step at a time.
 * The invariants: a name stands for at most one teacher, which is warm; a teacher that leaves is not named any more before it drains, and is closed
 * once; a load that fails leaves what was served under the name. Where another teacher is wanted under a name, it is loaded beside the one that has it
 * where memory holds both, and where not after it, once its files were checked: what fails then leaves none of the name. A load that takes longer than
 * it may has failed, and holds up no other.
 */
final class TeacherLives implements HttpTeachers {
    private static final Logger LOG = LoggerFactory.getLogger(TeacherLives.class);
    private static final int MAX_TEACHERS = 64;

    /** Names of teachers that went away which are remembered, so that their students look elsewhere. */
    private static final int MAX_GONE = 1_024;

    private static final long LEAST_CLOSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** Server around the teachers, and what it does for them. Calls from any thread, of which only {@link #drain} blocks; none calls back. */
    interface Host {
        /** A teacher is there, warm: it gets calls from now on, in the place of the one that had its name. */
        void named(TeacherStages teacher);

        /** Lets a teacher's calls end with what they are owed; false where some were cut. */
        boolean drain(TeacherStages teacher, Duration atMost) throws InterruptedException;

        /** A name is known, and is served or not. */
        void health(String name, boolean serving);

        /** A name is not known any more. */
        void forgotten(String name);

        /** Tells that what computes a teacher's rows ended by itself. */
        void lost(String name, Throwable cause);
    }

    private final TeacherStages.Setup setup;
    private final int longestContext;
    private final TeacherCaches caches;
    private final Host host;
    private final TeacherMeters meters;
    private final CachePlan cachePlan;
    private final ExecutorService threads;

    /** Lock of loaders that run alone. */
    private final Semaphore turn = new Semaphore(1, true);

    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<String, TeacherPlace> places = new TreeMap<>();

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
    TeacherLives(TeacherStages.Setup setup, int longestContext, TeacherCaches caches, Host host) {
        this.setup = setup;
        this.longestContext = longestContext;
        this.caches = caches;
        this.host = host;
        this.meters = new TeacherMeters(setup.registry());
        this.cachePlan = new CachePlan(setup.options().memoryCacheBytes());
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
                TeacherPlace place = places.computeIfAbsent(entry.name(), this::place);
                place.want(entry);
                gone.remove(entry.name());
                (place.isSettled() ? kept : loaded).add(entry.name());
            }
            for (TeacherPlace place : places.values()) {
                if (!wanted.containsKey(place.name())) {
                    place.wantNone();
                    drained.add(place.name());
                }
            }
            shareCache();
            places.values().forEach(this::work);
            lock.notifyAll(); // who waits for room may not be wanted any more
            return "loading " + loaded + ", draining " + drained + ", as they were " + kept;
        }
    }

    @GuardedBy("lock")
    private TeacherPlace place(String name) {
        meters.begin(name, state -> inState(name, state));
        host.health(name, false);
        return new TeacherPlace(name);
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
        cachePlan.requireFits(entries);
        TeacherMemory.plan(entries).requireFits();
        return byName;
    }

    @GuardedBy("lock")
    private void shareCache() {
        cachePlan.shares(places.values()).forEach((place, share) -> {
            place.setCacheBytes(share);
            caches.resize(place.name(), share);
        });
    }

    /** Lets a place's thread go on, where there is something to do and none does it. */
    @GuardedBy("lock")
    private void work(TeacherPlace place) {
        if (!place.isBusy() && !closing) {
            place.setBusy(true);
            threads.execute(() -> run(place));
        }
    }

    private void run(TeacherPlace place) {
        try {
            while (step(place)) {
                continue;
            }
        } catch (InterruptedException e) {
            LOG.debug("teacher {}: left as it is, since the server closes", place.name());
            rest(place);
        } catch (Throwable e) {
            LOG.error("teacher {}: what was to be done about it broke off", place.name(), e);
            synchronized (lock) {
                place.breakOff(e);
            }
            rest(place);
        }
    }

    /** Nobody works on a place any more: what is wanted next begins anew. */
    private void rest(TeacherPlace place) {
        synchronized (lock) {
            place.setBusy(false);
            lock.notifyAll();
        }
    }

    /** Does what is next; false where there is nothing, and the place rests. */
    private boolean step(TeacherPlace place) throws InterruptedException {
        Optional<TeacherEntry> wanted;
        synchronized (lock) {
            wanted = place.wanted();
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
    private void forget(TeacherPlace place) {
        places.remove(place.name());
        gone.add(place.name());
        if (gone.size() > MAX_GONE) {
            gone.remove(gone.iterator().next());
        }
        caches.remove(place.name());
        host.forgotten(place.name());
        meters.forget(place.name());
        shareCache();
    }

    private void load(TeacherPlace place, TeacherEntry entry) throws InterruptedException {
        boolean replaces;
        boolean beside;
        synchronized (lock) {
            replaces = place.named().isPresent();
            beside = replaces && memory.hold(entry);
        }
        TeacherLife life =
                new TeacherLife(entry, new TeacherLoading(entry, setup.options().loadTimeout()));
        if (!beside) {
            try {
                if (replaces) {
                    life.loading().check();
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
            place.comes(life);
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
                    life.model(),
                    life.device(),
                    life.precision(),
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
    private boolean awaitRoom(TeacherPlace place, TeacherEntry entry) throws InterruptedException {
        synchronized (lock) {
            while (place.wants(entry)) {
                if (memory.hold(entry)) {
                    return true;
                }
                memory.requireRoomBesideLeft(places.values().stream()
                        .flatMap(one -> one.wanted().stream())
                        .toList());
                lock.wait();
            }
            return false;
        }
    }

    /** Closes a teacher, and gives its memory back once nothing of it is at work any more; false where its device was not through in time. */
    private boolean close(TeacherLife life, long waitNanos) throws InterruptedException {
        boolean closed = !life.hasStages() || life.stages().close(waitNanos);
        TeacherEntry entry = life.entry();
        Optional<CompletionStage<?>> remains = life.remains(closed);
        synchronized (lock) {
            if (remains.isPresent()) {
                memory.leave(entry);
            } else {
                memory.release(entry);
            }
            lock.notifyAll();
        }
        remains.ifPresent(end -> {
            LOG.warn(
                    "teacher {}: its device or loader is still at work and is left as it is, with its memory",
                    entry.name());
            var unused = end.thenRun(() -> {
                synchronized (lock) {
                    memory.ended(entry);
                    lock.notifyAll();
                }
                LOG.info("teacher {}: what was left is through", entry.name());
            });
        });
        return closed;
    }

    /** Loads and warms up. */
    private void open(TeacherPlace place, TeacherLife life) throws IOException, InterruptedException {
        TeacherLoading loading = life.loading();
        OpenedTeacher opened = loading.open(turn, longestContext);
        TeacherStages stages;
        try {
            long cacheBytes;
            synchronized (lock) {
                cacheBytes = place.cacheBytes();
            }
            stages = stages(place, life, opened, cacheBytes);
        } catch (IllegalArgumentException e) {
            TeacherLoading.close(opened);
            throw e;
        }
        CompletableFuture<Void> warm;
        synchronized (lock) {
            warm = life.warms(stages);
        }
        loading.awaitWarm(warm, life::stacks);
    }

    /** Puts a teacher's stages together; where another has its name, what is read from that one stays shown. */
    private TeacherStages stages(TeacherPlace place, TeacherLife life, OpenedTeacher opened, long cacheBytes)
            throws InterruptedException {
        boolean beside;
        synchronized (lock) {
            beside = place.named().isPresent();
        }
        List<TeacherMeters.Reading> shown =
                meters.setAside(place.name()); // else its meters would be those that there are
        try {
            return TeacherStages.of(
                    opened,
                    caches.of(place.name(), cacheBytes),
                    life.entry().memory().keyValueBytes(),
                    setup);
        } finally {
            if (beside) {
                life.setAside(meters.setAside(place.name()));
                meters.show(place.name(), shown);
            }
        }
    }

    /** Tells whether it is to be tried again, without the one that has the name: the device has no memory for both. */
    private boolean failed(TeacherPlace place, TeacherLife life, Throwable cause) throws InterruptedException {
        discard(place, life);
        boolean again;
        synchronized (lock) {
            again = place.named().isPresent() && DeviceMemory.isExhausted(cause);
        }
        if (again) {
            LOG.warn(
                    "teacher {}: the device has no room beside the one that is served, which goes first", place.name());
        } else {
            fail(place, life, cause);
        }
        return again;
    }

    private void fail(TeacherPlace place, TeacherLife life, Throwable cause) {
        synchronized (lock) {
            place.fail(life, cause);
        }
        meters.loadFailed(place.name());
        if (tells) {
            tellFailure(place.name(), life);
        }
        LOG.debug("teacher {}: could not be loaded", place.name(), cause);
    }

    private static void tellFailure(String name, TeacherLife failed) {
        LOG.error("teacher {}: could not be loaded: {}", name, failed.detail());
    }

    /** Tells of what failed so far, which whoever starts the server tells where nothing else is served, and from now on of each failure. */
    void tellFailures() {
        synchronized (lock) {
            tells = true;
            places.values().forEach(place -> place.failed().ifPresent(failed -> tellFailure(place.name(), failed)));
        }
    }

    /** Closes a teacher that was never named. */
    private void discard(TeacherPlace place, TeacherLife life) throws InterruptedException {
        boolean anotherIsNamed;
        synchronized (lock) {
            place.comesNot();
            anotherIsNamed = place.named().isPresent();
        }
        boolean unused = close(life, setup.options().drainTimeout().toNanos());
        if (!anotherIsNamed) {
            List<TeacherMeters.Reading> unusedReadings = meters.setAside(place.name());
        }
    }

    /** Names a teacher that is warm, unless another is wanted by now. */
    private boolean name(TeacherPlace place, TeacherLife life) {
        TeacherStages stages = life.stages();
        synchronized (lock) {
            if (closing || !place.wants(life.entry())) {
                return false;
            }
            place.name(life);
            host.named(stages);
            host.health(place.name(), stages.serving());
            list();
            lock.notifyAll();
        }
        life.takeReadings().ifPresent(readings -> meters.show(place.name(), readings));
        var unused = stages.ended().thenAccept(ended -> ended.ifPresent(cause -> lost(place, life, cause)));
        return true;
    }

    /** Notes the end of what ends by itself; once it is not named any more, that is nobody's loss. */
    private void lost(TeacherPlace place, TeacherLife life, Throwable cause) {
        boolean isNamed;
        synchronized (lock) {
            isNamed = place.isNamed(life);
        }
        if (isNamed) {
            host.lost(place.name(), cause);
        }
    }

    @GuardedBy("lock")
    private void list() {
        served = places.values().stream()
                .flatMap(place -> place.named().stream())
                .map(life -> life.stages().http())
                .toList();
    }

    /** Takes the teacher of a name away, where there is one. */
    private void unload(TeacherPlace place) throws InterruptedException {
        synchronized (lock) {
            if (place.unname()) {
                host.health(place.name(), false);
                list();
            }
        }
        drainLeaving(place);
    }

    /** Lets a teacher that is not named any more end what it was asked, and closes it. */
    private void drainLeaving(TeacherPlace place) throws InterruptedException {
        Optional<TeacherLife> leaving;
        synchronized (lock) {
            leaving = place.drain();
        }
        if (leaving.isPresent()) {
            drain(place, leaving.get());
        }
    }

    private void drain(TeacherPlace place, TeacherLife life) throws InterruptedException {
        LOG.info("teacher {}: draining model={}", place.name(), life.model());
        TeacherStages stages = life.stages();
        long endNanos = System.nanoTime() + setup.options().drainTimeout().toNanos();
        Duration forCalls = setup.options().drainTimeout().multipliedBy(4).dividedBy(5);
        boolean inTime = host.drain(stages, forCalls);
        inTime &= stages.http()
                .awaitAnswered(endNanos - setup.options().drainTimeout().toNanos() / 5 - System.nanoTime());
        if (!inTime) {
            LOG.warn("teacher {}: calls still open after {}; they are cut", place.name(), forCalls);
        }
        boolean unused = close(life, Math.max(endNanos - System.nanoTime(), LEAST_CLOSE_NANOS));
        synchronized (lock) {
            place.gone();
        }
        LOG.info("teacher {}: gone model={}", place.name(), life.model());
    }

    /** Waits until every place has what is wanted of it, or has failed to. */
    void awaitSettled() throws InterruptedException {
        synchronized (lock) {
            while (!closing && places.values().stream().anyMatch(TeacherPlace::isBusy)) {
                lock.wait();
            }
        }
    }

    /** Waits until one is served, or every place has what is wanted of it, or has failed to. */
    void awaitFirst() throws InterruptedException {
        synchronized (lock) {
            while (!closing
                    && places.values().stream().anyMatch(TeacherPlace::isBusy)
                    && places.values().stream().noneMatch(place -> place.named().isPresent())) {
                lock.wait();
            }
        }
    }

    /** Returns the failure of the first of those that failed, in order of name. */
    Optional<Throwable> firstFailure() {
        synchronized (lock) {
            return places.values().stream()
                    .flatMap(place -> place.failure().stream())
                    .findFirst();
        }
    }

    /** Names of those that are served, in order. */
    List<String> names() {
        synchronized (lock) {
            return places.values().stream()
                    .filter(place -> place.named().isPresent())
                    .map(TeacherPlace::name)
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
            TeacherPlace place = places.get(name);
            if (place == null) {
                return gone.contains(name) ? Optional.of("was taken away") : Optional.empty();
            }
            return Optional.of(place.whyNotServed());
        }
    }

    private double inState(String name, TeacherLife.State state) {
        synchronized (lock) {
            TeacherPlace place = places.get(name);
            return place == null ? 0 : place.inState(state);
        }
    }

    /** Each teacher's life, by name. */
    List<TeacherLife.Status> status() {
        synchronized (lock) {
            return places.values().stream()
                    .flatMap(place -> place.lives().stream().map(life -> life.status(place.cacheBytes())))
                    .toList();
        }
    }

    /** Tells the health of each teacher that is named; whether any serves. */
    boolean tellHealth(Predicate<String> stuck) {
        synchronized (lock) { // a teacher that leaves meanwhile is not told to serve afterwards
            boolean any = false;
            for (TeacherPlace place : places.values()) {
                if (place.named().isPresent()) {
                    boolean serves = place.named().get().stages().serving() && !stuck.test(place.name());
                    host.health(place.name(), serves);
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
            for (TeacherPlace place : places.values()) {
                for (TeacherLife life : place.lives()) {
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
            Optional<TeacherLife> found = places.values().stream()
                    .flatMap(place -> place.lives().stream())
                    .filter(life -> life.devices().stream()
                            .anyMatch(device -> life.label(device).equals(label)))
                    .findFirst();
            if (found.isEmpty()) {
                return; // it went, or came to serve, meanwhile
            }
            TeacherLife.State state = found.get().state();
            if (state == TeacherLife.State.SERVING) {
                host.lost(label, cause);
            } else if (state == TeacherLife.State.WARMING) {
                found.get().giveUp(cause);
            } else {
                LOG.error("teacher {}: its device does not come back: {}", label, cause.getMessage());
            }
        }
    }

    /** Stages of the teachers that are named, by name. */
    Map<String, TeacherStages> named() {
        synchronized (lock) {
            Map<String, TeacherStages> all = new TreeMap<>();
            for (TeacherPlace place : places.values()) {
                place.named().ifPresent(life -> all.put(place.name(), life.stages()));
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
                    .filter(TeacherLife::hasStages)
                    .map(TeacherLife::stages)
                    .toList();
        }
        for (TeacherStages stages : all) {
            if (!stages.close(Math.max(endNanos - System.nanoTime(), LEAST_CLOSE_NANOS))) {
                LOG.warn("a device is still at work and is left as it is");
            }
        }
    }
}
