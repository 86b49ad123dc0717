package dev.lyne.load.run;

import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.result.StepResult;
import dev.lyne.load.wire.Connections;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A load test: steps, one after the other. One thread runs it. */
public final class LoadTest {
    /** Share of the offered sequences that a server which is not saturated answers. */
    private static final double SUSTAINED = 0.95;

    private final LoadProfile profile;
    private final LoadSteps schedule;
    private final Connections connections;
    private final Optional<ServerMetrics> metrics;
    private final Set<String> teachers = new TreeSet<>();
    private final AtomicReference<@Nullable String> fatal = new AtomicReference<>();

    /**
     * Outcome of a load test.
     *
     * @param teacher what the server called its teacher, for people
     * @param saturatedAt label of the step at which a ramp found the server saturated; empty where none did
     */
    public record Outcome(List<StepResult> steps, String teacher, String saturatedAt) {}

    /** @param metricsAddress HOST:PORT of the server's metrics page; empty where it is not to be read */
    public LoadTest(LoadProfile profile, LoadSteps schedule, Connections connections, String metricsAddress) {
        this.profile = profile;
        this.schedule = schedule;
        this.connections = connections;
        this.metrics = metricsAddress.isEmpty() ? Optional.empty() : Optional.of(new ServerMetrics(metricsAddress));
    }

    /**
     * Runs the steps.
     *
     * @throws IOException where the server refuses the students, or its metrics cannot be read
     */
    public Outcome run(Progress progress) throws IOException, InterruptedException {
        List<Level> levels = schedule.levels().isEmpty()
                ? List.of(Level.of(profile))
                : schedule.levels().stream().map(Level::new).toList();
        boolean ramp = schedule.rampFactor() > 0;
        boolean whole = profile.arrivals() instanceof Arrivals.Closed;
        List<StepResult> steps = new ArrayList<>();
        Level level = levels.get(0);
        for (int i = 0; i < (ramp ? schedule.mostSteps() : levels.size()); i++) {
            level = i < levels.size() ? levels.get(i) : level.next(schedule.rampFactor(), whole);
            StepResult step = step(i, level, progress);
            Optional<StepResult> last = steps.isEmpty() ? Optional.empty() : Optional.of(steps.get(steps.size() - 1));
            steps.add(step);
            if (ramp && saturated(step, last)) {
                return new Outcome(steps, String.join("; ", teachers), step.label());
            }
        }
        return new Outcome(steps, String.join("; ", teachers), "");
    }

    /** An open loop's server is where it no longer answers what is offered; a closed loop's where more students add nothing. */
    private boolean saturated(StepResult step, Optional<StepResult> last) {
        if (step.timing().latencyMillis().getOrDefault("p99", 0.0)
                > schedule.maxP99().toMillis()) {
            return true;
        }
        return profile.arrivals() instanceof Arrivals.Open
                ? step.achievedShare() < SUSTAINED
                : last.isPresent()
                        && step.answered().positionsPerSecond()
                                < last.get().answered().positionsPerSecond() * (2 - SUSTAINED);
    }

    private StepResult step(int number, Level level, Progress progress) throws IOException, InterruptedException {
        LoadProfile stepProfile = level.applyTo(profile);
        String label = level.label(profile);
        try (var events = new ThreadEventQueue()) {
            var run = new StepRun(number, stepProfile, connections, events, fatal::set);
            run.start();
            try {
                return measure(run, events, label, progress);
            } finally {
                run.end();
            }
        }
    }

    private StepResult measure(StepRun run, ThreadEventQueue events, String label, Progress progress)
            throws IOException, InterruptedException {
        var teller = new Teller(run, label, progress);
        while (run.fromNanos() - System.nanoTime() > 0) {
            pause(events, run.fromNanos());
            teller.tell();
        }
        long cpu = ProcessCpu.nanos();
        if (metrics.isPresent()) {
            metrics.get().begin();
        }
        while (run.endNanos() - System.nanoTime() > 0) {
            pause(events, run.endNanos());
            if (metrics.isPresent()) {
                metrics.get().look();
            }
            teller.tell();
        }
        double cpuSeconds = (ProcessCpu.nanos() - cpu) / 1e9;
        Map<String, Double> server = metrics.isPresent() ? metrics.get().end() : Map.of();
        run.stop();
        long giveUpNanos = run.endNanos() + schedule.drain().toNanos();
        // A connection may take longer to fail than the step: what it fails with is the reason why nothing was
        // answered.
        while ((run.owes() || run.meter().teachers().isEmpty()) && giveUpNanos - System.nanoTime() > 0) {
            pause(events, Math.min(giveUpNanos, System.nanoTime() + 20_000_000));
        }
        run.end();
        requireGoing(events);
        if (run.meter().teachers().isEmpty()) {
            double seconds = (System.nanoTime() - run.startNanos()) / 1e9;
            throw new IOException("no stream: neither opened nor refused within %.1f s".formatted(seconds)
                    + " (expected: a teacher server that answers)");
        }
        teachers.addAll(run.meter().teachers());
        return run.result(label, cpuSeconds, server);
    }

    /** Waits a second, or until that time. */
    private void pause(ThreadEventQueue events, long untilNanos) throws IOException, InterruptedException {
        long nanos = Math.min(1_000_000_000, Math.max(1, untilNanos - System.nanoTime()));
        TimeUnit.NANOSECONDS.sleep(nanos);
        requireGoing(events);
    }

    /** Ends the run where it is void. */
    private void requireGoing(ThreadEventQueue events) throws IOException {
        String why = fatal.get();
        if (why != null) {
            throw new IOException(why);
        }
        Throwable failure = events.failure();
        if (failure != null) {
            throw new IllegalStateException("the load generator failed: " + failure.getMessage(), failure);
        }
    }

    /** Turns counts into rates. */
    private static final class Teller {
        private final StepRun run;
        private final String label;
        private final Progress progress;
        private long lastNanos;
        private long[] last = {0, 0, 0};

        Teller(StepRun run, String label, Progress progress) {
            this.run = run;
            this.label = label;
            this.progress = progress;
            this.lastNanos = run.startNanos();
        }

        void tell() {
            long now = System.nanoTime();
            long[] counts = run.meter().progress();
            double seconds = (now - lastNanos) / 1e9;
            progress.tell(new Progress.Look(
                    label,
                    (now - run.startNanos()) / 1e9,
                    now - run.fromNanos() > 0,
                    (counts[0] - last[0]) / seconds,
                    (counts[1] - last[1]) / seconds,
                    counts[2]));
            lastNanos = now;
            last = counts;
        }
    }
}
