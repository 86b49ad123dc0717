package dev.lyne.load.endurance;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

final class LogKindsTest {
    @Test
    void lines_thatDifferInNumbersAndQuotesAlone_areOneKind() {
        LogKinds kinds = LogKinds.of(List.of(
                "20:26:17.123 INFO  stream opened: stream=12 tenant=a",
                "20:26:17.124 INFO  stream opened: stream=13 tenant=a",
                "20:26:18.000 WARN  call 7 ended early"));
        assertThat(kinds.lines())
                .containsEntry("INFO stream opened: stream=#", 2L)
                .containsEntry("WARN call # ended", 1L)
                .hasSize(2);
        assertThat(kinds.errors()).isEmpty();
    }

    @Test
    void lines_thatNoLoggerWrote_areAKindOfTheirOwn() {
        assertThat(LogKinds.of(List.of("20:26:17.123 INFO  student=x", "made up by a client"))
                        .lines())
                .containsEntry(LogKinds.WITHOUT_A_TIME, 1L);
    }

    @Test
    void lines_ofErrors_areTold() {
        String error = "20:26:17.123 ERROR a defect";
        assertThat(LogKinds.of(List.of(error)).errors()).containsExactly(error);
    }
}
