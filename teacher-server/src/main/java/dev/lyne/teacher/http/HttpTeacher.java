package dev.lyne.teacher.http;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.model.TextCodec;
import dev.lyne.teacher.score.Scorer;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Optional;
import org.slf4j.LoggerFactory;

/**
 * A teacher that can be asked for over HTTP, with the requests that use it: its tokenizer stays open until the last of them has been answered.
 * Safe for several threads.
 */
public final class HttpTeacher {
    private static final PacedLog DISOWNED = new PacedLog(LoggerFactory.getLogger(HttpTeacher.class));

    private final TeacherDescription description;
    private final Scorer sequences;
    private final Optional<TextCodec> text;
    private final Counter disowned;

    @GuardedBy("this")
    private int users;

    @GuardedBy("this")
    private boolean closed;

    @GuardedBy("this")
    private boolean released;

    /**
     * A teacher that nobody uses yet.
     *
     * @param sequences the stage that answers its sequences
     * @param text its tokenizer, where it has one, to be closed with it
     */
    public HttpTeacher(
            TeacherDescription description, Scorer sequences, Optional<TextCodec> text, MeterRegistry registry) {
        this.description = description;
        this.sequences = sequences;
        this.text = text;
        this.disowned = Counter.builder("lyne.teacher.http.disowned.rows")
                .description(
                        "Rows that HTTP requests were answered with, and that an engine's probe then did not vouch for")
                .tag("teacher", description.name())
                .register(registry);
    }

    /** Counts rows that somebody has, and that are another model's; nobody can be told any more. */
    void disowned(int rows, Throwable why) {
        disowned.increment(rows);
        DISOWNED.warn(rows + " rows that an HTTP request of " + description.name()
                + " was answered with may be another model's: " + why.getMessage()
                + " (expected: none of them be learnt from; vouched_only waits for the probe)");
    }

    TeacherDescription description() {
        return description;
    }

    Scorer sequences() {
        return sequences;
    }

    Optional<TextCodec> text() {
        return text;
    }

    int maxK(int limit) {
        return Math.min(Math.min(limit, sequences.maxK()), description.vocabularySize());
    }

    /** Counts a request, whose {@link #end} is then owed; false where the teacher is closed. */
    synchronized boolean begin() {
        if (closed) {
            return false;
        }
        users++;
        return true;
    }

    synchronized void end() {
        users--;
        if (users == 0) {
            notifyAll();
            closeWhereUnused();
        }
    }

    /** Takes no more requests, and waits for the answers to those that there are; false where some are not out by then. */
    public synchronized boolean awaitAnswered(long waitNanos) throws InterruptedException {
        closed = true;
        closeWhereUnused();
        long end = System.nanoTime() + waitNanos;
        while (users > 0) {
            long left = end - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            wait(left / 1_000_000, (int) (left % 1_000_000));
        }
        return true;
    }

    /** Takes no more requests. */
    public synchronized void close() {
        closed = true;
        closeWhereUnused();
    }

    private synchronized void closeWhereUnused() {
        if (closed && users == 0 && !released) {
            released = true;
            text.ifPresent(TextCodec::close);
        }
    }

    /** Token ids of a text, which is refused unread where it has more than fit. May take long: not for an event loop. */
    int[] encode(String prompt, boolean specialTokens) throws BadRequest {
        if (text.isEmpty()) {
            throw new BadRequest("prompt", "prompt: text (expected: token ids; the teacher has no tokenizer)");
        }
        long most = (long) description.contextLength() * text.get().longestToken();
        if (prompt.length() > most) {
            throw new BadRequest(
                    "prompt",
                    "prompt: text of " + prompt.length() + " characters (expected: at most " + most
                            + ", context_length=" + description.contextLength() + " of the longest token's)");
        }
        try {
            return text.get().encode(prompt, specialTokens);
        } catch (IllegalArgumentException e) {
            throw new BadRequest("prompt", "prompt: " + e.getMessage());
        }
    }
}
