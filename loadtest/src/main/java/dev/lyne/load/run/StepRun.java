package dev.lyne.load.run;

import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.profile.RequestSource;
import dev.lyne.load.result.Histograms;
import dev.lyne.load.result.StepResult;
import dev.lyne.load.wire.Connections;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** The students of one step, their schedule and their meter. Everything happens on the queue of events; nothing here waits. */
final class StepRun {
    private static final long INTERVAL_NANOS = 1_000_000_000;

    private final LoadProfile profile;
    private final EventQueue events;
    private final long startNanos;
    private final long endNanos;
    private final Meter meter;
    private final List<LoadStudent> students = new ArrayList<>();

    /**
     * @param step number of the step, from 0: each one's fresh sequences are its own
     * @param fatal told why the whole run is void
     */
    StepRun(int step, LoadProfile profile, Connections connections, EventQueue events, Consumer<String> fatal) {
        this.profile = profile;
        this.events = events;
        this.startNanos = events.now();
        long fromNanos = startNanos + profile.period().warmUp().toNanos();
        this.endNanos = fromNanos + profile.period().duration().toNanos();
        this.meter = new Meter(fromNanos, endNanos, INTERVAL_NANOS);
        var shared = new LoadStudent.Shared(
                (long) step << 32, profile, new RequestSource(profile), connections, events, meter, fatal);
        for (int i = 0; i < profile.share().here(); i++) {
            students.add(new LoadStudent(profile.share().first() + i, shared));
        }
    }

    long startNanos() {
        return startNanos;
    }

    long fromNanos() {
        return endNanos - profile.period().duration().toNanos();
    }

    long endNanos() {
        return endNanos;
    }

    Meter meter() {
        return meter;
    }

    /** Connects the students, and plans an open loop's first arrivals. */
    void start() {
        for (int i = 0; i < students.size(); i++) {
            LoadStudent student = students.get(i);
            student.start();
            if (profile.arrivals() instanceof Arrivals.Open open) {
                plan(
                        student,
                        open.times(profile.share().first() + i, profile.share().students(), profile.seed()));
            }
        }
    }

    private void plan(LoadStudent student, Arrivals.Times times) {
        long due = startNanos + times.next();
        if (due - endNanos < 0) {
            events.at(due, () -> {
                student.arrive(due);
                plan(student, times);
            });
        }
    }

    /** The window is over: nothing more is asked for. */
    void stop() {
        students.forEach(LoadStudent::stop);
    }

    /** Whether something that was due in the window is unanswered. */
    boolean owes() {
        return students.stream().anyMatch(LoadStudent::owes);
    }

    /** Gives up what is unanswered and closes the streams. */
    void end() {
        students.forEach(LoadStudent::end);
    }

    /** Returns the step's result, after {@link #end}. */
    StepResult result(String label, double generatorCpuSeconds, Map<String, Double> server) {
        Meter.Counts counts = meter.counts();
        List<StepResult.IntervalResult> intervals = new ArrayList<>();
        double left = profile.period().duration().toNanos();
        for (Meter.Cell cell : counts.cells()) {
            double nanos = Math.min(left, INTERVAL_NANOS);
            left -= nanos;
            intervals.add(new StepResult.IntervalResult(
                    nanos / 1e9, cell.sequences, cell.positions, cell.bytes, Histograms.write(cell.latencyMicros)));
        }
        Map<String, Long> sources = new TreeMap<>();
        counts.positionsBySource().forEach((source, positions) -> sources.put(source.toString(), positions));
        double offered = profile.arrivals() instanceof Arrivals.Open open
                ? open.sequencesPerSecond()
                        * profile.share().here()
                        / profile.share().students()
                : 0;
        return StepResult.of(new StepResult.Counted(
                label,
                profile.share().here(),
                offered,
                new StepResult.Due(counts.intended(), counts.failed(), counts.unanswered()),
                sources,
                new StepResult.Interruptions(counts.refusals(), counts.refusalMessages(), counts.reconnects()),
                generatorCpuSeconds,
                server,
                intervals,
                Histograms.write(counts.lagMicros())));
    }
}
