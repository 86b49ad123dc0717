package dev.lyne.teacher.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.access.OpenedSecurity;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.ServedMetrics;
import dev.lyne.teacher.batch.BatchMetrics;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.batch.DeviceWork;
import dev.lyne.teacher.cache.CacheTiers;
import dev.lyne.teacher.cache.LaneOptions;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.TierOptions;
import dev.lyne.teacher.decode.DecodeMetrics;
import dev.lyne.teacher.decode.DecodeOptions;
import dev.lyne.teacher.decode.DecodeScheduler;
import dev.lyne.teacher.http.HttpDoor;
import dev.lyne.teacher.http.HttpTeacher;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.QueueLine;
import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.replay.ReplayedTeacher;
import dev.lyne.teacher.rpc.RpcMetrics;
import dev.lyne.teacher.rpc.ServedTeacher;
import dev.lyne.teacher.rpc.TeacherRpc;
import dev.lyne.teacher.score.CacheMetrics;
import dev.lyne.teacher.score.SequenceEncoder;
import dev.lyne.teacher.score.SingleFlight;
import dev.lyne.teacher.trace.BatchTraces;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
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
    private static final long LEAST_CLOSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final Duration STUCK_UNTIL_LOST = Duration.ofMinutes(1);
    private static final int SECONDS_BETWEEN_PROGRESS = 5;
    private static final int CALL_THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());

    private final TeacherServerOptions options;
    private final PrometheusMeterRegistry registry;
    private final JvmMeters jvmMeters;
    private final HealthStatusManager health = new HealthStatusManager();
    private final ExecutorService calls;
    private final ScheduledExecutorService timer;
    private final ExecutorService telling;
    private final OpenedSecurity security;
    private final CacheTiers tiers;
    private final List<Teacher> teachers = new ArrayList<>();
    private final Map<String, Batcher> batchers = new HashMap<>(); // only read once the server is made
    private final long startedNanos = System.nanoTime();
    private volatile boolean serving;
    private volatile boolean stuck; // a device does not come back from what it does
    private volatile boolean terminal; // what is not serving now never will again
    private final List<ReplayedTeacher> captures;
    private final List<String> teacherNames;
    private final TeacherRpc rpc;
    private final Listener listener;
    private final Optional<MetricsPage> metricsPage;
    private final HttpTexts texts;
    private final List<HttpTeacher> httpTeachers;
    private final Admission admission;
    private final ServedMetrics sentAndRefused;
    private volatile Optional<HttpDoor> http = Optional.empty();

    private final Object drainLock = new Object();

    @GuardedBy("drainLock")
    private boolean drained;

    private final CountDownLatch over = new CountDownLatch(1);
    private final DirectMemoryWatch memory = new DirectMemoryWatch(System::nanoTime, this::memoryLost);
    private volatile Optional<Throwable> defect = Optional.empty();

    private TeacherServer(
            Offered offered,
            TeacherServerOptions options,
            PrometheusMeterRegistry registry,
            OpenedSecurity security,
            CacheTiers tiers,
            Optional<MetricsPage> metricsPage) {
        this.options = options;
        this.registry = registry;
        this.security = security;
        this.tiers = tiers;
        this.metricsPage = metricsPage;
        this.captures = offered.captures();
        this.calls = callThreads();
        this.timer = Executors.newSingleThreadScheduledExecutor(runnable -> daemon(runnable, "lyne-timer"));
        this.telling = Executors.newSingleThreadExecutor(runnable -> daemon(runnable, "lyne-decoded"));
        this.jvmMeters = new JvmMeters(registry);
        Admission admission = new Admission(options.limits(), registry);
        List<ServedTeacher> served = new ArrayList<>();
        offered.models().forEach(model -> served.add(serve(model)));
        offered.teachers().forEach(teacher -> served.add(serve(teacher, Optional.empty())));
        for (ReplayedTeacher capture : captures) {
            served.add(new ServedTeacher(capture.description(), capture, capture::positionsRead, List.of()));
        }
        this.teacherNames =
                served.stream().map(teacher -> teacher.description().name()).toList();
        RpcMetrics metrics = new RpcMetrics(registry);
        this.sentAndRefused = metrics.served();
        this.rpc = new TeacherRpc(served, admission, metrics, System::nanoTime);
        int context = served.stream()
                .mapToInt(teacher -> teacher.description().contextLength())
                .max()
                .orElseThrow();
        this.listener =
                new Listener(options, context, security, metrics, calls, rpc, health.getHealthService(), memory);
        this.texts = new HttpTexts(options.http().isPresent());
        this.httpTeachers = served.stream().map(texts::teacher).toList();
        this.admission = admission;
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
                sentAndRefused);
        http = Optional.of(HttpDoor.open(
                listener.listening(options.http().get(), options.limits().maxConnections(), tls),
                httpTeachers,
                admission,
                terms,
                registry));
    }

    /**
     * Starts listening, reports NOT_SERVING until every teacher is warm, and returns when they are.
     *
     * @throws IOException where an address cannot be listened on
     * @throws IllegalArgumentException where two teachers have one name, or the disk cache's directory cannot be written or is
     *     another server's; then the teachers stay the caller's
     * @throws IllegalStateException where a teacher's warm-up fails
     * @throws OutOfMemoryError where it fails for want of memory
     */
    public static TeacherServer start(List<LocalModel> models, TeacherServerOptions options)
            throws IOException, InterruptedException {
        return warm(listen(models, options));
    }

    /** {@link #start} with teachers that bring their own threads, such as inference engines elsewhere. */
    public static TeacherServer serve(List<Teacher> teachers, TeacherServerOptions options)
            throws IOException, InterruptedException {
        return warm(listen(new Offered(List.of(), teachers, List.of()), options));
    }

    private static TeacherServer warm(TeacherServer server) throws InterruptedException {
        try {
            server.awaitWarm();
        } catch (IllegalStateException | OutOfMemoryError e) {
            server.close();
            throw e;
        }
        return server;
    }

    /**
     * Starts a server of captures, which has no model and is ready at once.
     *
     * @throws IOException where an address cannot be listened on
     */
    public static TeacherServer replay(List<ReplayedTeacher> captures, TeacherServerOptions options)
            throws IOException, InterruptedException {
        TeacherServer server = listen(new Offered(List.of(), List.of(), captures), options);
        server.awaitWarm();
        return server;
    }

    /** Starts listening and returns while teachers may still warm up; health tells when they are. */
    static TeacherServer listen(List<LocalModel> models, TeacherServerOptions options)
            throws IOException, InterruptedException {
        return listen(new Offered(models, List.of(), List.of()), options);
    }

    /** What a server answers with. */
    private record Offered(List<LocalModel> models, List<Teacher> teachers, List<ReplayedTeacher> captures) {
        Offered {
            models = List.copyOf(models);
            teachers = List.copyOf(teachers);
            captures = List.copyOf(captures);
        }

        List<String> names() {
            return Stream.of(
                            models.stream().map(LocalModel::description),
                            teachers.stream().map(Teacher::description),
                            captures.stream().map(ReplayedTeacher::description))
                    .flatMap(descriptions -> descriptions)
                    .map(TeacherDescription::name)
                    .toList();
        }
    }

    private static TeacherServer listen(Offered offered, TeacherServerOptions options)
            throws IOException, InterruptedException {
        List<String> names = offered.names();
        if (names.isEmpty()) {
            throw new IllegalArgumentException("teachers: none (expected: at least one)");
        }
        if (Set.copyOf(names).size() != names.size()) {
            throw new IllegalArgumentException("teachers: " + names + " (expected: distinct names)");
        }
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        OpenedSecurity security = OpenedSecurity.open(options.security(), registry);
        CacheTiers tiers = tiers(options, registry);
        Optional<MetricsPage> page = Optional.empty();
        if (options.metrics().isPresent()) {
            try {
                page = Optional.of(new MetricsPage(options.metrics().get(), registry));
            } catch (IOException e) {
                tiers.close(System.nanoTime());
                security.close();
                throw e;
            }
        }
        TeacherServer server = new TeacherServer(offered, options, registry, security, tiers, page);
        server.setHealth(ServingStatus.NOT_SERVING);
        page.ifPresent(shown -> shown.show(server::status));
        try {
            server.listener.start();
            server.openHttp();
        } catch (IOException e) {
            server.close();
            throw e;
        }
        server.everySeconds(SECONDS_BETWEEN_PROGRESS, server.rpc::tellProgress);
        server.everySeconds(1, server.rpc::endStalled);
        server.everySeconds(1, server.watchdog()::look);
        server.everySeconds(1, () -> server.rpc.endStrangers(security.authenticator()));
        return server;
    }

    /** @throws IllegalArgumentException where what a tier's options name cannot be used; tiers that were opened are closed again */
    private static CacheTiers tiers(TeacherServerOptions options, MeterRegistry registry) throws InterruptedException {
        List<CacheTiers.Slower> slower = new ArrayList<>();
        try {
            for (TierOptions tier : options.slowerTiers()) {
                TierMetrics metrics = new TierMetrics(registry, tier.name());
                LaneOptions lane = new LaneOptions(
                        tier.lookupThreads(),
                        tier.longestTurn(),
                        HeapPlan.unwrittenBytes(Runtime.getRuntime().maxMemory()));
                slower.add(new CacheTiers.Slower(tier.open(metrics), lane, metrics));
            }
            return CacheTiers.open(options.memoryCacheBytes(), slower, System::nanoTime, registry);
        } catch (Throwable e) {
            slower.forEach(opened -> opened.tier().close());
            throw e;
        }
    }

    private void everySeconds(long seconds, Runnable task) {
        var unused = timer.scheduleAtFixedRate(
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

    void awaitWarm() throws InterruptedException {
        for (Teacher teacher : teachers) {
            try {
                teacher.warm().toCompletableFuture().get();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof OutOfMemoryError exhausted) {
                    throw exhausted;
                }
                throw new IllegalStateException("a teacher failed to warm up: " + e.getCause(), e.getCause());
            }
        }
        setHealth(ServingStatus.SERVING);
        everySeconds(1, this::followTeachers);
    }

    /** Health is that of the teachers: what is behind one may go, and come back. */
    private void followTeachers() {
        if (terminal) {
            return;
        }
        boolean serves = !stuck && teachers.stream().allMatch(Teacher::serving);
        setHealth(serves ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
        if (terminal) {
            serving = false; // it came to its end meanwhile
        }
    }

    /** Names that the teachers are served under. */
    public List<String> teacherNames() {
        return teacherNames;
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
            for (Teacher teacher : teachers) {
                if (!teacher.close(Math.max(endNanos - System.nanoTime(), LEAST_CLOSE_NANOS))) {
                    LOG.warn("a device is still at work and is left as it is");
                }
            }
            captures.forEach(ReplayedTeacher::close);
            texts.close();
            tiers.close(endNanos);
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

    /** A local model behind its device thread, which decodes between batches where the model can. */
    private ServedTeacher serve(LocalModel model) {
        TeacherDescription description = model.description();
        LocalModel watched = new WatchedModel(model, new DirectMemoryWatch(System::nanoTime, this::memoryLost));
        Optional<DecodeScheduler> decoding = decoding(watched, options.decoding());
        BatchOptions batching =
                options.batching().withMaxEntries(options.limits().maxSequenceEntries());
        Batcher batched = new Batcher(
                watched,
                description.deterministic() ? batching.oneAtATime() : batching,
                options.encodeThreads(),
                System::nanoTime,
                new BatchMetrics(registry, description.name(), new BatchTraces(options.telemetry())),
                decoding.<DeviceWork>map(scheduler -> scheduler).orElse(DeviceWork.NONE));
        batchers.put(description.name(), batched);
        return serve(batched, decoding);
    }

    private Optional<DecodeScheduler> decoding(LocalModel model, DecodeOptions how) {
        if (how.maxCacheBytes() == 0) {
            return Optional.empty();
        }
        TeacherDescription description = model.description();
        return model.decoder(how.maxCacheBytes())
                .map(decoder -> new DecodeScheduler(
                        decoder,
                        description,
                        how,
                        System::nanoTime,
                        new DecodeMetrics(registry, description.name()),
                        telling));
    }

    private ServedTeacher serve(Teacher teacher, Optional<DecodeScheduler> decoding) {
        TeacherDescription description = teacher.description();
        teachers.add(teacher);
        teacher.bindTo(registry);
        var unused =
                teacher.ended().thenAccept(ended -> ended.ifPresent(cause -> deviceLost(description.name(), cause)));
        SingleFlight sequences = new SingleFlight(
                teacher,
                tiers,
                new SequenceEncoder(description, options.limits().maxBlockBytes()),
                options.limits().maxSequenceEntries(),
                System::nanoTime,
                new CacheMetrics(registry, description.name()));
        decoding.ifPresentOrElse(
                scheduler -> everySeconds(1, scheduler::endIdle),
                () -> DecodeMetrics.ofNone(registry, description.name()));
        return new ServedTeacher(description, sequences, teacher::devicePositions, teacher.tokenizer(), decoding);
    }

    private DeviceWatchdog watchdog() {
        Map<String, DeviceWatchdog.Device> devices = new HashMap<>();
        batchers.forEach((name, batcher) -> {
            for (Batcher.Device device : batcher.devices()) {
                String label = batcher.devices().size() == 1 ? name : name + " on " + device.name();
                devices.put(label, DeviceWatchdog.Device.of(device::workingNanos, device::stack));
            }
        });
        return new DeviceWatchdog(
                devices,
                options.stuckDevice(),
                options.stuckDevice().plus(STUCK_UNTIL_LOST),
                new DeviceWatchdog.Listener() {
                    @Override
                    public void serves(boolean serves) {
                        stuck = !serves; // those that come back serve again as the teachers are followed
                        if (stuck) {
                            setHealth(ServingStatus.NOT_SERVING);
                        }
                    }

                    @Override
                    public void lost(String teacher, Throwable cause) {
                        deviceLost(teacher, cause);
                    }
                });
    }

    private ServerStatus status() {
        ServerStatus.Reader meters = new ServerStatus.Reader(registry);
        Runtime runtime = Runtime.getRuntime();
        return new ServerStatus(
                (System.nanoTime() - startedNanos) / 1e9,
                serving,
                runtime.totalMemory() - runtime.freeMemory(),
                runtime.maxMemory(),
                teacherNames.stream()
                        .map(name -> meters.teacher(name, queueLines(name)))
                        .toList(),
                meters.tiers(),
                rpc.streams(),
                meters.refusals());
    }

    private List<QueueLine> queueLines(String name) {
        return teachers.stream()
                .filter(teacher -> teacher.description().name().equals(name))
                .findFirst()
                .map(Teacher::queueLines)
                .orElse(List.of());
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
