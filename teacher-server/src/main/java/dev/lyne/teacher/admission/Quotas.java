package dev.lyne.teacher.admission;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Quota;
import dev.lyne.teacher.tenant.Tenant;
import io.github.bucket4j.Bandwidth;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import io.github.bucket4j.TimeMeter;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How fast tenants ask, against their quotas: a token bucket each, of plain positions. A sequence takes one for each of its tokens, since all of
 * them go through the model, whichever are wanted, or more where each {@linkplain StreamTerms#quotaPositions takes longer}; where its rows were
 * kept or shared, they are put back. Safe for several threads.
 *
 * <p>What takes more at once than the bucket can hold begins once it is full, and leaves a debt, which is paid off before anything else
 * begins: so nothing is refused for ever, and nothing costs less for being long.
 */
final class Quotas {
    /** A quota and what is left of it. */
    private record Meter(Quota quota, Bucket bucket) {}

    private final Map<String, Meter> meters = new ConcurrentHashMap<>();
    private final TimeMeter clock;
    private final ServedMetrics metrics;

    Quotas(LongSupplier nanoClock, ServedMetrics metrics) {
        this.metrics = metrics;
        this.clock = new TimeMeter() {
            @Override
            public long currentTimeNanos() {
                return nanoClock.getAsLong();
            }

            @Override
            public boolean isWallClockBased() {
                return false;
            }
        };
    }

    /**
     * Takes positions of a tenant's quota; says why not where it has used them up and its quota is enforced.
     *
     * @return how many were taken, all of them or, of a quota that holds nothing back, none; to be {@linkplain #giveBack given back} where they
     *     are not computed
     */
    AdmissionResult<Long> take(Tenant tenant, long positions) {
        if (tenant.quota().isEmpty()) {
            return new AdmissionResult.Accepted<>(0L);
        }
        Quota quota = tenant.quota().get();
        Bucket bucket = bucket(tenant.name(), quota);
        long there = Math.min(positions, quota.burst());
        ConsumptionProbe probe = bucket.tryConsumeAndReturnRemaining(there);
        if (probe.isConsumed()) {
            if (positions > there) {
                long unusedNanos = bucket.consumeIgnoringRateLimits(positions - there);
            }
            return new AdmissionResult.Accepted<>(positions);
        }
        metrics.quotaExceeded(tenant.name(), quota.enforced());
        if (!quota.enforced()) {
            return new AdmissionResult.Accepted<>(0L);
        }
        long retryMillis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(probe.getNanosToWaitForRefill()) + 1);
        return new AdmissionResult.Refused<>(new Failure(
                Failure.Reason.QUOTA_EXCEEDED,
                "positions of tenant " + tenant.name() + ": " + positions
                        + " more than its quota has left (expected: at most " + quota.positionsPerSecond()
                        + " a second, " + quota.burst() + " at once)",
                retryMillis));
    }

    /** Counts positions that are computed whatever the quota says; the tenant waits for it before it may begin anything new. */
    void count(Tenant tenant, long positions) {
        if (tenant.quota().isPresent() && positions > 0) {
            Quota quota = tenant.quota().get();
            Bucket bucket = bucket(tenant.name(), quota);
            if (quota.enforced()) {
                long unusedNanos = bucket.consumeIgnoringRateLimits(positions);
            } else {
                long unusedTaken =
                        bucket.tryConsumeAsMuchAsPossible(positions); // nobody pays a debt that holds nothing back
            }
        }
    }

    /** Puts back what was taken and not computed after all; not into a quota that has taken the place of the one it came from. */
    void giveBack(Tenant tenant, long taken) {
        Meter meter = meters.get(tenant.name());
        if (taken > 0 && meter != null && tenant.quota().equals(Optional.of(meter.quota()))) {
            meter.bucket().addTokens(taken);
        }
    }

    /** One begins full, and anew where the quota has changed. */
    private Bucket bucket(String tenant, Quota quota) {
        return meters.compute(
                        tenant,
                        (name, known) -> known != null && known.quota().equals(quota)
                                ? known
                                : new Meter(
                                        quota,
                                        Bucket.builder()
                                                .withCustomTimePrecision(clock)
                                                .addLimit(Bandwidth.builder()
                                                        .capacity(quota.burst())
                                                        .refillGreedy(quota.positionsPerSecond(), Duration.ofSeconds(1))
                                                        .build())
                                                .build()))
                .bucket();
    }
}
