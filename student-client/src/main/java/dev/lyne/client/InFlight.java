package dev.lyne.client;

import dev.lyne.v1.Credit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The sequences that a server has been sent on one call and has not answered, against the credit that it granted. A withdrawn
 * one keeps its credit until the server has answered. Guarded by its pool's lock.
 */
final class InFlight {
    private final Map<Long, Attempt> attempts = new LinkedHashMap<>();
    private long tokens;
    private long creditSequences;
    private long creditTokens;

    /** Takes the server's word for how much may be in flight from now on. */
    void grant(Credit credit) {
        creditSequences = Integer.toUnsignedLong(credit.getSequences());
        creditTokens = credit.getTokens() < 0 ? Long.MAX_VALUE : credit.getTokens();
    }

    /** Whether the server takes no more: it drains, and answers what it has. */
    boolean isClosed() {
        return creditSequences == 0;
    }

    /** Whether the credit has room; one sequence alone always fits. */
    boolean hasRoomFor(int moreTokens) {
        return !isClosed()
                && (attempts.isEmpty() || (attempts.size() < creditSequences && tokens + moreTokens <= creditTokens));
    }

    void add(Attempt attempt) {
        attempts.put(attempt.wireId, attempt);
        tokens += attempt.entry.tokens();
    }

    void remove(Attempt attempt) {
        attempts.remove(attempt.wireId);
        attempt.span.end();
        tokens -= attempt.entry.tokens();
    }

    /** Forgets all of them; returns those that were not withdrawn. */
    List<Attempt> removeAll() {
        List<Attempt> wanted =
                attempts.values().stream().filter(attempt -> !attempt.withdrawn).toList();
        attempts.values().forEach(attempt -> attempt.span.end());
        attempts.clear();
        tokens = 0;
        return wanted;
    }

    @Nullable
    Attempt get(long wireId) {
        return attempts.get(wireId);
    }

    int size() {
        return attempts.size();
    }

    /** All of them, in the order they were sent. */
    List<Attempt> all() {
        return List.copyOf(attempts.values());
    }

    /** The one that was sent first. */
    @Nullable
    Attempt oldest() {
        return attempts.isEmpty() ? null : attempts.values().iterator().next();
    }

    long tokens() {
        return tokens;
    }

    /** Returns the attempts that have waited too long. */
    List<Attempt> late(long nowNanos) {
        return attempts.values().stream()
                .filter(attempt -> !attempt.withdrawn && nowNanos >= attempt.deadlineNanos)
                .toList();
    }

    /** Returns the time at which the next of them will have waited too long; Long.MAX_VALUE: never. */
    long nextDeadlineNanos() {
        long next = Long.MAX_VALUE;
        for (Attempt attempt : attempts.values()) {
            next = attempt.withdrawn ? next : Math.min(next, attempt.deadlineNanos);
        }
        return next;
    }
}
