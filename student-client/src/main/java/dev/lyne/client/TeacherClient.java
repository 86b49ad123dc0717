package dev.lyne.client;

import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTeacherResponse;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.Status;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Targets from one teacher server or from several replicas of it. Every stream keeps one call open to each replica and
 * chooses among them for each sequence, so that replicas share the work and one takes over from another.
 */
public final class TeacherClient implements TargetSource {
    /** How long a wait goes on without asking whether it is to stop. */
    static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private static final Logger LOG = LoggerFactory.getLogger(TeacherClient.class);

    private final TeacherAddresses addresses;
    private final ClientOptions options;
    private final TeacherDialer dialer;
    private final LongSupplier nanoTime;
    private final TeacherAddresses.Resolver resolver;
    private final ScheduledThreadPoolExecutor timers;
    private final ScheduledThreadPoolExecutor resolving;
    private final Replica firstToAnswer;
    private final TeacherDescription teacher;

    /** Guarded by this. */
    private final Map<TeacherAddresses.Place, Replica> replicas = new LinkedHashMap<>();
    /** Guarded by this. */
    private final List<ReplicaPool> streams = new ArrayList<>();
    /** Guarded by this. */
    private boolean resolutionPending;
    /** Guarded by this. */
    private boolean closed;

    /**
     * Connects to the teacher at {@code host:port} or {@code dns:///name:port}, or to several such replicas apart by commas.
     *
     * @throws IllegalArgumentException if the addresses cannot be read, their security does not allow them, or its files cannot be
     *     used
     * @throws TeacherUnavailableException if none answers within the time to open
     * @throws TeacherRefusedException if every server does not have the teacher, does not know the token, or cannot prove who it is
     */
    public static TeacherClient connect(String addresses, ClientOptions options) {
        return new TeacherClient(addresses, options, System::nanoTime, InetAddress::getAllByName);
    }

    /** Refuses addresses and security that {@link #connect} would, without asking anybody. */
    public static void requireUsable(String addresses, TeacherSecurity security) {
        TeacherDialer.requireAllowed(TeacherAddresses.parse(addresses), security);
        TeacherDialer.open(security);
    }

    TeacherClient(String addresses, ClientOptions options, LongSupplier nanoTime, TeacherAddresses.Resolver resolver) {
        this.addresses = TeacherAddresses.parse(addresses);
        this.options = options;
        TeacherDialer.requireAllowed(this.addresses, options.security());
        this.dialer = TeacherDialer.open(options.security());
        this.nanoTime = nanoTime;
        this.resolver = resolver;
        this.timers = daemon("lyne-client-timer");
        this.resolving = daemon("lyne-client-resolver");
        try {
            Described first = describeFirst();
            this.firstToAnswer = first.by;
            this.teacher = first.teacher;
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    @Override
    public TeacherDescription describe() {
        return teacher;
    }

    /** All replicas; first the one that described the teacher first. */
    List<Replica> replicasByAnswer() {
        List<Replica> all = new ArrayList<>(known());
        all.remove(firstToAnswer);
        all.add(0, firstToAnswer);
        return all;
    }

    @Override
    public TargetStream open(TargetRequest request) {
        TeacherAgreement.requireExpected(labels(), teacher, request.expectation());
        request.selection().checkFits(teacher.vocabularySize());
        ReplicaPool stream = new ReplicaPool(
                request,
                teacher,
                options,
                nanoTime,
                timers,
                RandomGeneratorFactory.of("L64X128MixRandom").create(options.seed()),
                this::resolveAgain,
                this::remove);
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException("the client is closed");
            }
            streams.add(stream);
        }
        try {
            stream.setReplicas(known());
            stream.awaitOpened();
            return stream;
        } catch (InterruptedException e) {
            stream.close();
            throw interrupted();
        } catch (RuntimeException e) {
            stream.close();
            throw e;
        }
    }

    /**
     * Opens a decoding, which asks no replica for anything yet. It ends with this client.
     *
     * @throws TeacherMismatchException if the teacher is not the one meant
     */
    public TeacherDecoder decoder(DecodeSettings settings) {
        TeacherAgreement.requireExpected(labels(), teacher, settings.expectation());
        return new TeacherDecoder(settings, teacher, options, nanoTime, this::known, this::resolveAgain);
    }

    @Override
    public void close() {
        List<ReplicaPool> open;
        Collection<Replica> channels;
        synchronized (this) {
            closed = true;
            open = List.copyOf(streams);
            channels = List.copyOf(replicas.values());
        }
        open.forEach(ReplicaPool::close);
        timers.shutdownNow();
        resolving.shutdownNow();
        channels.forEach(replica -> replica.channel().shutdownNow());
    }

    private record Answer(Replica replica, ListenableFuture<GetTeacherResponse> future) {}

    private record Described(Replica by, TeacherDescription teacher) {}

    /**
     * Asks all replicas side by side until one describes its teacher or the time is over. A description is believed once it was heard twice: all
     * that comes later is compared with it, and one that was changed on the way would be everybody's word against it.
     */
    private Described describeFirst() {
        var answers = new LinkedBlockingQueue<Answer>();
        Map<Replica, Answer> asked = new HashMap<>();
        Map<Replica, Long> askAtNanos = new HashMap<>();
        Map<Replica, Standing> standings = new HashMap<>();
        Set<TeacherDescription> heard = new HashSet<>();
        Map<String, String> tried = new LinkedHashMap<>();
        Backoff backoff = new Backoff(
                options.timeouts().firstBackoff(),
                options.timeouts().maxBackoff(),
                RandomGeneratorFactory.of("L64X128MixRandom").create(options.seed()));
        OpeningTimeout timeout = new OpeningTimeout(options, nanoTime.getAsLong());
        long resolveAtNanos = nanoTime.getAsLong();
        try {
            while (true) {
                long now = nanoTime.getAsLong();
                if (now - resolveAtNanos >= 0) {
                    resolveAtNanos = resolveOr(tried) ? Long.MAX_VALUE / 2 + now : now + backoff.nextNanos();
                }
                for (Replica replica : known()) {
                    if (!asked.containsKey(replica) && now - askAtNanos.getOrDefault(replica, now) >= 0) {
                        asked.put(replica, ask(replica, answers));
                    }
                }
                Answer answer = answers.poll(POLL_NANOS, TimeUnit.NANOSECONDS);
                if (answer != null) {
                    Replica replica = answer.replica;
                    Standing standing = standings.computeIfAbsent(replica, unused -> new Standing());
                    asked.remove(replica);
                    try {
                        TeacherDescription described =
                                Contract.description(Objects.requireNonNull(Futures.getDone(answer.future))
                                        .getTeacher());
                        if (!heard.add(described)) {
                            return new Described(replica, described);
                        }
                        standing.accepted();
                        if (heard.size() == 1) {
                            askAtNanos.remove(replica);
                            continue; // asked again at once, whatever time is left
                        }
                        askAtNanos.put(replica, nanoTime.getAsLong() + backoff.nextNanos());
                    } catch (ExecutionException e) {
                        tried.put(replica.label(), reason(standing, Objects.requireNonNullElse(e.getCause(), e)));
                        requireOneThatMayAccept(standings, tried);
                        long delay = standing.refuses() ? backoff.longNanos() : backoff.nextNanos();
                        askAtNanos.put(replica, nanoTime.getAsLong() + delay);
                    }
                }
                timeout.requireMore(nanoTime.getAsLong(), waited -> {
                    Map<String, String> history = new LinkedHashMap<>(tried);
                    boolean late = waited >= options.timeouts().open().toNanos();
                    String silence = late ? noAnswer() : "no answer yet";
                    known().forEach(replica -> history.putIfAbsent(replica.label(), silence));
                    return history.entrySet().stream()
                            .map(entry -> "teacher " + entry.getKey() + ": " + entry.getValue())
                            .collect(Collectors.joining("; "));
                });
            }
        } catch (InterruptedException e) {
            throw interrupted();
        } finally {
            asked.values().forEach(answer -> answer.future.cancel(true));
        }
    }

    private boolean resolveOr(Map<String, String> tried) {
        try {
            resolve();
            return true;
        } catch (UnknownHostException e) {
            tried.put(String.valueOf(e.getMessage()), "unknown host");
            return false;
        }
    }

    private Answer ask(Replica replica, Queue<Answer> answers) {
        replica.channel().resetConnectBackoff();
        ListenableFuture<GetTeacherResponse> future = TeacherServiceGrpc.newFutureStub(replica.channel())
                .withDeadlineAfter(
                        Math.min(
                                options.timeouts().open().toNanos(),
                                options.timeouts().retry().toNanos()),
                        TimeUnit.NANOSECONDS)
                .getTeacher(GetTeacherRequest.newBuilder()
                        .setName(options.teacher())
                        .build());
        Answer answer = new Answer(replica, future);
        future.addListener(() -> answers.add(answer), Runnable::run);
        return answer;
    }

    /** Throws where every replica refuses, with what each said. */
    private void requireOneThatMayAccept(Map<Replica, Standing> standings, Map<String, String> tried) {
        Collection<Replica> all = known();
        boolean none = all.stream().allMatch(replica -> {
            Standing standing = standings.get(replica);
            return standing != null && standing.refuses();
        });
        if (none && !all.isEmpty()) {
            throw new TeacherRefusedException(all.stream()
                    .map(replica -> "teacher " + replica.label() + ": " + tried.get(replica.label()))
                    .collect(Collectors.joining("; ")));
        }
    }

    /** Why a replica did not describe its teacher, for people; takes note of a refusal. */
    private String reason(Standing standing, Throwable e) {
        CallFailure failure = CallFailure.of(e);
        if (failure.ofCall() == CallFailure.Remedy.GIVE_UP || CallFailure.isUntrusted(e)) {
            boolean unusedNew = standing.refused(failure);
            return failure.toString();
        }
        standing.unheard();
        return failure.code() == Status.Code.DEADLINE_EXCEEDED ? noAnswer() : failure.description();
    }

    private String noAnswer() {
        return "no answer within " + Timeouts.inSeconds(options.timeouts().open());
    }

    /** Looks names up again after a replica was lost, on a thread of its own and once at a time. Called with a stream's lock held. */
    private void resolveAgain() {
        if (!addresses.canChange()) {
            return;
        }
        resolving.execute(() -> {
            synchronized (this) {
                if (closed || resolutionPending) {
                    return;
                }
                resolutionPending = true;
            }
            var unused = resolving.schedule(
                    this::resolveForStreams, options.timeouts().firstBackoff().toNanos(), TimeUnit.NANOSECONDS);
        });
    }

    private void resolveForStreams() {
        List<ReplicaPool> open;
        synchronized (this) {
            resolutionPending = false;
            open = List.copyOf(streams);
        }
        try {
            resolve();
        } catch (UnknownHostException e) {
            LOG.warn("teacher {}: unknown host; keeping the addresses known so far", e.getMessage());
            return;
        }
        Collection<Replica> current = known();
        open.forEach(stream -> stream.setReplicas(current));
    }

    private void resolve() throws UnknownHostException {
        Set<TeacherAddresses.Place> found = addresses.resolve(resolver);
        synchronized (this) {
            if (closed) {
                return;
            }
            for (TeacherAddresses.Place place : found) {
                replicas.computeIfAbsent(place, missing -> Replica.to(missing, dialer));
            }
            replicas.entrySet().removeIf(entry -> {
                boolean gone = !found.contains(entry.getKey());
                if (gone) {
                    // Calls that still run on it end by themselves; new ones are not made.
                    entry.getValue().channel().shutdown();
                }
                return gone;
            });
        }
    }

    private synchronized Collection<Replica> known() {
        return List.copyOf(replicas.values());
    }

    private String labels() {
        return String.join(",", known().stream().map(Replica::label).toList());
    }

    private synchronized void remove(ReplicaPool stream) {
        streams.remove(stream);
    }

    private static TeacherUnavailableException interrupted() {
        Thread.currentThread().interrupt();
        return new TeacherUnavailableException("interrupted while the teacher was being opened");
    }

    private static ScheduledThreadPoolExecutor daemon(String name) {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
        executor.setRemoveOnCancelPolicy(true);
        return executor;
    }
}
