package dev.lyne.teacher.trace;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Spans of the texts of a session of Decode, each from its start until it has ended or failed, or the session has. Safe for several threads;
 * what comes after the end is nothing.
 */
public final class TextTraces {
    /** Of a session that nobody traces. */
    static final TextTraces NONE = new TextTraces(Optional.empty());

    private static final AttributeKey<Long> TAKEN = AttributeKey.longKey("lyne.taken");
    private static final AttributeKey<Long> DRAWN = AttributeKey.longKey("lyne.drawn");

    /** A text that somebody traces. */
    private static final class Text {
        private final Span span;
        private long taken;
        private long drawn;

        Text(Span span) {
            this.span = span;
        }

        void end() {
            span.setAttribute(TAKEN, taken);
            span.setAttribute(DRAWN, drawn);
            span.end();
        }
    }

    /** Makes a span of a text. */
    interface Begins {
        Span text(int number, int tokens);
    }

    private final Optional<Begins> begins;

    @GuardedBy("this")
    private final Map<Integer, Text> live = new HashMap<>();

    @GuardedBy("this")
    private boolean over;

    TextTraces(Optional<Begins> begins) {
        this.begins = begins;
    }

    /**
     * A text begins.
     *
     * @param number that it has in its session
     * @param tokens that it begins with
     */
    public void started(int number, int tokens) {
        if (begins.isEmpty()) {
            return;
        }
        synchronized (this) {
            Span span = over ? Span.getInvalid() : begins.get().text(number, tokens);
            if (span.isRecording()) {
                live.put(number, new Text(span));
            }
        }
    }

    /** Tokens of a text were answered. */
    public void answered(int number, int taken, int drawn) {
        if (begins.isEmpty()) {
            return;
        }
        synchronized (this) {
            Text text = live.get(number);
            if (text != null) {
                text.taken += taken;
                text.drawn += drawn;
            }
        }
    }

    /** A text has ended. */
    public void ended(int number) {
        if (begins.isEmpty()) {
            return;
        }
        synchronized (this) {
            Text text = live.remove(number);
            if (text != null) {
                text.end();
            }
        }
    }

    /** A text has failed. */
    public void failed(int number, String reason, String message) {
        if (begins.isEmpty()) {
            return;
        }
        synchronized (this) {
            Text text = live.remove(number);
            if (text != null) {
                text.span.setStatus(StatusCode.ERROR, reason + ": " + message);
                text.end();
            }
        }
    }

    /** The session is over, and what is left of its texts with it. */
    public void end() {
        if (begins.isEmpty()) {
            return;
        }
        synchronized (this) {
            over = true;
            live.values().forEach(Text::end);
            live.clear();
        }
    }
}
