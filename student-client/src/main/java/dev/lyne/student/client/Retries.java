package dev.lyne.student.client;

import io.grpc.Status;

/** Decides whether a sequence that an ask came to nothing for is asked again. Guarded by its stream's lock. */
final class Retries {
    private static final int MOST_LATE = 3;
    private static final int MOST_FAULTS = 2;

    private final Window window;
    private final ClientOptions options;

    Retries(Window window, ClientOptions options) {
        this.window = window;
        this.options = options;
    }

    /** Puts the sequence back among the waiting ones, or fails it for good. Returns whether it is asked again. */
    boolean askAgain(Link link, Ask ask, Failure failure, Failure.Remedy remedy, long nowNanos) {
        Entry entry = ask.entry;
        if (entry.failures++ == 0) {
            entry.firstFailureNanos = nowNanos;
        }
        boolean again = switch (remedy) {
            case GIVE_UP -> false;
            case RETRY_FEW ->
                ++entry.faults < (failure.code() == Status.Code.DEADLINE_EXCEEDED ? MOST_LATE : MOST_FAULTS);
            case RETRY ->
                nowNanos - entry.firstFailureNanos < options.retryFor().toNanos();
        };
        if (again) {
            entry.lastFailedOn = link;
            window.askAgain(entry, ask.receivedBytes());
            return true;
        }
        String attempts = entry.failures == 1 ? "" : " (after " + entry.failures + " attempts)";
        window.fail(
                entry,
                new SequenceFailedException(
                        entry.sequence.id(),
                        failure.code(),
                        "teacher " + link.replica.label() + ": " + failure.description() + attempts),
                ask.receivedBytes());
        return false;
    }
}
