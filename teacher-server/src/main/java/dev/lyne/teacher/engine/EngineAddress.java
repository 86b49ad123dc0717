package dev.lyne.teacher.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowColumns;
import dev.lyne.teacher.engine.EngineException.Kind;
import dev.lyne.teacher.model.PacedLog;
import io.netty.channel.EventLoopGroup;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.slf4j.LoggerFactory;

/**
 * One address of an engine: its connections, whether it may be asked, and how fast it answers. Safe for several threads.
 *
 * <p>The invariant: a row is asked for only over a connection that a probe has passed on. A connection ends with the process at its other
 * end, so an engine that was restarted with other weights is found out before it answers anything; and what changes within a process is
 * found by the whole probe, again and again. Rows that came since the whole probe last passed are not {@linkplain Vouching vouched} for.
 *
 * <p>The lock {@code this} guards the state; nothing foreign is called with it held.
 */
final class EngineAddress {
    /** State of the address, as far as it is known. */
    enum State {
        /** Does not answer, or has not been asked yet. */
        DOWN,
        /** The probe has passed. */
        UP,
        /** The probe found other weights. */
        OTHER_WEIGHTS
    }

    private static final long LEAST_BACKOFF_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final long MOST_BACKOFF_NANOS = TimeUnit.SECONDS.toNanos(15);
    private static final long NANOS_BETWEEN_HEALTH = TimeUnit.SECONDS.toNanos(5);

    /** Longest that an engine takes to say that it is well, however much it has to do. */
    private static final long MOST_HEALTH_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** Least time between probes that somebody waits for. */
    private static final long LEAST_BETWEEN_PROBES_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Time without a sequence after which what came before is probed for. */
    private static final long LULL_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** How many kept connections in a row may turn out to have ended before a sequence was sent over them. */
    private static final int MOST_STALE = 3;

    private static final PacedLog LOG =
            new PacedLog(LoggerFactory.getLogger(EngineAddress.class), TimeUnit.SECONDS.toNanos(5), System::nanoTime);

    /**
     * Parts that all addresses of a teacher share.
     *
     * @param onChange called when the address may take more, or none any more
     */
    record Shared(
            Dialect dialect,
            Transport transport,
            EngineSettings settings,
            EngineMetrics metrics,
            LongSupplier nanoClock,
            Runnable onChange) {}

    /**
     * Parts that connections are made of.
     *
     * @param loops that they run on
     * @param http2 whether they are HTTP/2, as gRPC is, and not HTTP/1.1
     */
    record Transport(EventLoopGroup loops, EngineAccess access, boolean http2) {}

    /**
     * Expectation of its answers: of which model and size, and the rows that show it.
     *
     * @param engine version that it must state
     * @param probe rows that tell the model
     */
    record Expected(String engine, Dialect.Facts facts, Probe probe, int maxK, int vocabularySize) {}

    private final InetSocketAddress address;
    private final Shared shared;

    @GuardedBy("this")
    private Optional<Expected> expected = Optional.empty();

    @GuardedBy("this")
    private State state = State.DOWN;

    @GuardedBy("this")
    private boolean checking;

    @GuardedBy("this")
    private boolean closed;

    @GuardedBy("this")
    private long nextCheckNanos;

    @GuardedBy("this")
    private long nextHealthNanos;

    @GuardedBy("this")
    private long lastPassNanos;

    /** Somebody waits for what came since a whole probe last began to be vouched for. */
    @GuardedBy("this")
    private boolean hurried;

    @GuardedBy("this")
    private long backoffNanos = LEAST_BACKOFF_NANOS;

    @GuardedBy("this")
    private final Deque<EngineConnection> idle = new ArrayDeque<>();

    /** Connections that a sequence has, of which the others were kept. */
    @GuardedBy("this")
    private final Set<EngineConnection> lent = new HashSet<>();

    @GuardedBy("this")
    private final Set<EngineConnection> open = new HashSet<>();

    @GuardedBy("this")
    private final EngineLoad load;

    /** Time at which a sequence last was in flight no more. */
    @GuardedBy("this")
    private long lastReleaseNanos;

    private final Vouching vouching = new Vouching();

    EngineAddress(InetSocketAddress address, Shared shared) {
        this.address = address;
        this.shared = shared;
        this.load = new EngineLoad(shared.settings().limits());
        this.nextCheckNanos = shared.nanoClock().getAsLong();
        this.nextHealthNanos = nextCheckNanos;
    }

    String name() {
        return address.getHostString() + ":" + address.getPort();
    }

    /** Sets what it is compared with from now on; it is asked for rows once it matches. */
    synchronized void expect(Expected what) {
        expected = Optional.of(what);
    }

    synchronized State state() {
        return state;
    }

    synchronized int inFlight() {
        return load.sequences();
    }

    synchronized double rate() {
        return load.rate();
    }

    /**
     * When it would have answered a sequence more, by its measured rate, in seconds; empty where it takes none now.
     *
     * @param otherwise rate where none has been measured
     */
    synchronized Optional<Double> expectedSeconds(int tokens, double otherwise) {
        return state == State.UP ? load.expectedSeconds(tokens, otherwise) : Optional.empty();
    }

    /** Takes a place for a sequence. */
    synchronized void reserve(int tokens) {
        load.began(tokens, shared.nanoClock().getAsLong());
    }

    /** Gives a place back that was not used. */
    synchronized void giveBack(int tokens) {
        load.ended(tokens);
    }

    private synchronized void release(int tokens, boolean answered) {
        lastReleaseNanos = shared.nanoClock().getAsLong();
        if (answered) {
            load.answered(tokens, lastReleaseNanos);
        } else {
            load.ended(tokens);
        }
    }

    /** Asks, for which a place was {@linkplain #reserve reserved}. Fails with {@link EngineException}. */
    <T> PendingRequest<T> ask(EngineRequest<T> request) {
        PendingRequest<T> pending = new PendingRequest<>();
        AtomicReference<Vouching.Moment> moment = new AtomicReference<>(vouching.now());
        var unused = exchange(pending, request, moment, MOST_STALE).whenComplete((value, failed) -> {
            release(request.tokens(), failed == null);
            if (failed == null) {
                arrived(pending, value, Objects.requireNonNull(moment.get()));
            } else {
                EngineException why = pending.isCancelled()
                        ? new EngineException(Kind.WITHDRAWN, "nobody waits for it")
                        : why(failed);
                tell(why);
                pending.answer.completeExceptionally(why);
            }
            shared.onChange().run();
        });
        return pending;
    }

    /** Answers a request, on the connection's event loop, so that no probe that begins later can vouch for its rows. */
    private <T> void arrived(PendingRequest<T> pending, T value, Vouching.Moment moment) {
        vouching.arrived(moment)
                .ifPresentOrElse(
                        vouched -> pending.answer.complete(new PendingRequest.Arrived<>(value, vouched)),
                        () -> pending.answer.completeExceptionally(new EngineException(
                                Kind.OTHER_WEIGHTS, name() + " was found to have other weights meanwhile")));
    }

    /**
     * Exchanges a request and its answer over a connection that lives; kept ones that had ended, unnoticed, say nothing
     * of the engine.
     *
     * @param moment set to when it is sent
     */
    private <T> CompletableFuture<T> exchange(
            PendingRequest<T> pending,
            EngineRequest<T> request,
            AtomicReference<Vouching.Moment> moment,
            int mostStale) {
        return probed().thenCompose(connection -> {
                    moment.set(vouching.now());
                    if (!pending.on(connection)) {
                        putBack(connection);
                        throw new CompletionException(new EngineException(Kind.WITHDRAWN, "nobody waits for it"));
                    }
                    return value(connection, request, expected().facts().model())
                            .whenComplete((value, failed) -> {
                                pending.off();
                                if (failed == null || isOver(why(failed).kind())) {
                                    putBack(connection);
                                } else {
                                    connection.close(); // whatever more comes over it belongs to nobody
                                    dropLent(connection, why(failed).kind() == Kind.STALE);
                                }
                            });
                })
                .exceptionallyCompose(
                        failed -> why(failed).kind() == Kind.STALE && mostStale > 0 && !pending.isCancelled()
                                ? exchange(pending, request, moment, mostStale - 1)
                                : CompletableFuture.failedFuture(failed));
    }

    /** Whether an exchange that failed so has had its whole answer. */
    private static boolean isOver(Kind kind) {
        return kind == Kind.REFUSED || kind == Kind.FAULT || kind == Kind.BUSY || kind == Kind.UNTRUSTED;
    }

    private synchronized Expected expected() {
        return expected.orElseThrow();
    }

    private <T> CompletableFuture<T> value(EngineConnection connection, EngineRequest<T> request, String model) {
        ValueReader<T> answer = request.reader(shared.dialect());
        return connection
                .ask(request.question(shared.dialect(), model), answer, timeoutNanos())
                .thenApply(done -> {
                    try {
                        return answer.value();
                    } catch (EngineException e) {
                        throw new CompletionException(e);
                    }
                });
    }

    private long timeoutNanos() {
        return shared.settings().limits().answer().toNanos();
    }

    /** A connection that the probe has passed on. */
    private CompletableFuture<EngineConnection> probed() {
        boolean ended = false;
        synchronized (this) {
            EngineConnection kept = idle.pollLast(); // the last one used: others may idle out
            while (kept != null && !kept.isReusable()) {
                ended = true;
                kept = idle.pollLast();
            }
            if (kept != null) {
                lent.add(kept);
                return CompletableFuture.completedFuture(kept);
            }
            ended = ended && lent.isEmpty();
        }
        if (ended) {
            vouching.processEnded();
        }
        return connect().thenCompose(fresh -> {
            Expected what = expected();
            return compare(fresh, what, what.probe().references().subList(0, 1))
                    .thenApply(same -> lend(fresh))
                    .exceptionallyCompose(failed -> {
                        fresh.close();
                        EngineException cause = why(failed);
                        Kind kind = switch (cause.kind()) {
                            case OTHER_WEIGHTS, BUSY, LATE, LEFT -> cause.kind();
                            default -> Kind.GONE;
                        };
                        return CompletableFuture.failedFuture(
                                kind == Kind.OTHER_WEIGHTS
                                        ? cause
                                        : new EngineException(
                                                kind, name() + " does not answer its probe: " + cause.line()));
                    });
        });
    }

    private synchronized EngineConnection lend(EngineConnection fresh) {
        lent.add(fresh);
        return fresh;
    }

    /**
     * A connection that a sequence had is gone.
     *
     * @param hadEnded whether the engine had ended it while it was kept
     */
    private void dropLent(EngineConnection connection, boolean hadEnded) {
        boolean last;
        synchronized (this) {
            lent.remove(connection); // which its end may have done
            last = lent.isEmpty() && idle.isEmpty();
        }
        if (hadEnded && last) {
            vouching.processEnded();
        }
    }

    private CompletableFuture<EngineConnection> connect() {
        CompletableFuture<EngineConnection> made = new CompletableFuture<>();
        var unused = EngineConnection.open(shared.transport(), address, () -> lost(made))
                .whenComplete((connection, failed) -> {
                    if (failed != null) {
                        made.completeExceptionally(failed);
                        return;
                    }
                    boolean late;
                    synchronized (this) {
                        late = closed;
                        if (!late) {
                            open.add(connection);
                        }
                    }
                    if (late) {
                        connection.close();
                    }
                    made.complete(connection);
                });
        return made;
    }

    private void putBack(EngineConnection connection) {
        boolean keep;
        synchronized (this) {
            lent.remove(connection);
            keep = state != State.OTHER_WEIGHTS && !closed && open.contains(connection) && connection.isReusable();
            if (keep) {
                idle.addLast(connection);
            }
        }
        if (!keep) {
            connection.close();
        }
    }

    /**
     * A connection is gone that was made, or was on its way. Where the engine ended the last one that was kept, and none is in use, its
     * process may have ended, and the next one says nothing of what it answered.
     */
    private void lost(CompletableFuture<EngineConnection> made) {
        var unused = made.thenAccept(connection -> {
            boolean lastKept;
            synchronized (this) {
                open.remove(connection);
                boolean wasKept = idle.remove(connection);
                lent.remove(connection);
                lastKept = wasKept && idle.isEmpty() && lent.isEmpty();
            }
            if (lastKept) {
                vouching.processEnded();
            }
        });
    }

    /** Scores sequences of the probe one after the other; fails with {@code OTHER_WEIGHTS} at the first that differs. */
    private CompletableFuture<Void> compare(
            EngineConnection connection, Expected what, List<Probe.Reference> references) {
        CompletableFuture<Void> chain = CompletableFuture.completedFuture(null);
        for (Probe.Reference reference : references) {
            chain = chain.thenCompose(same -> value(
                            connection,
                            reference.request(what.maxK(), what.vocabularySize()),
                            what.facts().model()))
                    .thenAccept(rows -> {
                        Optional<String> difference = what.probe().difference(reference, rows);
                        if (difference.isPresent()) {
                            throw new CompletionException(
                                    new EngineException(Kind.OTHER_WEIGHTS, name() + ": " + difference.get()));
                        }
                    });
        }
        return chain;
    }

    /** Does what is due: the probe of an address that is to be asked (again), the one in between, a look at its health. */
    void tick() {
        long now = shared.nanoClock().getAsLong();
        boolean check;
        boolean look;
        synchronized (this) {
            if (closed || checking || expected.isEmpty()) {
                return;
            }
            if (load.sequences() == 0 && now - lastReleaseNanos >= LULL_NANOS) {
                vouchSoon(); // before the engine ends connections that nothing goes over, which looks like an end of
                // its process
            }
            check = now - nextCheckNanos >= 0;
            look = !check && state == State.UP && now - nextHealthNanos >= 0;
            checking = check || look;
        }
        if (check) {
            check();
        } else if (look) {
            look();
        }
    }

    /** Somebody waits for what it answered to be vouched for: where there is anything, the next probe does not wait for its turn. */
    synchronized void vouchSoon() {
        if (!vouching.owes()) {
            return;
        }
        hurried = true;
        long soon = lastPassNanos + LEAST_BETWEEN_PROBES_NANOS;
        if (state == State.UP && nextCheckNanos - soon > 0) {
            nextCheckNanos = soon;
        }
    }

    /** Whether the engine says that it is well. */
    private void look() {
        WholeAnswer answer = new WholeAnswer();
        var unused = connect()
                .thenCompose(connection -> connection
                        .ask(shared.dialect().health(), answer, Math.min(timeoutNanos(), MOST_HEALTH_NANOS))
                        .whenComplete((well, failed) -> connection.close()))
                .thenAccept(done -> {
                    try {
                        shared.dialect().requireWell(answer);
                    } catch (EngineException e) {
                        throw new CompletionException(e);
                    }
                })
                .whenComplete((well, failed) -> {
                    synchronized (this) {
                        checking = false;
                        nextHealthNanos = shared.nanoClock().getAsLong() + NANOS_BETWEEN_HEALTH;
                    }
                    if (failed != null) {
                        EngineException why = why(failed);
                        // One that says that it is not well will not go on with what it took.
                        down(
                                why.kind() == Kind.BUSY ? Kind.FAULT : why.kind(),
                                name() + " fails its health check: " + why.line());
                    }
                });
    }

    /** The whole probe, on a connection of its own. */
    private void check() {
        synchronized (this) {
            hurried = false;
        }
        List<CompletableFuture<Void>> covered = vouching.beginProbe();
        Expected what = expected();
        boolean isUp = state() == State.UP;
        var unused = connect()
                .thenCompose(connection -> requireSameEngine(connection, what)
                        .thenCompose(same -> isUp ? CompletableFuture.completedStage(null) : requireBound(what))
                        .thenCompose(
                                same -> compare(connection, what, what.probe().references()))
                        .whenComplete((same, failed) -> {
                            if (failed == null) {
                                putBack(connection);
                            } else {
                                connection.close();
                            }
                        }))
                .whenComplete((same, failed) -> {
                    if (failed == null) {
                        passed(covered);
                    } else {
                        failedProbe(why(failed));
                    }
                    shared.onChange().run();
                });
    }

    /** The engine's version and its longest sequence are those that the teacher was made with. */
    private CompletableFuture<Void> requireSameEngine(EngineConnection connection, Expected what) {
        return describe(connection, shared.dialect(), timeoutNanos()).thenAccept(said -> {
            if (!said.version().equals(what.engine()) || !said.facts().equals(what.facts())) {
                throw new CompletionException(new EngineException(
                        Kind.OTHER_WEIGHTS,
                        name() + ": " + said.version() + ", " + said.facts() + " (expected: " + what.engine() + ", "
                                + what.facts() + ", as at the start)"));
            }
        });
    }

    /**
     * Checks that the engine takes as great a k as the teacher says that it has, before it is first asked for rows and
     * after it was gone.
     */
    private CompletableFuture<Void> requireBound(Expected what) {
        CompletableFuture<Void> taken = new CompletableFuture<>();
        // Over a connection of its own, which ends with an answer that is no row.
        var unused = first(
                        RowsRequest.smallest(what.maxK(), what.vocabularySize()),
                        what.facts().model())
                .whenComplete((rows, failed) -> {
                    if (failed == null || isOfItsRows(why(failed).kind())) {
                        taken.complete(null);
                    } else if (why(failed).kind() == Kind.REFUSED) {
                        taken.completeExceptionally(
                                new EngineException(
                                        Kind.OTHER_WEIGHTS,
                                        name() + ": " + why(failed).line() + " (expected: a k of " + what.maxK()
                                                + ", as the engine took at the start; --max-logprobs is the same for all addresses)"));
                    } else {
                        taken.completeExceptionally(why(failed));
                    }
                });
        return taken;
    }

    /** Whether an answer came, which is no row: ids beyond the tokenizer's among so many are the model's padding, and no word on k. */
    static boolean isOfItsRows(Kind kind) {
        return kind == Kind.STRANGE || kind == Kind.NOT_FINITE;
    }

    /** Facts that an engine states of itself. */
    record Said(String version, Dialect.Facts facts) {}

    private static CompletableFuture<Said> describe(EngineConnection connection, Dialect dialect, long timeoutNanos) {
        WholeAnswer version = new WholeAnswer();
        WholeAnswer model = new WholeAnswer();
        return connection
                .ask(dialect.version(), version, timeoutNanos)
                .thenCompose(done -> connection.ask(dialect.model(), model, timeoutNanos))
                .thenApply(done -> {
                    try {
                        return new Said(dialect.version(version), dialect.facts(model));
                    } catch (EngineException e) {
                        throw new CompletionException(e);
                    }
                });
    }

    private void failedProbe(EngineException why) {
        synchronized (this) {
            checking = false;
        }
        boolean others = why.kind() == Kind.OTHER_WEIGHTS;
        shared.metrics()
                .probed(name(), others ? EngineMetrics.Outcome.OTHER_WEIGHTS : EngineMetrics.Outcome.UNANSWERED);
        if (others) {
            otherWeights(why.line());
        } else {
            down(why.kind(), name() + " does not answer its probe: " + why.line());
        }
    }

    private void passed(List<CompletableFuture<Void>> covered) {
        boolean was;
        synchronized (this) {
            checking = false;
            was = state == State.UP;
            state = State.UP;
            backoffNanos = LEAST_BACKOFF_NANOS;
            long now = shared.nanoClock().getAsLong();
            lastPassNanos = now;
            long between = shared.settings().probe().between().toNanos();
            nextCheckNanos = now + (hurried ? Math.min(between, LEAST_BETWEEN_PROBES_NANOS) : between);
            nextHealthNanos = now + NANOS_BETWEEN_HEALTH;
        }
        shared.metrics().probed(name(), EngineMetrics.Outcome.PASSED);
        if (!was) {
            LOG.warn("engine " + name() + " is up: its probe has passed");
        }
        vouching.passed(covered);
    }

    /** Draws from a failure what it says of the address. */
    private void tell(EngineException why) {
        switch (why.kind()) {
            case GONE, STALE, BUSY, UNTRUSTED -> down(why.kind(), why.line());
            case LATE -> lookSoon();
            case OTHER_WEIGHTS -> otherWeights(why.line());
            case FAULT, REFUSED, STRANGE, NOT_FINITE, WITHDRAWN, LEFT -> {} // the sequence's own, or told already
        }
    }

    /** A sequence may be late for its length: whether the address is well is asked for. */
    private synchronized void lookSoon() {
        nextHealthNanos = shared.nanoClock().getAsLong();
    }

    @GuardedBy("this")
    private void retryLater() {
        nextCheckNanos = shared.nanoClock().getAsLong() + backoffNanos;
        backoffNanos = Math.min(2 * backoffNanos, MOST_BACKOFF_NANOS);
    }

    /**
     * No more is asked of it until the whole probe passes. One that is busy, or slow, goes on with what it took; so do connections beside
     * a kept one that had ended. Else all connections end, and what was asked over them is asked for again at no expense. Then the process
     * may end unseen, as it may have where one broke, and the next one's probe says nothing of what it answered.
     */
    private void down(Kind kind, String why) {
        boolean goesOn = kind == Kind.BUSY || kind == Kind.LATE || kind == Kind.STALE;
        if (!goesOn) {
            vouching.processEnded();
        }
        List<EngineConnection> left = List.of();
        synchronized (this) {
            if (state == State.DOWN) {
                if (shared.nanoClock().getAsLong() - nextCheckNanos >= 0) {
                    retryLater();
                }
                return;
            }
            if (state == State.OTHER_WEIGHTS) {
                retryLater();
                return;
            }
            state = State.DOWN;
            retryLater();
            if (!goesOn) {
                left = List.copyOf(open);
                idle.clear();
            }
        }
        LOG.warn("engine " + name() + " is not asked until its probe passes: " + why);
        left.forEach(connection -> connection.leave(why));
    }

    /** Nothing that it answers is served, and what it answered since its last passed probe is disowned. */
    private void otherWeights(String why) {
        List<EngineConnection> left;
        boolean was;
        synchronized (this) {
            was = state == State.OTHER_WEIGHTS;
            state = State.OTHER_WEIGHTS;
            nextCheckNanos = shared.nanoClock().getAsLong()
                    + shared.settings().probe().between().toNanos();
            left = List.copyOf(open);
            idle.clear();
        }
        left.forEach(EngineConnection::close);
        if (!was) {
            LOG.error(
                    "engine " + name() + " has other weights, and is not asked: " + why,
                    new EngineException(Kind.OTHER_WEIGHTS, why));
        }
        vouching.disown("the engine has other weights than it had: " + why);
    }

    /** Asks it what it is, on a connection of its own that is closed again. */
    CompletableFuture<Said> describe() {
        return connect()
                .thenCompose(connection -> describe(connection, shared.dialect(), timeoutNanos())
                        .whenComplete((said, failed) -> connection.close()));
    }

    /** Scores a sequence before anything is expected of it: at the start. */
    CompletableFuture<RowColumns> first(RowsRequest request, String model) {
        return connect()
                .thenCompose(connection ->
                        value(connection, request, model).whenComplete((rows, failed) -> connection.close()));
    }

    /** Returns the reason that a future failed with. */
    static EngineException why(Throwable failed) {
        Throwable cause = failed;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof EngineException known
                ? known
                : new EngineException(Kind.STRANGE, "an answer that cannot be read: " + cause);
    }

    void close() {
        List<EngineConnection> left;
        synchronized (this) {
            closed = true;
            state = State.DOWN;
            left = List.copyOf(open);
            idle.clear();
        }
        left.forEach(EngineConnection::close);
    }
}
