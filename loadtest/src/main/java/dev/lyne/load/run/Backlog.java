package dev.lyne.load.run;

import dev.lyne.load.profile.Request;
import dev.lyne.row.RowSource;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A student's sequences that were due and are not answered: waiting to be sent, in flight, or refused for now. Its student's lock guards it. */
final class Backlog {
    private final ArrayDeque<PendingSequence> waiting = new ArrayDeque<>();
    private final Map<Long, PendingSequence> inFlight = new LinkedHashMap<>();
    private final Set<PendingSequence> refused = new LinkedHashSet<>();
    private long tokensInFlight;
    private long asked;

    /** A sequence that was due. */
    static final class PendingSequence {
        final long id;
        final long intendedNanos;

        @Nullable
        Request request; // made when it is first sent

        long bytes;
        RowSource source = RowSource.COMPUTED; // of its latest rows; no rows cost nothing

        private PendingSequence(long id, long intendedNanos) {
            this.id = id;
            this.intendedNanos = intendedNanos;
        }
    }

    /** A sequence is due. */
    void add(long intendedNanos) {
        waiting.add(new PendingSequence(asked++, intendedNanos));
    }

    /** The sequence to send next. */
    @Nullable
    PendingSequence next() {
        return waiting.peek();
    }

    /** Whether what the server granted lets a sequence of so many tokens go; one alone always may. */
    boolean fits(int tokens, int creditSequences, long creditTokens) {
        return inFlight.isEmpty() || inFlight.size() < creditSequences && tokensInFlight + tokens <= creditTokens;
    }

    /** The next sequence was sent. */
    void sent(PendingSequence next, Request request) {
        waiting.remove();
        inFlight.put(next.id, next);
        tokensInFlight += request.tokens();
    }

    /** A sequence in flight. */
    @Nullable
    PendingSequence inFlight(long id) {
        return inFlight.get(id);
    }

    /** A sequence is in flight no more. */
    @Nullable
    PendingSequence take(long id) {
        PendingSequence one = inFlight.remove(id);
        if (one != null && one.request != null) {
            tokensInFlight -= one.request.tokens();
        }
        return one;
    }

    /** A sequence that was taken is to be sent again later. */
    void refuse(PendingSequence one) {
        one.bytes = 0;
        refused.add(one);
    }

    /** A refused sequence is next; false where it was given up meanwhile. */
    boolean again(PendingSequence one) {
        if (!refused.remove(one)) {
            return false;
        }
        waiting.addFirst(one);
        return true;
    }

    /** Puts what was in flight on a stream that is gone first in line, in its order. */
    void resend() {
        PendingSequence[] lost = inFlight.values().toArray(PendingSequence[]::new);
        for (int i = lost.length - 1; i >= 0; i--) {
            lost[i].bytes = 0;
            waiting.addFirst(lost[i]);
        }
        inFlight.clear();
        tokensInFlight = 0;
    }

    /** Sequences in flight and refused. */
    int outstanding() {
        return inFlight.size() + refused.size();
    }

    boolean isEmpty() {
        return waiting.isEmpty() && inFlight.isEmpty() && refused.isEmpty();
    }

    Stream<PendingSequence> all() {
        return Stream.of(waiting, inFlight.values(), refused).flatMap(Collection::stream);
    }

    void clear() {
        waiting.clear();
        inFlight.clear();
        refused.clear();
        tokensInFlight = 0;
    }
}
