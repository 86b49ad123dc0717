package dev.lyne.teacher.model;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PacedLogTest {
    private static final long SECOND = 1_000_000_000L;

    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
    private final Logger logger = logger();
    private long now = Long.MAX_VALUE - 10 * SECOND; // the clock's numbers run over meanwhile

    private Logger logger() {
        Logger made = new LoggerContext().getLogger("paced");
        lines.start();
        made.addAppender(lines);
        return made;
    }

    private List<String> lines() {
        return lines.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    @Test
    void line_soonerThanTheInterval_isCountedWithTheNext() {
        PacedLog log = new PacedLog(logger, SECOND, () -> now);
        log.warn("one");
        log.warn("two");
        log.info("three");
        now += SECOND;
        log.warn("four");
        assertThat(lines()).containsExactly("one", "four (and 2 more like it)");
    }

    @Test
    void burst_ofSavedTurns_hasALineEachAndThenOneAnInterval() {
        PacedLog log = new PacedLog(logger, SECOND, () -> now, 3);
        for (int i = 0; i < 20; i++) {
            for (int line = 0; line < 5; line++) {
                log.info(i + "." + line);
            }
            now += SECOND;
        }
        assertThat(lines()).hasSize(3 + 19).startsWith("0.0", "0.1", "0.2", "1.0 (and 2 more like it)");
    }

    @Test
    void burst_afterALongPause_isNoLargerThanItMayBe() {
        PacedLog log = new PacedLog(logger, SECOND, () -> now, 3);
        now += 1_000 * SECOND;
        for (int line = 0; line < 9; line++) {
            log.info("line " + line);
        }
        assertThat(lines()).hasSize(3);
    }
}
