package dev.lyne.teacher.rpc;

import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.tenant.Flow;
import java.util.concurrent.TimeUnit;
import org.slf4j.LoggerFactory;

/** Lines of the log that say that a call opened, and ended with what came of it, one each: many at once, and then at most one a second. */
final class CallLines {
    private static final int LINES_AT_ONCE = 64;
    private static final PacedLog OPENED = paced();
    private static final PacedLog ENDED = paced();

    private CallLines() {}

    private static PacedLog paced() {
        return new PacedLog(
                LoggerFactory.getLogger(CallLines.class), TimeUnit.SECONDS.toNanos(1), System::nanoTime, LINES_AT_ONCE);
    }

    /**
     * A call opened.
     *
     * @param what it is: a stream of rows, or a session
     * @param terms what it asks for, as {@code key=value}
     */
    static void opened(String what, Flow flow, String student, String teacher, String terms) {
        OPENED.info(what + " opened: " + who(flow, student) + " teacher=" + teacher + " class="
                + flow.priority().label() + " " + terms);
    }

    /** A call ended, with its totals, as {@code key=value}. */
    static void ended(String what, Flow flow, String student, long nanos, String totals) {
        ENDED.info(what + " ended: " + who(flow, student) + " seconds=" + nanos / 1_000_000 / 1e3 + " " + totals);
    }

    private static String who(Flow flow, String student) {
        return "stream=" + flow.stream() + " tenant=" + flow.tenant().name() + " student=" + student;
    }
}
