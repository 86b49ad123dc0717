package dev.lyne.teacher.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleSupplier;
import java.util.function.ToDoubleFunction;

/**
 * The meters that are labelled by a teacher, as teachers come and go: none is left of one that is gone. Counters belong to a name, and go on where
 * another teacher takes it; what is read from a teacher, such as the length of its queue, is that of the one that is named. Calls for one name come one
 * at a time.
 */
final class TeacherMeters {
    private static final String LABEL = "teacher";
    private static final String STATE = "lyne.teacher.state";

    /**
     * Reading of a teacher's figure.
     *
     * @param counts whether it only grows
     */
    record Reading(Meter.Id id, boolean counts, DoubleSupplier value) {}

    private final MeterRegistry registry;

    /** Readings that are shown again after they were set aside; the map keeps them from being collected. */
    private final Map<Meter.Id, Reading> restored = new ConcurrentHashMap<>();

    TeacherMeters(MeterRegistry registry) {
        this.registry = registry;
    }

    /** Shows the states of a name, and counts its failures. */
    void begin(String teacher, ToDoubleFunction<TeacherLife.State> inState) {
        for (TeacherLife.State state : TeacherLife.State.values()) {
            Gauge.builder(STATE, () -> inState.applyAsDouble(state))
                    .description("Teachers of that name in that state: loading, warming, serving, draining or failed")
                    .tag(LABEL, teacher)
                    .tag("state", state.label())
                    .register(registry);
        }
        Counter unused = failures(teacher);
    }

    void loadFailed(String teacher) {
        failures(teacher).increment();
    }

    private Counter failures(String teacher) {
        return Counter.builder("lyne.teacher.load.failures")
                .description("Times that a teacher could not be loaded or warmed up")
                .tag(LABEL, teacher)
                .register(registry);
    }

    /** Takes away what is read from the teacher that is shown under a name. */
    List<Reading> setAside(String teacher) {
        return registry.getMeters().stream()
                .filter(meter -> isOf(meter, teacher))
                .filter(meter -> !meter.getId().getName().equals(STATE))
                .flatMap(meter -> reading(meter).stream())
                .map(reading -> {
                    Meter unused = registry.remove(reading.id());
                    return reading;
                })
                .toList();
    }

    private Optional<Reading> reading(Meter meter) {
        Reading shown = restored.remove(meter.getId());
        if (shown != null) {
            return Optional.of(shown); // as it was first read, however often it was set aside
        } else if (meter instanceof Gauge gauge) {
            return Optional.of(new Reading(meter.getId(), false, gauge::value));
        } else if (meter instanceof FunctionCounter counter) {
            return Optional.of(new Reading(meter.getId(), true, counter::count));
        }
        return Optional.empty();
    }

    /** Shows what was set aside, in the place of what is read under the name now. */
    void show(String teacher, List<Reading> readings) {
        List<Reading> unused = setAside(teacher);
        for (Reading reading : readings) {
            Meter.Id id = reading.id();
            restored.put(id, reading);
            if (reading.counts()) {
                FunctionCounter.builder(
                                id.getName(), reading, one -> one.value().getAsDouble())
                        .description(id.getDescription())
                        .baseUnit(id.getBaseUnit())
                        .tags(id.getTags())
                        .register(registry);
            } else {
                Gauge.builder(id.getName(), () -> reading.value().getAsDouble())
                        .description(id.getDescription())
                        .baseUnit(id.getBaseUnit())
                        .tags(id.getTags())
                        .register(registry);
            }
        }
    }

    /** Takes everything of a name away. */
    void forget(String teacher) {
        registry.getMeters().stream()
                .filter(meter -> isOf(meter, teacher))
                .toList()
                .forEach(meter -> {
                    restored.remove(meter.getId());
                    Meter unused = registry.remove(meter);
                });
    }

    private static boolean isOf(Meter meter, String teacher) {
        return Objects.equals(meter.getId().getTag(LABEL), teacher);
    }
}
