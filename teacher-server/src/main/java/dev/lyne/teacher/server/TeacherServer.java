package dev.lyne.teacher.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.access.OpenedSecurity;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.RequestSize;
import dev.lyne.teacher.admission.ServedMetrics;
import dev.lyne.teacher.cache.CacheTiers;
import dev.lyne.teacher.cache.LaneOptions;
import dev.lyne.teacher.cache.TeacherCaches;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.TierOptions;
import dev.lyne.teacher.http.HttpDoor;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.replay.ReplayedTeacher;
import dev.lyne.teacher.rpc.RpcMetrics;
import dev.lyne.teacher.rpc.TeacherRpc;
import dev.lyne.teacher.trace.CallTraces;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.wire.access.WatchedFiles;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running teacher server: the stages, the listener, health and metrics. It owns its teachers and closes them.
 *
 * <p>Life: {@link #start}, then {@link #drain} once, from any thread.
 */
public final class TeacherServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TeacherServer.class);
    private static final Duration STUCK_UNTIL_LOST = Duration.ofMinutes(1);
    private static final int SECONDS_BETWEEN_PROGRESS = 5;

    /** How long the list of teachers, and the models that it names, may take to be read before the log says so. */
    private static final Duration LONGEST_READ_OF_LIST = Duration.ofSeconds(30);

    private static final int CALL_THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());

    private final TeacherServerOptions options;
    private final PrometheusMeterRegistry registry;
    private final JvmMeters jvmMeters;
    private final HealthStatusManager health = new HealthStatusManager();
    private final ExecutorService calls;
    private final ScheduledExecutorService timer;
    private final ExecutorService telling;
    private final OpenedSecurity security;
    private final TeacherCaches caches;
    private final TeacherLives teachers;
    private final long startedNanos = System.nanoTime();
    private volatile boolean serving;
    private final Set<String> stuck = ConcurrentHashMap.newKeySet(); // whose devices do not come back from what they do
    private volatile boolean begun; // health is the teachers'
    private volatile boolean terminal; // what is not serving now never will again
    private final TeacherRpc rpc;
    private final Listener listener;
    private final Optional<MetricsPage> metricsPage;
    private final Admission admission;
    private final Counter refusedLists;
    private final ServedMetrics sentAndRefused;
    private volatile Optional<HttpDoor> http = Optional.empty();
    private volatile Optional<FollowedFiles> followed = Optional.empty();

    private final Object drainLock = new Object();

    @GuardedBy("drainLock")
    private boolean drained;

    private final CountDownLatch over = new CountDownLatch(1);
    private final DirectMemoryWatch memory = new DirectMemoryWatch(System::nanoTime, this::memoryLost);
    private volatile Optional<Throwable> defect = Optional.empty();

    /** @param longestContext tokens of the longest sequence that a request can carry */
    private TeacherServer(
            int longestContext,
            TeacherServerOptions options,
            PrometheusMeterRegistry registry,
            OpenedSecurity security,
            TeacherCaches caches,
            Optional<MetricsPage> metricsPage) {
        this.options = options;
        this.registry = registry;
        this.security = security;
        this.caches = caches;
        this.metricsPage = metricsPage;
        this.calls = callThreads();
        this.timer = Executors.newSingleThreadScheduledExecutor(runnable -> daemon(runnable, "lyne-timer"));
        this.telling = Executors.newSingleThreadExecutor(runnable -> daemon(runnable, "lyne-decoded"));
        this.jvmMeters = new JvmMeters(registry);
        RpcMetrics metrics = new RpcMetrics(registry);
        this.sentAndRefused = metrics.served();
        this.admission = new Admission(options.limits(), registry, sentAndRefused);
        this.refusedLists = Counter.builder("lyne.teacher.config.refusals")
                .description("Times that a changed list of teachers could not be used")
                .register(registry);
        TeacherStages.Setup setup = new TeacherStages.Setup(
                options,
                registry,
                new HttpTexts(options.http().isPresent()),
                task -> everySeconds(1, task),
                telling,
                model -> new WatchedModel(model, new DirectMemoryWatch(System::nanoTime, this::memoryLost)));
        this.teachers = new TeacherLives(setup, longestContext, caches, new Host());
        this.rpc = new TeacherRpc(admission, metrics, longestContext, teachers::whyNotServed, System::nanoTime);
        this.listener = new Listener(
                options,
                longestContext,
                security,
                metrics,
                new Listener.Services(rpc, health.getHealthService(), calls),
                memory);
    }

    /** The server, as the teachers' lives use it. */
    private final class Host implements TeacherLives.Host {
        @Override
        public void named(TeacherStages teacher) {
            rpc.serve(teacher.served());
        }

        @Override
        public boolean drain(TeacherStages teacher, Duration atMost) throws InterruptedException {
            return rpc.drain(teacher.served(), atMost);
        }

        @Override
        public void health(String name, boolean serves) {
            health.setStatus(name, serves ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
        }

        @Override
        public void forgotten(String name) {
            health.clearStatus(name);
        }

        @Override
        public void lost(String name, Throwable cause) {
            deviceLost(name, cause);
        }
    }

    private static SslContext context(OpenedSecurity.Tls tls) throws SSLException {
        SslContextBuilder builder = SslContextBuilder.forServer(tls.keys());
        tls.trust()
                .ifPresent(trust -> builder.trustManager(trust)
                        .clientAuth(tls.certificateRequired() ? ClientAuth.REQUIRE : ClientAuth.OPTIONAL));
        return builder.build();
    }

    /** Opens the HTTP door, where there is to be one. */
    private void openHttp() throws IOException {
        if (options.http().isEmpty()) {
            return;
        }
        Optional<SslContext> tls = Optional.empty();
        if (security.tls().isPresent()) {
            tls = Optional.of(context(security.tls().get()));
        }
        HttpDoor.Terms terms = new HttpDoor.Terms(
                security.authenticator(),
                () -> serving,
                Objects.requireNonNullElse(TeacherServer.class.getPackage().getImplementationVersion(), "development"),
                options.limits().maxServerUnsentBytes() / 2,
                HeapPlan.requestBytes(Runtime.getRuntime().maxMemory()),
                sentAndRefused,
                CallTraces.of(options.telemetry()));
        http = Optional.of(HttpDoor.open(
                listener.listening(options.http().get(), options.limits().maxConnections(), tls),
                teachers,
                admission,
                terms,
                registry));
    }

    /**
     * Starts listening, reports NOT_SERVING until every teacher is warm, and returns when they are.
     *
     * @throws IOException where an address cannot be listened on; then the teachers stay the caller's
     * @throws IllegalArgumentException where two teachers have one name, or the disk cache's directory cannot be written or is
     *     another server's; then, too, the teachers stay the caller's
     * @throws IllegalStateException where a teacher's warm-up fails
     * @throws OutOfMemoryError where it fails for want of memory
     */
    public static TeacherServer start(List<LocalModel> models, TeacherServerOptions options)
            throws IOException, InterruptedException {
        return allOf(listen(models, options));
    }

    /** {@link #start} with teachers that bring their own threads, such as inference engines elsewhere. */
    public static TeacherServer serve(List<Teacher> teachers, TeacherServerOptions options)
            throws IOException, InterruptedException {
        return allOf(listen(given(teachers.stream().map(OpenedTeacher.Remote::new), options), options));
    }

    /**
     * Starts a server of captures, which has no model and is ready at once.
     *
     * @throws IOException where an address cannot be listened on
     */
    public static TeacherServer replay(List<ReplayedTeacher> captures, TeacherServerOptions options)
            throws IOException, InterruptedException {
        return allOf(listen(given(captures.stream().map(OpenedTeacher.Captured::new), options), options));
    }

    /**
     * Starts listening, loads these teachers, and returns when each is served or has failed to be: one that fails leaves the others. Health says SERVING
     * once the first is served.
     *
     * @throws IOException where an address cannot be listened on, or none can be loaded
     * @throws IllegalArgumentException where the teachers do not fit together or into this machine, or none of them is one
     */
    public static TeacherServer load(List<TeacherEntry> entries, TeacherServerOptions options)
            throws IOException, InterruptedException {
        TeacherServer server = listen(new Given(entries, 0), options);
        server.teachers.awaitFirst();
        if (server.teacherNames().isEmpty()) {
            server.endWith(server.teachers.firstFailure());
        }
        server.begin(); // one that takes long keeps nobody from the others
        server.teachers.awaitSettled();
        return server;
    }

    /** {@link #load} of what a file says, which is followed as it changes: what cannot be used of it leaves everything as it was. */
    public static TeacherServer follow(WatchedFiles<List<TeacherEntry>> entries, TeacherServerOptions options)
            throws IOException, InterruptedException {
        TeacherServer server = load(entries.current(), options);
        FollowedFiles followed = new FollowedFiles(
                () -> server.look(entries), LONGEST_READ_OF_LIST, System::nanoTime, server::listHangs);
        server.followed = Optional.of(followed);
        server.everySecondsForGood(1, followed::watch);
        return server;
    }

    /** Starts listening and returns while teachers may still warm up; health tells when they are. */
    static TeacherServer listen(List<LocalModel> models, TeacherServerOptions options)
            throws IOException, InterruptedException {
        return listen(given(models.stream().map(OpenedTeacher.Local::new), options), options);
    }

    private static Given given(Stream<? extends OpenedTeacher> teachers, TeacherServerOptions options) {
        List<OpenedTeacher> opened =
                teachers.<OpenedTeacher>map(teacher -> teacher).toList();
        return new Given(
                opened.stream()
                        .map(teacher ->
                                TeacherEntry.of(teacher, options.decoding().maxCacheBytes()))
                        .toList(),
                opened.stream()
                        .mapToInt(teacher -> teacher.description().contextLength())
                        .max()
                        .orElse(0));
    }

    /** Teachers that are open already. */
    private record Given(List<TeacherEntry> entries, int longestContext) {}

    private static TeacherServer listen(Given given, TeacherServerOptions options)
            throws IOException, InterruptedException {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        OpenedSecurity security = OpenedSecurity.open(options.security(), registry);
        TeacherCaches caches = caches(options, registry);
        Optional<MetricsPage> page = Optional.empty();
        if (options.metrics().isPresent()) {
            try {
                page = Optional.of(new MetricsPage(options.metrics().get(), registry, MetricsPage.Limits.DEFAULT));
            } catch (IOException e) {
                caches.close(System.nanoTime());
                security.close();
                throw new UnusableAddressException(e);
            }
        }
        int context = Math.max(given.longestContext(), RequestSize.LONGEST_USUAL_CONTEXT);
        TeacherServer server = new TeacherServer(context, options, registry, security, caches, page);
        server.setHealth(ServingStatus.NOT_SERVING);
        page.ifPresent(shown -> shown.show(server.shown()));
        try {
            server.listener.start();
            server.openHttp();
            String unused = server.apply(given.entries());
        } catch (IOException e) {
            server.close();
            throw new UnusableAddressException(e);
        } catch (IllegalArgumentException e) {
            server.close();
            throw e;
        }
        server.everySecondsForGood(SECONDS_BETWEEN_PROGRESS, server.rpc::tellProgress);
        server.everySecondsForGood(1, server.rpc::endStalled);
        server.everySecondsForGood(1, server.watchdog()::look);
        server.everySecondsForGood(1, () -> server.rpc.endStrangers(security.authenticator()));
        server.everySecondsForGood(1, server.listener::endStrangers);
        server.everySecondsForGood(1, () -> server.http.ifPresent(HttpDoor::endStrangers));
        return server;
    }

    /** A server all of whose teachers are served. */
    private static TeacherServer allOf(TeacherServer server) throws IOException, InterruptedException {
        server.awaitWarm();
        return server;
    }

    /** Waits until every teacher is served; where one cannot be, the server ends by what that one failed by. */
    void awaitWarm() throws IOException, InterruptedException {
        teachers.awaitSettled();
        Optional<Throwable> failure = teachers.firstFailure();
        if (failure.isPresent()) {
            endWith(failure);
        }
        begin();
    }

    private void endWith(Optional<Throwable> failure) throws IOException, InterruptedException {
        close();
        Throwable cause = failure.orElseGet(() -> new IllegalStateException("no teacher was loaded"));
        if (cause instanceof IOException unreadable) {
            throw unreadable;
        } else if (cause instanceof RuntimeException refused) {
            throw refused;
        } else if (cause instanceof Error error) {
            throw error;
        }
        throw new IllegalStateException(cause.getMessage(), cause);
    }

    /** The first teachers are there: from now on health is theirs. */
    private void begin() {
        teachers.tellFailures();
        begun = true;
        followTeachers();
        everySecondsForGood(1, this::followTeachers);
    }

    /**
     * From now on the server is to have these teachers, and no others: new ones are loaded and named once they are warm, those that are not
     * among them are drained, and one whose entry changed is loaded anew. Returns at once; {@code /status} and the log tell what becomes of it.
     *
     * @return what is done about it, in words
     * @throws IllegalArgumentException where they do not fit together, or into this machine; then everything stays as it was
     */
    public String apply(List<TeacherEntry> entries) {
        return teachers.apply(entries);
    }

    private void look(WatchedFiles<List<TeacherEntry>> entries) {
        try {
            if (entries.refresh()) {
                LOG.info("the list of teachers changed: {}", apply(entries.current()));
            }
        } catch (IOException | IllegalArgumentException e) {
            refusedLists.increment();
            LOG.error("the list of teachers changed and cannot be used: {}; all stay as they were", e.getMessage());
        }
    }

    private void listHangs(String where) {
        refusedLists.increment();
        LOG.error(
                "the list of teachers, or a model that it names, has not been read for {} s (expected: less); all stay as they"
                        + " were until it is. It is in {}",
                LONGEST_READ_OF_LIST.toSeconds(),
                where);
    }

    /** @throws IllegalArgumentException where what a tier's options name cannot be used; tiers that were opened are closed again */
    private static TeacherCaches caches(TeacherServerOptions options, MeterRegistry registry)
            throws InterruptedException {
        List<CacheTiers.Slower> slower = new ArrayList<>();
        try {
            for (TierOptions tier : options.slowerTiers()) {
                TierMetrics metrics = new TierMetrics(registry, tier.name());
                LaneOptions lane = new LaneOptions(
                        tier.lookupThreads(),
                        tier.longestTurn(),
                        tier.longestLookup(),
                        HeapPlan.unwrittenBytes(Runtime.getRuntime().maxMemory()));
                slower.add(new CacheTiers.Slower(tier.open(metrics), lane, metrics));
            }
            return TeacherCaches.open(slower, System::nanoTime, registry);
        } catch (Throwable e) {
            slower.forEach(opened -> opened.tier().close());
            throw e;
        }
    }

    private void everySecondsForGood(long seconds, Runnable task) {
        Future<?> unused = everySeconds(seconds, task);
    }

    private Future<?> everySeconds(long seconds, Runnable task) {
        return timer.scheduleAtFixedRate(
                () -> {
                    try {
                        task.run();
                    } catch (Throwable e) {
                        LOG.error("a timer failed, and goes on", e);
                    }
                },
                seconds,
                seconds,
                TimeUnit.SECONDS);
    }

    /** Health is that of the teachers: what is behind one may go, and come back. The server serves while one of them does. */
    private void followTeachers() {
        if (terminal) {
            return;
        }
        stuck.retainAll(teachers.devices().keySet());
        setHealth(teachers.tellHealth(this::isStuck) ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
        if (terminal) {
            serving = false; // it came to its end meanwhile
        }
    }

    /** Names that are served now, in order. */
    public List<String> teacherNames() {
        return teachers.names();
    }

    /** Port of the service. */
    public int port() {
        return listener.port();
    }

    /** Port that answers health alone, where there is one. */
    public OptionalInt healthPort() {
        return listener.healthPort();
    }

    /** Port of the HTTP door, where there is one. */
    public OptionalInt httpPort() {
        return http.map(door -> OptionalInt.of(door.port())).orElse(OptionalInt.empty());
    }

    /** Port of the metrics page, where there is one. */
    public OptionalInt metricsPort() {
        return metricsPage.map(page -> OptionalInt.of(page.port())).orElse(OptionalInt.empty());
    }

    /** Everything the server counts. */
    public MeterRegistry registry() {
        return registry;
    }

    /**
     * Finishes what was accepted, refuses the rest with UNAVAILABLE and a delay to retry after, then closes everything. All of it is
     * bounded by the drain timeout: four fifths of it are for the streams and HTTP requests, which are cut then; in the rest last bytes leave, batches
     * end, and rows are written to slower tiers. What is not over by then is left. A second call waits for the first.
     */
    public void drain() throws InterruptedException {
        synchronized (drainLock) {
            if (drained) {
                return;
            }
            drained = true;
            long endNanos = System.nanoTime() + options.drainTimeout().toNanos();
            terminal = true;
            serving = false;
            health.enterTerminalState();
            followed.ifPresent(FollowedFiles::close);
            teachers.stop();
            Duration forStreams = options.drainTimeout().multipliedBy(4).dividedBy(5);
            http.ifPresent(HttpDoor::stopListening);
            if (!rpc.drain(forStreams)) {
                LOG.warn("streams still open after {}; they are cut", forStreams);
            }
            if (http.isPresent()) {
                long left =
                        endNanos - System.nanoTime() - options.drainTimeout().toNanos() / 5;
                if (!http.get().awaitAnswered(left)) {
                    LOG.warn("HTTP requests still being answered after {}; they are cut", forStreams);
                }
                http.get().close();
            }
            listener.close(endNanos - (endNanos - System.nanoTime()) / 2);
            teachers.close(endNanos);
            caches.close(endNanos);
            security.close();
            calls.shutdown();
            telling.shutdown();
            timer.shutdownNow();
            metricsPage.ifPresent(MetricsPage::close);
            jvmMeters.close();
            registry.close();
            over.countDown();
        }
    }

    /**
     * Waits until the server has drained.
     *
     * @throws IllegalStateException at once where a teacher's device thread has ended by itself: nothing is computed any more
     * @throws OutOfMemoryError at once where direct memory is exhausted, and stays so
     */
    public void awaitTermination() throws InterruptedException {
        over.await();
        Optional<Throwable> why = defect;
        if (why.isPresent() && why.get() instanceof OutOfMemoryError exhausted) {
            throw exhausted;
        }
        if (why.isPresent()) {
            throw new IllegalStateException(why.get().getMessage(), why.get());
        }
    }

    /** Says at once that nobody is answered any more; the rest is up to whoever awaits the end. */
    private void memoryLost(OutOfMemoryError exhausted) {
        terminal = true;
        serving = false;
        health.enterTerminalState();
        defect = Optional.of(exhausted);
        over.countDown();
    }

    /** Says at once that nothing is computed any more; the rest is up to whoever awaits the end. */
    private void deviceLost(String teacher, Throwable cause) {
        terminal = true;
        serving = false;
        health.enterTerminalState();
        defect = Optional.of(
                cause instanceof OutOfMemoryError
                        ? cause
                        : new IllegalStateException(
                                "the device thread of teacher " + teacher + " ended: " + cause.getMessage(), cause));
        over.countDown();
    }

    /** Drains. */
    @Override
    public void close() throws InterruptedException {
        drain();
    }

    private boolean isStuck(String teacher) {
        return stuck.stream().anyMatch(label -> TeacherLife.isOf(label, teacher));
    }

    private DeviceWatchdog watchdog() {
        return new DeviceWatchdog(
                teachers::devices,
                options.stuckDevice(),
                options.stuckDevice().plus(STUCK_UNTIL_LOST),
                new DeviceWatchdog.Listener() {
                    @Override
                    public void serves(String teacher, boolean serves) {
                        boolean unused = serves ? stuck.remove(teacher) : stuck.add(teacher);
                        if (begun) {
                            followTeachers();
                        }
                    }

                    @Override
                    public void lost(String teacher, Throwable cause) {
                        teachers.giveUp(teacher, cause);
                    }
                });
    }

    private MetricsPage.Shown shown() {
        return new MetricsPage.Shown() {
            @Override
            public boolean serving() {
                return serving;
            }

            @Override
            public ServerStatus status() {
                return TeacherServer.this.status();
            }
        };
    }

    private ServerStatus status() {
        ServerStatus.Reader meters = new ServerStatus.Reader(registry);
        return new ServerStatus(
                (System.nanoTime() - startedNanos) / 1e9,
                serving,
                ProcessMemory.now(),
                teachers.status(),
                teachers.named().entrySet().stream()
                        .map(named ->
                                meters.teacher(named.getKey(), named.getValue().queueLines()))
                        .toList(),
                meters.positionWeights(),
                meters.tiers(),
                rpc.streams(),
                rpc.sessions(),
                meters.refusals());
    }

    private void setHealth(ServingStatus status) {
        serving = status == ServingStatus.SERVING;
        health.setStatus(HealthStatusManager.SERVICE_NAME_ALL_SERVICES, status);
        health.setStatus(TeacherServiceGrpc.SERVICE_NAME, status);
    }

    private static ExecutorService callThreads() {
        AtomicInteger number = new AtomicInteger();
        return Executors.newFixedThreadPool(
                CALL_THREADS, runnable -> daemon(runnable, "lyne-call-" + number.incrementAndGet()));
    }

    private static Thread daemon(Runnable runnable, String name) {
        Thread thread = new Thread(runnable, name);
        thread.setDaemon(true);
        return thread;
    }
}
