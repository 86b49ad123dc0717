package dev.lyne.teacher.server;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.lyne.teacher.model.QueueLine;
import dev.lyne.teacher.rpc.SessionStatus;
import dev.lyne.teacher.rpc.StreamStatus;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Status of a server as it is now, for its status page. Counts are since its start.
 *
 * @param seconds since its start
 * @param serving whether health says so
 * @param memory of the process
 * @param lives teachers that are loaded, warmed up, served, drained, or could not be loaded
 * @param teachers those that are served
 * @param positionWeights what a position counts in a quota, by teacher and selection, where it is more than 1
 * @param sessions of Decode
 * @param refusals failures by reason, those that there were
 */
record ServerStatus(
        double seconds,
        boolean serving,
        @JsonUnwrapped ProcessMemory memory,
        List<TeacherLife.Status> lives,
        List<OfTeacher> teachers,
        Map<String, Map<String, Double>> positionWeights,
        List<OfTier> tiers,
        List<StreamStatus> streams,
        List<SessionStatus> sessions,
        Map<String, Long> refusals) {
    /**
     * A teacher. JSON holds the fields of the parts side by side.
     *
     * @param queue what waits for its turn, by class and tenant
     * @param shed sequences refused because they would wait too long
     * @param cacheBytes bytes of its share of the memory cache that its rows take
     */
    record OfTeacher(
            String name,
            double scored,
            double served,
            double bytes,
            @JsonUnwrapped Answers answers,
            @JsonUnwrapped Work work,
            double queuedSequences,
            double shed,
            double cacheBytes,
            List<QueueLine> queue) {}

    /**
     * Counts of a teacher's sequences, by what answered them.
     *
     * @param shared those that joined another's computation
     * @param kept those whose rows were in a cache
     */
    record Answers(double computed, double shared, double kept) {}

    /** Count and time of a teacher's forwards. */
    record Work(double forwards, double forwardSeconds) {}

    /** A cache. */
    record OfTier(String name, double hits, double misses, double bytes) {}

    /** Reads meters. */
    static final class Reader {
        private final MeterRegistry registry;

        Reader(MeterRegistry registry) {
            this.registry = registry;
        }

        OfTeacher teacher(String name, List<QueueLine> queue) {
            Optional<Timer> forwards = Optional.ofNullable(registry.find("lyne.teacher.batch.duration")
                    .tag("teacher", name)
                    .timer());
            return new OfTeacher(
                    name,
                    value("lyne.teacher.positions.scored", "teacher", name),
                    value("lyne.teacher.positions.served", "teacher", name),
                    value("lyne.teacher.bytes.served", "teacher", name),
                    new Answers(
                            value("lyne.teacher.cache.misses", "teacher", name)
                                    + value("lyne.teacher.cache.bypassed", "teacher", name),
                            value("lyne.teacher.cache.coalesced", "teacher", name),
                            value("lyne.teacher.cache.hits", "teacher", name)),
                    new Work(
                            forwards.map(timer -> (double) timer.count()).orElse(0.0),
                            forwards.map(timer -> timer.totalTime(TimeUnit.SECONDS))
                                    .orElse(0.0)),
                    value("lyne.teacher.queue.sequences", "teacher", name),
                    value("lyne.teacher.queue.shed", "teacher", name),
                    value("lyne.teacher.cache.bytes", "teacher", name),
                    queue);
        }

        Map<String, Map<String, Double>> positionWeights() {
            Map<String, Map<String, Double>> weights = new TreeMap<>();
            for (Gauge gauge : registry.find("lyne.teacher.quota.weight").gauges()) {
                double weight = gauge.value();
                if (weight > 1) {
                    weights.computeIfAbsent(String.valueOf(gauge.getId().getTag("teacher")), unused -> new TreeMap<>())
                            .put(String.valueOf(gauge.getId().getTag("selection")), weight);
                }
            }
            return weights;
        }

        List<OfTier> tiers() {
            return registry.find("lyne.teacher.tier.hits").meters().stream()
                    .map(Meter::getId)
                    .map(id -> String.valueOf(id.getTag("tier")))
                    .sorted()
                    .map(tier -> new OfTier(
                            tier,
                            value("lyne.teacher.tier.hits", "tier", tier),
                            value("lyne.teacher.tier.misses", "tier", tier),
                            value("lyne.teacher.tier.bytes", "tier", tier)))
                    .toList();
        }

        Map<String, Long> refusals() {
            Map<String, Long> byReason = new TreeMap<>();
            for (Counter counter : registry.find("lyne.teacher.refusals").counters()) {
                if (counter.count() > 0) {
                    byReason.put(String.valueOf(counter.getId().getTag("reason")), (long) counter.count());
                }
            }
            return byReason;
        }

        private double value(String meter, String tag, String value) {
            Counter counter = registry.find(meter).tag(tag, value).counter();
            if (counter != null) {
                return counter.count();
            }
            Gauge gauge = registry.find(meter).tag(tag, value).gauge();
            return gauge == null || Double.isNaN(gauge.value()) ? 0 : gauge.value();
        }
    }
}
