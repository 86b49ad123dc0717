package dev.lyne.teacher.engine;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Metrics of an engine's addresses. Counts from the start, whenever it is shown. Safe for several threads. */
final class EngineMetrics {
    /** Outcome of a probe. */
    enum Outcome {
        PASSED,
        OTHER_WEIGHTS,
        UNANSWERED
    }

    private final String teacher;
    private final Map<String, Map<Outcome, LongAdder>> probes;
    private final LongAdder shed = new LongAdder();
    private final LongAdder askedAgain = new LongAdder();
    private final LongAdder refused = new LongAdder();

    EngineMetrics(String teacher, List<String> addresses) {
        this.teacher = teacher;
        this.probes = addresses.stream()
                .collect(Collectors.toUnmodifiableMap(
                        Function.identity(),
                        address -> Arrays.stream(Outcome.values())
                                .collect(Collectors.toUnmodifiableMap(
                                        Function.identity(), outcome -> new LongAdder()))));
    }

    void probed(String address, Outcome outcome) {
        probes.getOrDefault(address, Map.of())
                .getOrDefault(outcome, new LongAdder())
                .increment();
    }

    /** A sequence is asked for again, elsewhere or later. */
    void shed() {
        shed.increment();
    }

    void askedAgain() {
        askedAgain.increment();
    }

    /** An answer was no row. */
    void refusedAnswer() {
        refused.increment();
    }

    /** Shows it, with what the addresses say of themselves. */
    void bindTo(MeterRegistry registry, List<EngineAddress> addresses, Supplier<Number> queued) {
        for (EngineAddress address : addresses) {
            gauge(
                    registry,
                    address,
                    "up",
                    "1 where the engine's address passed its probe and is asked",
                    at -> at.state() == EngineAddress.State.UP ? 1 : 0);
            gauge(
                    registry,
                    address,
                    "other.weights",
                    "1 where the probe found other weights: nothing of it is served",
                    at -> at.state() == EngineAddress.State.OTHER_WEIGHTS ? 1 : 0);
            gauge(
                    registry,
                    address,
                    "in.flight.sequences",
                    "Sequences asked for and unanswered",
                    EngineAddress::inFlight);
            gauge(
                    registry,
                    address,
                    "tokens.per.second",
                    "Measured rate of the address while it has work",
                    EngineAddress::rate);
            probes.getOrDefault(address.name(), Map.of())
                    .forEach((outcome, count) -> FunctionCounter.builder(
                                    "lyne.teacher.engine.probes", count, LongAdder::sum)
                            .description("Probes of an engine's weights, by what came of them")
                            .tag("teacher", teacher)
                            .tag("address", address.name())
                            .tag("outcome", outcome.name().toLowerCase(Locale.ROOT))
                            .register(registry));
        }
        Gauge.builder("lyne.teacher.queue.sequences", queued)
                .description("Sequences that wait for their turn")
                .tag("teacher", teacher)
                .register(registry);
        FunctionCounter.builder("lyne.teacher.queue.shed", shed, LongAdder::sum)
                .description("Sequences refused or given up because they would wait too long for the device")
                .tag("teacher", teacher)
                .register(registry);
        FunctionCounter.builder("lyne.teacher.engine.asked.again", askedAgain, LongAdder::sum)
                .description("Sequences asked for again, at another address or later")
                .tag("teacher", teacher)
                .register(registry);
        FunctionCounter.builder("lyne.teacher.engine.refused.answers", refused, LongAdder::sum)
                .description("Answers of an engine that were no rows, and failed their sequence")
                .tag("teacher", teacher)
                .register(registry);
    }

    private interface Measure {
        double of(EngineAddress address);
    }

    private void gauge(
            MeterRegistry registry, EngineAddress address, String name, String description, Measure measure) {
        Gauge.builder("lyne.teacher.engine." + name, address, measure::of)
                .description(description)
                .tag("teacher", teacher)
                .tag("address", address.name())
                .register(registry);
    }
}
