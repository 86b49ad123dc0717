package dev.lyne.teacher.http;

import java.util.concurrent.atomic.AtomicLong;

/** Memory for the bodies of requests, over the whole door: as they arrive and while they are read. Safe for several threads. */
final class BodyBudget {
    private final long maxBytes;
    private final AtomicLong held = new AtomicLong();

    BodyBudget(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /**
     * Takes room where it is there; where nobody else holds any, always, so that no body is refused for ever.
     *
     * @param own what the body holds already
     */
    boolean take(long bytes, long own) {
        long before = held.getAndAdd(bytes);
        if (bytes > 0 && before > own && before + bytes > maxBytes) {
            held.addAndGet(-bytes);
            return false;
        }
        return true;
    }

    void give(long bytes) {
        held.addAndGet(-bytes);
    }

    long heldBytes() {
        return held.get();
    }

    static BadRequest refusal() {
        return new BadRequest(503, "", "the door holds as many requests as it may (expected: the same request later)");
    }
}
