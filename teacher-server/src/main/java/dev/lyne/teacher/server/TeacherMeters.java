package dev.lyne.teacher.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.Objects;
import java.util.function.ToDoubleFunction;

/**
 * The meters that are labelled by a teacher, as teachers come and go: none is left of one that is gone. Counters belong to a name, and go on where
 * another teacher takes it; what is read from a teacher, such as the length of its queue, is that of the newest of its name.
 */
final class TeacherMeters {
    private static final String LABEL = "teacher";
    private static final String STATE = "lyne.teacher.state";

    private final MeterRegistry registry;

    TeacherMeters(MeterRegistry registry) {
        this.registry = registry;
    }

    /** Shows the states of a name, and counts its failures. */
    void begin(String teacher, ToDoubleFunction<TeacherLives.State> inState) {
        for (TeacherLives.State state : TeacherLives.State.values()) {
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

    /** Takes away what is read from the teacher that has a name, before another is made that may take it. */
    List<Meter> setAside(String teacher) {
        List<Meter> read = registry.getMeters().stream()
                .filter(meter -> isOf(meter, teacher))
                .filter(meter -> meter instanceof Gauge || meter instanceof FunctionCounter)
                .filter(meter -> !meter.getId().getName().equals(STATE))
                .toList();
        read.forEach(registry::remove);
        return read;
    }

    /** Puts back what was set aside, where nothing came of the other teacher. */
    void restore(String teacher, List<Meter> aside) {
        List<Meter> unused = setAside(teacher);
        for (Meter meter : aside) {
            Meter.Id id = meter.getId();
            if (meter instanceof Gauge gauge) {
                Gauge.builder(id.getName(), gauge::value)
                        .description(id.getDescription())
                        .tags(id.getTags())
                        .register(registry);
            } else if (meter instanceof FunctionCounter counter) {
                FunctionCounter.builder(id.getName(), this, unusedMeters -> counter.count())
                        .description(id.getDescription())
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
                .forEach(registry::remove);
    }

    private static boolean isOf(Meter meter, String teacher) {
        return Objects.equals(meter.getId().getTag(LABEL), teacher);
    }
}
