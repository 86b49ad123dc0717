package dev.lyne.teacher.http;

import java.util.concurrent.atomic.AtomicLong;

/** Room for the rows of requests that are computed or being written, over the whole door. Safe for several threads. */
final class RowBudget {
    private final long maxBytes;
    private final AtomicLong held = new AtomicLong();

    RowBudget(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** Takes room for a request's rows, or refuses it: for good where they would never fit, else for now. */
    void take(long bytes) throws BadRequest {
        if (bytes > maxBytes) {
            throw new BadRequest(
                    "prompt",
                    "rows of up to " + bytes + " bytes (expected: at most " + maxBytes
                            + "; send fewer prompts at a time)");
        }
        if (held.addAndGet(bytes) > maxBytes) {
            held.addAndGet(-bytes);
            throw new BadRequest(503, "", "the door holds as many rows as it may (expected: the same request later)");
        }
    }

    void give(long bytes) {
        held.addAndGet(-bytes);
    }

    long heldBytes() {
        return held.get();
    }
}
