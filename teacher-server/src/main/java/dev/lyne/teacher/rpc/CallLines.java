package dev.lyne.teacher.rpc;

import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.tenant.Flow;
import java.util.concurrent.TimeUnit;
import org.slf4j.LoggerFactory;

/** Lines of the log that say that a call opened, and ended with what came of it, one each: many at once, and then at most one a second. */
final class CallLines {
    private static final int LINES_AT_ONCE = 64;

    /** Lines of streams of rows. */
    static final CallLines STREAMS = new CallLines("stream");

    /** Lines of sessions of Decode. */
    static final CallLines SESSIONS = new CallLines("session");

    private final String what;
    private final PacedLog opened = paced();
    private final PacedLog ended = paced();

    private CallLines(String what) {
        this.what = what;
    }

    private static PacedLog paced() {
        return new PacedLog(
                LoggerFactory.getLogger(CallLines.class), TimeUnit.SECONDS.toNanos(1), System::nanoTime, LINES_AT_ONCE);
    }

    /**
     * A call opened.
     *
     * @param terms what it asks for, as {@code key=value}
     */
    void opened(Flow flow, String student, String teacher, String terms) {
        opened.info(what + " opened: " + who(flow, student) + " teacher=" + teacher + " class="
                + flow.priority().label() + " " + terms);
    }

    /**
     * A call ended.
     *
     * @param reason why, in a word
     * @param totals what came of it, as {@code key=value}
     */
    void ended(Flow flow, String student, long nanos, String reason, String totals) {
        ended.info(what + " ended: " + who(flow, student) + " seconds=" + nanos / 1_000_000 / 1e3 + " reason=" + reason
                + " " + totals);
    }

    private static String who(Flow flow, String student) {
        return "stream=" + flow.stream() + " tenant=" + flow.tenant().name() + " student=" + student;
    }
}
