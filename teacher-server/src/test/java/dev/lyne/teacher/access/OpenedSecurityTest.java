package dev.lyne.teacher.access;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

final class OpenedSecurityTest {
    @Test
    void reason_ofWhatCannotBeUsed_namesNoClass() {
        assertThat(OpenedSecurity.reason(new NoSuchFileException("server.pem"))).isEqualTo("server.pem: no such file");
        assertThat(OpenedSecurity.reason(new AccessDeniedException("server.pem")))
                .isEqualTo("server.pem: permission denied");
        assertThat(OpenedSecurity.reason(new IllegalArgumentException("tokens: none (expected: one)")))
                .isEqualTo("tokens: none (expected: one)");
        assertThat(OpenedSecurity.reason(new IllegalStateException())).isEqualTo("unreadable");
    }
}
