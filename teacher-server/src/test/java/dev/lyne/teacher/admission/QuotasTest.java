package dev.lyne.teacher.admission;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Quota;
import dev.lyne.teacher.tenant.Tenant;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class QuotasTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private long nanos = 1;
    private final Quotas quotas = new Quotas(() -> nanos, registry);

    private static Tenant tenant(String name, boolean enforced) {
        return new Tenant(name, 1, Optional.of(new Quota(100, 500, enforced)));
    }

    private double exceeded(String tenant, String mode) {
        return registry.counter("lyne.teacher.quota.exceeded", "tenant", tenant, "mode", mode)
                .count();
    }

    @Test
    void take_beyondTheBurst_isRefusedUntilItIsFilledUpAgain() {
        Tenant alice = tenant("alice", true);
        assertThat(quotas.take(alice, 400)).isEmpty();
        assertThat(quotas.take(alice, 100)).isEmpty();
        Failure failure = quotas.take(alice, 200).orElseThrow();
        assertThat(failure.reason()).isEqualTo(Failure.Reason.QUOTA_EXCEEDED);
        assertThat(failure.message())
                .isEqualTo(
                        "positions of tenant alice: 200 more than its quota has left (expected: at most 100 a second,"
                                + " 500 at once)");
        assertThat(failure.retryMillis()).isBetween(1_990L, 2_010L);
        nanos += TimeUnit.MILLISECONDS.toNanos(failure.retryMillis());
        assertThat(quotas.take(alice, 200)).isEmpty();
        assertThat(exceeded("alice", "enforce")).isEqualTo(1);
        assertThat(quotas.take(tenant("bob", true), 500)).as("another's").isEmpty();
    }

    @Test
    void take_ofAQuotaInShadow_isOnlyCounted() {
        Tenant alice = tenant("alice", false);
        for (int i = 0; i < 3; i++) {
            assertThat(quotas.take(alice, 400)).isEmpty();
        }
        assertThat(exceeded("alice", "shadow")).isEqualTo(2);
    }

    @Test
    void giveBack_whatWasNotComputed_isThereAgain() {
        Tenant alice = tenant("alice", true);
        assertThat(quotas.take(alice, 500)).isEmpty();
        quotas.giveBack(alice, 500);
        assertThat(quotas.take(alice, 500)).isEmpty();
        assertThat(quotas.take(alice, 1)).isPresent();
    }

    @Test
    void take_moreThanTheBurstAtOnce_isLetInWhereNothingWasTaken() {
        Tenant alice = tenant("alice", true);
        assertThat(quotas.take(alice, 5_000)).isEmpty();
        assertThat(quotas.take(alice, 5_000)).isPresent();
    }

    @Test
    void take_ofAnyNumber_withoutAQuota_isLetIn() {
        assertThat(quotas.take(Tenant.ANYBODY, Long.MAX_VALUE)).isEmpty();
        assertThat(quotas.take(new Tenant("alice", 1, Optional.of(new Quota(1, 1, true))), 1))
                .isEmpty();
        assertThat(quotas.take(tenant("alice", true), 500))
                .as("a quota that changed")
                .isEmpty();
    }
}
