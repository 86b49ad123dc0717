package dev.lyne.load.run;

import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.profile.Request;
import dev.lyne.load.profile.RequestSource;
import dev.lyne.load.profile.Seeds;
import dev.lyne.load.run.Backlog.PendingSequence;
import dev.lyne.load.wire.Connections;
import dev.lyne.load.wire.RowStream;
import dev.lyne.load.wire.StreamEvents;
import dev.lyne.load.wire.StreamKind;
import dev.lyne.row.RowSource;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.MalformedBlockException;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * One student. The queue of events and the stream's events call it from their threads; everything holds its lock, and nothing blocks.
 *
 * <p>A sequence's clock starts when it was due, not when it was sent: an open loop's by its schedule, a closed loop's when its
 * place in the window came free. It goes on through refusals and lost streams until the rows are there.
 */
final class LoadStudent {
    private static final long RETRY_NANOS = 200_000_000;

    private final int number;
    private final long firstIndex;
    private final LoadProfile profile;
    private final RequestSource requests;
    private final StreamKind kind;
    private final EventQueue events;
    private final Meter meter;
    private final Consumer<String> fatal;
    private final SplittableRandom behaviour;
    private final int window; // 0 in an open loop
    private final double thinkNanos;

    private final Backlog backlog = new Backlog();
    private final StudentStream stream;
    private int vocabularySize; // 0 until the stream's first message
    private int creditSequences;
    private long creditTokens;
    private int pausing; // places of a closed loop's window whose student thinks
    private boolean everOpened;
    private boolean stopped;

    /**
     * Parts that the students of a step share.
     *
     * @param firstIndex index of the first sequence to ask for
     * @param fatal told why the whole run is void
     */
    record Shared(
            long firstIndex,
            LoadProfile profile,
            RequestSource requests,
            Connections connections,
            EventQueue events,
            Meter meter,
            Consumer<String> fatal) {}

    LoadStudent(int number, Shared shared) {
        this.number = number;
        this.firstIndex = shared.firstIndex();
        this.profile = shared.profile();
        this.requests = shared.requests();
        this.events = shared.events();
        this.meter = shared.meter();
        this.fatal = shared.fatal();
        this.behaviour = new SplittableRandom(Seeds.of(profile.seed(), number, Seeds.BEHAVIOUR));
        this.window = profile.arrivals() instanceof Arrivals.Closed closed ? closed.window() : 0;
        this.thinkNanos = profile.arrivals() instanceof Arrivals.Closed closed ? closed.thinkMillis() * 1e6 : 0;
        this.kind = new StreamKind(
                "load-" + number,
                profile.requests().selections().of(number, profile.share().students()),
                profile.requests().precision(),
                profile.requests().rawLogits(),
                profile.decode());
        this.stream = new StudentStream(number, kind, shared.connections(), this, new Events(), this::check);
    }

    /** Opens the stream and plans what this student does to it. */
    synchronized void start() {
        connect();
        plan(profile.faults().stallEverySeconds(), this::stall);
        plan(profile.faults().disconnectEverySeconds(), this::disconnect);
    }

    /** A sequence of an open loop is due. */
    synchronized void arrive(long intendedNanos) {
        if (!stopped) {
            due(intendedNanos);
            send();
        }
    }

    /** Asks for no more; what was due is still waited for. */
    synchronized void stop() {
        stopped = true;
    }

    /** Whether anything that was due in the counted window is unanswered. */
    synchronized boolean owes() {
        return backlog.all().anyMatch(one -> meter.counts(one.intendedNanos));
    }

    /** Gives up what is unanswered and drops the stream. */
    synchronized void end() {
        stopped = true;
        long now = events.now();
        backlog.all().forEach(one -> meter.gaveUp(one.intendedNanos, now));
        backlog.clear();
        stream.drop();
    }

    private void connect() {
        vocabularySize = 0;
        stream.connect();
    }

    private void due(long intendedNanos) {
        backlog.add(intendedNanos);
        meter.due(intendedNanos, events.now());
    }

    /** Sends what the window, the schedule and the granted credit allow. */
    private void send() {
        RowStream open = stream.open();
        if (open == null || vocabularySize == 0) {
            return;
        }
        while (true) {
            if (backlog.next() == null && !stopped && backlog.outstanding() + pausing < window) {
                due(events.now());
            }
            PendingSequence next = backlog.next();
            if (next == null) {
                return;
            }
            Request request = next.request;
            if (request == null) {
                request = requests.request(number, firstIndex + next.id, vocabularySize, kind.selection());
                next.request = request;
            }
            if (!backlog.fits(request.tokens(), creditSequences, creditTokens)) {
                return;
            }
            backlog.sent(next, request);
            open.ask(next.id, request.body());
        }
    }

    /** A place of the window is free again, after the student's pause. */
    private void goOn(double pauseNanos) {
        if (window > 0 && pauseNanos > 0) {
            pausing++;
            events.at(events.now() + (long) pauseNanos, this::pauseEnds);
        }
        send();
    }

    private synchronized void pauseEnds() {
        pausing--;
        send();
    }

    private double exponential(double mean) {
        return -Math.log1p(-behaviour.nextDouble()) * mean;
    }

    private void plan(double meanSeconds, Runnable task) {
        if (meanSeconds > 0) {
            events.at(events.now() + (long) exponential(meanSeconds * 1e9), task);
        }
    }

    private synchronized void stall() {
        if (!stopped) {
            stream.stall();
            events.at(events.now() + (long) (profile.faults().stallSeconds() * 1e9), this::stallEnds);
        }
    }

    private synchronized void stallEnds() {
        stream.stallEnds();
        plan(profile.faults().stallEverySeconds(), this::stall);
    }

    private synchronized void disconnect() {
        if (stopped) {
            return;
        }
        stream.drop();
        meter.reconnected(events.now());
        backlog.resend();
        connect();
        plan(profile.faults().disconnectEverySeconds(), this::disconnect);
    }

    private synchronized void reconnect(int lost) {
        if (stream.number() == lost && !(stopped && backlog.isEmpty())) {
            connect();
        }
    }

    private synchronized void again(PendingSequence one) {
        if (backlog.again(one)) {
            send();
        }
    }

    /** Any thread may call it. */
    private void check(byte[] block) {
        try {
            int unused = BlockDecoder.decode(ByteBuffer.wrap(block)).rows();
        } catch (IllegalArgumentException | MalformedBlockException e) {
            fatal.accept("a block cannot be decoded: " + e.getMessage());
        }
    }

    /** Listener of the stream, called with this student's lock held. */
    private final class Events implements StreamEvents {
        @Override
        public void teacher(String description) {
            meter.opened(description);
        }

        @Override
        public void opened(int vocabulary, int sequences, long tokens) {
            everOpened = true;
            vocabularySize = vocabulary;
            credit(sequences, tokens);
        }

        @Override
        public void credit(int sequences, long tokens) {
            creditSequences = sequences;
            creditTokens = tokens;
            send();
        }

        @Override
        public void rows(long id, RowSource source, int bytes, byte[] block) {
            PendingSequence one = backlog.inFlight(id);
            if (one != null) {
                one.bytes += bytes;
                one.source = source;
            }
        }

        @Override
        public void done(long id, int rows) {
            PendingSequence one = backlog.take(id);
            if (one != null) {
                meter.answered(one.intendedNanos, events.now(), rows, one.bytes, one.source);
                goOn(thinkNanos > 0 ? exponential(thinkNanos) : 0);
            }
        }

        @Override
        public void failed(long id, String reason, String message, long retryNanos) {
            PendingSequence one = backlog.take(id);
            if (one == null) {
                return;
            }
            meter.refused(reason, message, one.intendedNanos);
            if (retryNanos > 0) {
                backlog.refuse(one);
                events.at(events.now() + retryNanos, () -> again(one));
            } else {
                meter.failed(one.intendedNanos);
                goOn(RETRY_NANOS);
            }
        }

        @Override
        public void closed(String code, String message) {
            if (!everOpened) {
                fatal.accept("no stream: " + code + ": " + message);
                return;
            }
            int lost = stream.number();
            meter.refused("STREAM_" + code, message, events.now());
            meter.reconnected(events.now());
            backlog.resend();
            events.at(events.now() + RETRY_NANOS, () -> reconnect(lost));
        }
    }
}
