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
    private final Map<Long, Ask> asks = new LinkedHashMap<>();
    private long tokens;
    private long creditSequences;
    private long creditTokens;

    /** Takes the server's word for how much may be in flight from now on. */
    void grant(Credit credit) {
        creditSequences = Integer.toUnsignedLong(credit.getSequences());
        creditTokens = credit.getTokens() < 0 ? Long.MAX_VALUE : credit.getTokens();
    }

    /** Whether the credit has room; one sequence alone always fits. */
    boolean hasRoomFor(int moreTokens) {
        return asks.isEmpty() || (asks.size() < creditSequences && tokens + moreTokens <= creditTokens);
    }

    void add(Ask ask) {
        asks.put(ask.wireId, ask);
        tokens += ask.entry.tokens();
    }

    void remove(Ask ask) {
        asks.remove(ask.wireId);
        tokens -= ask.entry.tokens();
    }

    /** Forgets all of them; returns those that were not withdrawn. */
    List<Ask> removeAll() {
        List<Ask> wanted = asks.values().stream().filter(ask -> !ask.withdrawn).toList();
        asks.clear();
        tokens = 0;
        return wanted;
    }

    @Nullable
    Ask get(long wireId) {
        return asks.get(wireId);
    }

    int size() {
        return asks.size();
    }

    /** All of them, in the order they were sent. */
    List<Ask> all() {
        return List.copyOf(asks.values());
    }

    /** The one that was sent first. */
    @Nullable
    Ask oldest() {
        return asks.isEmpty() ? null : asks.values().iterator().next();
    }

    long tokens() {
        return tokens;
    }

    /** Those that have waited too long. */
    List<Ask> late(long nowNanos) {
        return asks.values().stream()
                .filter(ask -> !ask.withdrawn && nowNanos >= ask.deadlineNanos)
                .toList();
    }

    /** When the next of them will have waited too long; Long.MAX_VALUE: never. */
    long nextDeadlineNanos() {
        long next = Long.MAX_VALUE;
        for (Ask ask : asks.values()) {
            next = ask.withdrawn ? next : Math.min(next, ask.deadlineNanos);
        }
        return next;
    }
}
