package dev.lyne.teacher.batch;

import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.ScoreJob;
import dev.lyne.teacher.trace.BatchTraces;
import dev.lyne.teacher.trace.SequenceTrace;
import dev.lyne.v1.SelectionKind;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.opentelemetry.api.trace.Span;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** Metrics of a teacher's batches. */
public final class BatchMetrics {
    private final MeterRegistry registry;
    private final Tags tags;
    private final String teacher;
    private final BatchTraces traces;
    private final Counter positionsScored;
    private final Counter shed;
    private final Counter outOfMemory;
    private final Timer queueWait;
    private final Timer batchDuration;
    private final DistributionSummary batchSequences;
    private final DistributionSummary batchTokens;
    private final DistributionSummary occupancy;
    private final DistributionSummary padding;

    /** Registers the meters of one teacher, whose batches have no spans. */
    public BatchMetrics(MeterRegistry registry, String teacher) {
        this(registry, teacher, BatchTraces.NONE);
    }

    /** Registers the meters of one teacher. */
    public BatchMetrics(MeterRegistry registry, String teacher, BatchTraces traces) {
        this.registry = registry;
        this.teacher = teacher;
        this.traces = traces;
        this.tags = Tags.of("teacher", teacher);
        this.positionsScored = Counter.builder("lyne.teacher.positions.scored")
                .description("Rows computed by the model")
                .tags(tags)
                .register(registry);
        this.shed = Counter.builder("lyne.teacher.queue.shed")
                .description("Sequences refused or given up because they would wait too long for the device")
                .tags(tags)
                .register(registry);
        this.outOfMemory = Counter.builder("lyne.teacher.batch.out.of.memory")
                .description("Forwards and steps of decoding that the device had no memory for, and that were split")
                .tags(tags)
                .register(registry);
        this.queueWait = Timer.builder("lyne.teacher.queue.wait")
                .description("Time from a sequence's arrival in the queue to its forward")
                .publishPercentiles(0.5, 0.99)
                .tags(tags)
                .register(registry);
        this.batchDuration = Timer.builder("lyne.teacher.batch.duration")
                .description("Time of a forward with selection")
                .publishPercentiles(0.5, 0.99)
                .tags(tags)
                .register(registry);
        this.batchSequences = summary("lyne.teacher.batch.sequences", "Sequences a batch");
        this.batchTokens = summary("lyne.teacher.batch.tokens", "Tokens a batch, without padding");
        this.occupancy = summary("lyne.teacher.batch.occupancy", "Tokens a batch over the token budget");
        this.padding = summary("lyne.teacher.batch.padding", "Padding a batch over its padded tokens");
    }

    private DistributionSummary summary(String name, String description) {
        return DistributionSummary.builder(name)
                .description(description)
                .tags(tags)
                .register(registry);
    }

    /** Returns the metrics of one of the teacher's devices. */
    DeviceMetrics device(String name) {
        return new DeviceMetrics(registry, tags.and("device", name));
    }

    /** Begins the span of a forward for these; an invalid one where nobody traces any of them. */
    Span begin(Collection<ScoreJob> jobs, String device) {
        List<SequenceTrace> traced =
                jobs.stream().flatMap(job -> job.traces().stream()).toList();
        return traced.isEmpty()
                ? Span.getInvalid()
                : traces.begin(
                        traced,
                        teacher,
                        device,
                        jobs.size(),
                        jobs.stream()
                                .mapToLong(job -> job.item().tokens().length)
                                .sum());
    }

    void bindQueue(Supplier<Number> tokens, Supplier<Number> sequences) {
        Gauge.builder("lyne.teacher.queue.tokens", tokens)
                .description("Tokens that wait for the device")
                .tags(tags)
                .register(registry);
        Gauge.builder("lyne.teacher.queue.sequences", sequences)
                .description("Sequences that wait for the device")
                .tags(tags)
                .register(registry);
    }

    void bindWeights(ToDoubleFunction<SelectionKind> weight) {
        for (SelectionKind kind : Selection.kinds()) {
            Gauge.builder("lyne.teacher.quota.weight", () -> weight.applyAsDouble(kind))
                    .description(
                            "What a position counts in a quota, by selection: measured device time over that of a plain position")
                    .tags(tags)
                    .tag(
                            "selection",
                            kind.name().replaceFirst("SELECTION_KIND_", "").toLowerCase(Locale.ROOT))
                    .register(registry);
        }
    }

    void waited(long nanos) {
        queueWait.record(nanos, TimeUnit.NANOSECONDS);
    }

    void shed() {
        shed.increment();
    }

    void ranOutOfMemory() {
        outOfMemory.increment();
    }

    void scored(int rows) {
        positionsScored.increment(rows);
    }

    void ran(List<ScoreItem> items, int budget, long nanos) {
        int longest = 0;
        long tokens = 0;
        for (ScoreItem item : items) {
            longest = Math.max(longest, item.tokens().length);
            tokens += item.tokens().length;
        }
        batchDuration.record(nanos, TimeUnit.NANOSECONDS);
        batchSequences.record(items.size());
        batchTokens.record((double) tokens);
        occupancy.record((double) tokens / budget);
        padding.record(1 - (double) tokens / ((long) longest * items.size()));
    }
}
