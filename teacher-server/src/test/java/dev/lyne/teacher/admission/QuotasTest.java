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
    private final Quotas quotas = new Quotas(() -> nanos, new ServedMetrics(registry));

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
        assertThat(quotas.take(alice, 400)).isInstanceOf(AdmissionResult.Accepted.class);
        assertThat(quotas.take(alice, 100)).isInstanceOf(AdmissionResult.Accepted.class);
        Failure failure = Openings.refused(quotas.take(alice, 200));
        assertThat(failure.reason()).isEqualTo(Failure.Reason.QUOTA_EXCEEDED);
        assertThat(failure.message())
                .isEqualTo(
                        "positions of tenant alice: 200 more than its quota has left (expected: at most 100 a second,"
                                + " 500 at once)");
        assertThat(failure.retryMillis()).isBetween(1_990L, 2_010L);
        nanos += TimeUnit.MILLISECONDS.toNanos(failure.retryMillis());
        assertThat(quotas.take(alice, 200)).isInstanceOf(AdmissionResult.Accepted.class);
        assertThat(exceeded("alice", "enforce")).isEqualTo(1);
        assertThat(quotas.take(tenant("bob", true), 500)).as("another's").isInstanceOf(AdmissionResult.Accepted.class);
    }

    @Test
    void take_ofAQuotaInShadow_isOnlyCounted() {
        Tenant alice = tenant("alice", false);
        for (int i = 0; i < 3; i++) {
            assertThat(quotas.take(alice, 400)).isInstanceOf(AdmissionResult.Accepted.class);
        }
        assertThat(exceeded("alice", "shadow")).isEqualTo(2);
        assertThat(Openings.accepted(quotas.take(alice, 400)))
                .as("nothing to put back")
                .isZero();
        assertThat(Openings.accepted(quotas.take(alice, 100))).isEqualTo(100);
    }

    @Test
    void giveBack_whatWasNotComputed_isThereAgain() {
        Tenant alice = tenant("alice", true);
        assertThat(quotas.take(alice, 500)).isInstanceOf(AdmissionResult.Accepted.class);
        quotas.giveBack(alice, 500);
        assertThat(quotas.take(alice, 500)).isInstanceOf(AdmissionResult.Accepted.class);
        assertThat(quotas.take(alice, 1)).isInstanceOf(AdmissionResult.Refused.class);
    }

    @Test
    void take_moreThanTheBurstAtOnce_beginsWithAFullBucketAndIsPaidInFull() {
        Tenant alice = tenant("alice", true);
        assertThat(Openings.accepted(quotas.take(alice, 5_000))).isEqualTo(5_000);
        Failure failure = Openings.refused(quotas.take(alice, 1));
        assertThat(failure.retryMillis()).as("4,500 are owed").isBetween(45_000L, 45_050L);
        nanos += TimeUnit.MILLISECONDS.toNanos(45_050);
        assertThat(quotas.take(alice, 1)).isInstanceOf(AdmissionResult.Accepted.class);
        assertThat(quotas.take(alice, 5_000)).as("not before it is full").isInstanceOf(AdmissionResult.Refused.class);
        nanos += TimeUnit.SECONDS.toNanos(5);
        assertThat(quotas.take(alice, 5_000)).isInstanceOf(AdmissionResult.Accepted.class);
    }

    @Test
    void take_ofABurstOfOne_costsEachSequenceItsTokens() {
        Tenant alice = new Tenant("alice", 1, Optional.of(new Quota(100, 1, true)));
        assertThat(quotas.take(alice, 1_000)).isInstanceOf(AdmissionResult.Accepted.class);
        nanos += TimeUnit.SECONDS.toNanos(9);
        assertThat(quotas.take(alice, 1_000)).isInstanceOf(AdmissionResult.Refused.class);
        nanos += TimeUnit.SECONDS.toNanos(1);
        assertThat(quotas.take(alice, 1_000)).isInstanceOf(AdmissionResult.Accepted.class);
    }

    @Test
    void giveBack_moreThanTheBurst_clearsTheDebt() {
        Tenant alice = tenant("alice", true);
        quotas.giveBack(alice, Openings.accepted(quotas.take(alice, 5_000)));
        assertThat(Openings.accepted(quotas.take(alice, 500))).isEqualTo(500);
        assertThat(quotas.take(alice, 1))
                .as("no more than the burst is back")
                .isInstanceOf(AdmissionResult.Refused.class);
    }

    @Test
    void take_moreThanTheBurstInShadow_countsWhatWouldBeRefused() {
        Tenant alice = tenant("alice", false);
        assertThat(quotas.take(alice, 5_000)).isInstanceOf(AdmissionResult.Accepted.class);
        nanos += TimeUnit.SECONDS.toNanos(44);
        assertThat(Openings.accepted(quotas.take(alice, 1))).isZero();
        assertThat(exceeded("alice", "shadow")).isEqualTo(1);
    }

    @Test
    void take_ofTenantsPastThe64th_isCountedAsOfOthers() {
        for (int i = 0; i < 70; i++) {
            Tenant tenant = tenant("t" + i, true);
            assertThat(quotas.take(tenant, 500)).isInstanceOf(AdmissionResult.Accepted.class);
            assertThat(quotas.take(tenant, 1)).isInstanceOf(AdmissionResult.Refused.class);
        }
        assertThat(registry.find("lyne.teacher.quota.exceeded").counters()).hasSize(65);
        assertThat(exceeded("others", "enforce")).isEqualTo(6);
        assertThat(exceeded("t63", "enforce")).isEqualTo(1);
    }

    @Test
    void take_ofAnyNumber_withoutAQuota_isLetIn() {
        assertThat(quotas.take(Tenant.ANYBODY, Long.MAX_VALUE)).isInstanceOf(AdmissionResult.Accepted.class);
        assertThat(quotas.take(new Tenant("alice", 1, Optional.of(new Quota(1, 1, true))), 1))
                .isInstanceOf(AdmissionResult.Accepted.class);
        assertThat(quotas.take(tenant("alice", true), 500))
                .as("a quota that changed")
                .isInstanceOf(AdmissionResult.Accepted.class);
    }
}
