package dev.lyne.load.run;

import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.profile.Request;
import dev.lyne.load.profile.RequestSource;
import dev.lyne.load.profile.Seeds;
import dev.lyne.load.run.Backlog.Asked;
import dev.lyne.load.wire.Connections;
import dev.lyne.load.wire.RowStream;
import dev.lyne.load.wire.StreamEvents;
import dev.lyne.load.wire.StreamKind;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.MalformedBlockException;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One student. The agenda and the stream's events call it from their threads; every method holds its lock, and none blocks.
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
    private final Connections connections;
    private final Agenda agenda;
    private final Meter meter;
    private final Consumer<String> fatal;
    private final SplittableRandom behaviour;
    private final int window; // 0 in an open loop
    private final double thinkNanos;

    private final Backlog backlog = new Backlog();
    private @Nullable RowStream stream;
    private int generation; // of the stream; events of an earlier one are not this student's any more
    private int vocabularySize;
    private int creditSequences;
    private long creditTokens;
    private int pausing; // places of a closed loop's window whose student thinks
    private boolean everOpened;
    private boolean stopped;
    private boolean stalled;
    private int withheld; // messages taken while stalled, not let in again

    /** @param firstIndex index of the first sequence to ask for */
    LoadStudent(
            int number,
            long firstIndex,
            LoadProfile profile,
            RequestSource requests,
            Connections connections,
            Agenda agenda,
            Meter meter,
            Consumer<String> fatal) {
        this.number = number;
        this.firstIndex = firstIndex;
        this.profile = profile;
        this.requests = requests;
        this.connections = connections;
        this.agenda = agenda;
        this.meter = meter;
        this.fatal = fatal;
        this.behaviour = new SplittableRandom(Seeds.of(profile.seed(), number, Seeds.BEHAVIOUR));
        this.window = profile.arrivals() instanceof Arrivals.Closed closed ? closed.window() : 0;
        this.thinkNanos = profile.arrivals() instanceof Arrivals.Closed closed ? closed.thinkMillis() * 1e6 : 0;
        this.kind = new StreamKind(
                "load-" + number,
                profile.selections().of(number, profile.students()),
                profile.precision(),
                profile.rawLogits(),
                profile.decode());
    }

    /** Opens the stream and plans what this student does to it. */
    synchronized void start() {
        connect();
        plan(profile.trouble().stallEverySeconds(), this::stall);
        plan(profile.trouble().disconnectEverySeconds(), this::disconnect);
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
        long now = agenda.now();
        backlog.all().forEach(one -> meter.gaveUp(one.intendedNanos, now));
        backlog.clear();
        generation++;
        if (stream != null) {
            stream.drop();
            stream = null;
        }
    }

    private void connect() {
        vocabularySize = 0;
        withheld = 0;
        int mine = ++generation;
        stream = connections.open(number, kind, new Events(mine));
    }

    private void due(long intendedNanos) {
        backlog.add(intendedNanos);
        meter.due(intendedNanos, agenda.now());
    }

    /** Sends what the window, the schedule and the granted credit allow. */
    private void send() {
        RowStream open = stream;
        if (open == null || vocabularySize == 0) {
            return;
        }
        while (true) {
            if (backlog.next() == null && !stopped && backlog.outstanding() + pausing < window) {
                due(agenda.now());
            }
            Asked next = backlog.next();
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
            agenda.at(agenda.now() + (long) pauseNanos, this::pauseEnds);
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
            agenda.at(agenda.now() + (long) exponential(meanSeconds * 1e9), task);
        }
    }

    private synchronized void stall() {
        if (!stopped) {
            stalled = true;
            agenda.at(agenda.now() + (long) (profile.trouble().stallSeconds() * 1e9), this::stallEnds);
        }
    }

    private synchronized void stallEnds() {
        stalled = false;
        if (stream != null && withheld > 0) {
            stream.read(withheld);
            withheld = 0;
        }
        plan(profile.trouble().stallEverySeconds(), this::stall);
    }

    private synchronized void disconnect() {
        if (stopped) {
            return;
        }
        RowStream dropped = stream;
        generation++;
        stream = null;
        if (dropped != null) {
            dropped.drop();
        }
        meter.reconnected(agenda.now());
        backlog.askAgain();
        connect();
        plan(profile.trouble().disconnectEverySeconds(), this::disconnect);
    }

    private synchronized void reconnect(int lost) {
        if (generation == lost && !(stopped && backlog.isEmpty())) {
            connect();
        }
    }

    private synchronized void again(Asked one) {
        if (backlog.again(one)) {
            send();
        }
    }

    /** Events of one stream. */
    private final class Events implements StreamEvents {
        private final int mine;

        Events(int mine) {
            this.mine = mine;
        }

        /** Lets the next message in, unless the student stalls. */
        private boolean current() {
            if (mine != generation) {
                return false;
            }
            RowStream open = stream;
            if (stalled || open == null) {
                withheld++;
            } else {
                open.read(1);
            }
            return true;
        }

        @Override
        public void opened(int vocabulary, int sequences, long tokens) {
            synchronized (LoadStudent.this) {
                if (current()) {
                    everOpened = true;
                    vocabularySize = vocabulary;
                    grant(sequences, tokens);
                }
            }
        }

        @Override
        public void credit(int sequences, long tokens) {
            synchronized (LoadStudent.this) {
                if (current()) {
                    grant(sequences, tokens);
                }
            }
        }

        private void grant(int sequences, long tokens) {
            creditSequences = sequences;
            creditTokens = tokens;
            send();
        }

        @Override
        public void rows(long id, int source, int bytes, byte[] block) {
            if (profile.decode()) {
                check(block);
            }
            synchronized (LoadStudent.this) {
                Asked one = current() ? backlog.inFlight(id) : null;
                if (one != null) {
                    one.bytes += bytes;
                    one.source = Source.of(source);
                }
            }
        }

        private void check(byte[] block) {
            try {
                int unused = BlockDecoder.decode(ByteBuffer.wrap(block)).rows();
            } catch (IllegalArgumentException | MalformedBlockException e) {
                fatal.accept("a block cannot be decoded: " + e.getMessage());
            }
        }

        @Override
        public void done(long id, int rows) {
            synchronized (LoadStudent.this) {
                Asked one = current() ? backlog.take(id) : null;
                if (one != null) {
                    meter.answered(one.intendedNanos, agenda.now(), rows, one.bytes, one.source);
                    goOn(thinkNanos > 0 ? exponential(thinkNanos) : 0);
                }
            }
        }

        @Override
        public void failed(long id, String reason, String message, long retryNanos) {
            synchronized (LoadStudent.this) {
                Asked one = current() ? backlog.take(id) : null;
                if (one == null) {
                    return;
                }
                meter.refused(reason, agenda.now());
                if (retryNanos > 0) {
                    backlog.refuse(one);
                    agenda.at(agenda.now() + retryNanos, () -> again(one));
                } else {
                    meter.failed(one.intendedNanos);
                    goOn(RETRY_NANOS);
                }
            }
        }

        @Override
        public void closed(String code, String message) {
            synchronized (LoadStudent.this) {
                if (mine != generation) {
                    return;
                }
                stream = null;
                if (!everOpened) {
                    fatal.accept("no stream: " + code + ": " + message);
                    return;
                }
                meter.refused("STREAM_" + code, agenda.now());
                meter.reconnected(agenda.now());
                backlog.askAgain();
                agenda.at(agenda.now() + RETRY_NANOS, () -> reconnect(mine));
            }
        }
    }
}
