package dev.lyne.client;

import io.opentelemetry.api.OpenTelemetry;
import java.time.Duration;

/**
 * How a client behaves. Made by {@link #builder()}; every way of making one checks the ranges.
 *
 * @param teacher name of the teacher on its server; empty: the server's only one
 * @param student name of the student in the server's metrics and logs, at most 128 characters; may be empty
 * @param windowSequences most sequences offered and not taken, at least 1
 * @param windowTokens most tokens of those sequences, at least 1; a sequence alone always fits
 * @param timeouts how long it waits for what
 * @param seed seed of the jitter
 * @param bypassCache whether servers compute every row afresh
 * @param priority how urgent its work is
 * @param routing which of several replicas is asked
 * @param security how it speaks to servers
 * @param listener told what is waited for
 * @param telemetry where spans of its calls and sequences go
 */
public record ClientOptions(
        String teacher,
        String student,
        int windowSequences,
        long windowTokens,
        Timeouts timeouts,
        long seed,
        boolean bypassCache,
        RequestPriority priority,
        ReplicaRouting routing,
        TeacherSecurity security,
        ClientListener listener,
        OpenTelemetry telemetry) {
    public ClientOptions {
        require(student.length() <= 128, "student", student.length() + " characters", "at most 128");
        require(windowSequences >= 1, "window_sequences", windowSequences, "at least 1");
        require(windowTokens >= 1, "window_tokens", windowTokens, "at least 1");
    }

    /** Returns options that suit one student of a server with one teacher; {@link Builder} holds the values. */
    public static ClientOptions defaults() {
        return builder().build();
    }

    /** Starts from the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** Starts from these options. */
    public Builder toBuilder() {
        return new Builder()
                .teacher(teacher)
                .student(student)
                .window(windowSequences, windowTokens)
                .timeouts(timeouts)
                .seed(seed)
                .bypassCache(bypassCache)
                .priority(priority)
                .routing(routing)
                .security(security)
                .listener(listener)
                .telemetry(telemetry);
    }

    private static void require(boolean holds, String field, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: " + expectation + ")");
        }
    }

    /** Options in the making, with the defaults. Not safe for several threads. */
    public static final class Builder {
        private String teacher = "";
        private String student = "";
        private int windowSequences = 64;
        private long windowTokens = 1 << 18;
        private Duration openTimeout = Timeouts.DEFAULT.open();
        private Duration retryFor = Timeouts.DEFAULT.retry();
        private Duration stuckFor = Timeouts.DEFAULT.stuck();
        private Duration hedgeAfter = Timeouts.DEFAULT.hedge();
        private Duration sequenceTimeout = Timeouts.DEFAULT.sequence();
        private Duration firstBackoff = Timeouts.DEFAULT.firstBackoff();
        private Duration maxBackoff = Timeouts.DEFAULT.maxBackoff();
        private long seed;
        private boolean bypassCache;
        private RequestPriority priority = RequestPriority.USUAL;
        private ReplicaRouting routing = ReplicaRouting.RATE;
        private TeacherSecurity security = TeacherSecurity.LOOPBACK;
        private ClientListener listener = ClientListener.LOGGING;
        private OpenTelemetry telemetry = OpenTelemetry.noop();

        private Builder() {}

        /** Name of the teacher on its server. */
        public Builder teacher(String name) {
            teacher = name;
            return this;
        }

        /** Name of the student in the server's metrics and logs. */
        public Builder student(String name) {
            student = name;
            return this;
        }

        /** Most sequences offered and not taken, and most tokens of them. */
        public Builder window(int sequences, long tokens) {
            windowSequences = sequences;
            windowTokens = tokens;
            return this;
        }

        /** All of them at once. */
        public Builder timeouts(Timeouts timeouts) {
            openTimeout = timeouts.open();
            retryFor = timeouts.retry();
            stuckFor = timeouts.stuck();
            hedgeAfter = timeouts.hedge();
            sequenceTimeout = timeouts.sequence();
            firstBackoff = timeouts.firstBackoff();
            maxBackoff = timeouts.maxBackoff();
            return this;
        }

        /** How long a replica's device may stand still before others get its sequences. */
        public Builder stuckFor(Duration time) {
            stuckFor = time;
            return this;
        }

        /** How long a sequence may go unanswered before another replica is asked for it, too; zero: no other is. */
        public Builder hedgeAfter(Duration time) {
            hedgeAfter = time;
            return this;
        }

        /** Sets the listener that is told what is waited for; by default the log. */
        public Builder listener(ClientListener value) {
            listener = value;
            return this;
        }

        /** Sets where spans of its calls and sequences go; by default nowhere. */
        public Builder telemetry(OpenTelemetry value) {
            telemetry = value;
            return this;
        }

        /** How long a replica may take to open a stream before it is asked anew. */
        public Builder openTimeout(Duration timeout) {
            openTimeout = timeout;
            return this;
        }

        /** How long a stream may go without any progress. */
        public Builder retryFor(Duration time) {
            retryFor = time;
            return this;
        }

        /** How long one attempt at a sequence may take; zero: no limit. */
        public Builder sequenceTimeout(Duration timeout) {
            sequenceTimeout = timeout;
            return this;
        }

        /** First and longest delay before a reconnection. */
        public Builder backoff(Duration first, Duration max) {
            firstBackoff = first;
            maxBackoff = max;
            return this;
        }

        /** Seed of the jitter of those delays. */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Whether servers compute every row afresh. */
        public Builder bypassCache(boolean bypass) {
            bypassCache = bypass;
            return this;
        }

        /** Sets how urgent its work is. */
        public Builder priority(RequestPriority value) {
            priority = value;
            return this;
        }

        /** Sets the rule by which one of several replicas is asked. */
        public Builder routing(ReplicaRouting value) {
            routing = value;
            return this;
        }

        /** Sets how it speaks to servers; by default in plain text, to this machine only. */
        public Builder security(TeacherSecurity value) {
            security = value;
            return this;
        }

        /**
         * The options.
         *
         * @throws IllegalArgumentException if one is out of its range
         */
        public ClientOptions build() {
            return new ClientOptions(
                    teacher,
                    student,
                    windowSequences,
                    windowTokens,
                    new Timeouts(
                            openTimeout, retryFor, stuckFor, hedgeAfter, sequenceTimeout, firstBackoff, maxBackoff),
                    seed,
                    bypassCache,
                    priority,
                    routing,
                    security,
                    listener,
                    telemetry);
        }
    }
}
