package dev.lyne.student.train;

import dev.lyne.client.Targets;
import dev.lyne.row.RowSource;
import dev.lyne.student.checkpoint.RunState;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Sums of a run so far. Owned by the training thread. */
final class RunTotals {
    /** Prefix of the names under which a checkpoint keeps the counts of several teachers. */
    static final String BY_TEACHER = "teacher/";

    private static final String NEEDED = "/needed_targets";
    private static final String USED = "/used_targets";

    private final Map<String, String> identity;
    private final List<String> teachers;
    private final long[] neededByTeacher;
    private final long[] usedByTeacher;
    private final Map<String, Long> positionsBySource;
    private final List<RunState.HeldOut> heldOut;
    private long step;
    private long trainedPositions;
    private long trainNanos;
    private long stallNanos;
    private long neededTargets;
    private long usedTargets;
    private long targetBytes;

    /**
     * Totals that go on from a state; {@code identity} takes the place of the state's.
     *
     * @param teachers names of those that are mixed, in the order of their numbers; empty where there is one at most
     */
    RunTotals(RunState from, Map<String, String> identity, List<String> teachers) {
        this.identity = identity;
        this.teachers = List.copyOf(teachers);
        this.neededByTeacher = counts(from, NEEDED);
        this.usedByTeacher = counts(from, USED);
        this.positionsBySource = new TreeMap<>(from.targets().positionsBySource());
        this.heldOut = new ArrayList<>(from.heldOut());
        this.step = from.step();
        this.trainedPositions = from.spent().trainedPositions();
        this.trainNanos = from.spent().trainNanos();
        this.stallNanos = from.spent().stallNanos();
        this.neededTargets = from.targets().neededTargets();
        this.usedTargets = from.targets().usedTargets();
        this.targetBytes = from.targets().targetBytes();
    }

    private long[] counts(RunState from, String what) {
        return teachers.stream()
                .mapToLong(name -> from.progress()
                        .getOrDefault(BY_TEACHER + name + what, 0.0)
                        .longValue())
                .toArray();
    }

    /** The state of a run that has not begun. */
    static RunState none() {
        return new RunState(
                0,
                new RunState.Cursor(0, 0),
                new RunState.Spent(0, 0, 0),
                new RunState.TargetCounts(0, 0, 0, Map.of()),
                List.of(),
                new RunState.FileLengths(0, 0),
                Map.of(),
                Map.of());
    }

    void applied(List<StepFeed.Item> items, boolean distilled) {
        step++;
        for (StepFeed.Item item : items) {
            int positions = item.window().positions().length;
            trainedPositions += positions;
            neededTargets += distilled ? positions : 0;
            item.targets().ifPresent(targets -> count(targets, positions));
            if (!teachers.isEmpty()) {
                neededByTeacher[item.teacher()] += distilled ? positions : 0;
                usedByTeacher[item.teacher()] += item.targets().isPresent() ? positions : 0;
            }
        }
    }

    private void count(Targets targets, int positions) {
        usedTargets += positions;
        targetBytes += targets.blockBytes();
        for (Map.Entry<RowSource, Integer> entry : targets.rowsBySource().entrySet()) {
            positionsBySource.merge(entry.getKey().toString(), (long) entry.getValue(), Long::sum);
        }
    }

    void spent(long nanos, long stalled) {
        trainNanos += nanos;
        stallNanos += stalled;
    }

    RunState.HeldOut evaluated(double nll) {
        RunState.HeldOut result = new RunState.HeldOut(step, nll, seconds());
        heldOut.add(result);
        return result;
    }

    boolean isEvaluated() {
        return !heldOut.isEmpty() && heldOut.get(heldOut.size() - 1).step() == step;
    }

    long step() {
        return step;
    }

    double seconds() {
        return spent().seconds();
    }

    /** Share of the training time spent waiting for targets; 0 before any time has passed. */
    double stallFraction() {
        return spent().stallFraction();
    }

    /** Targets used over targets needed; NaN where none was needed. */
    double coverage() {
        return neededTargets == 0 ? Double.NaN : (double) usedTargets / neededTargets;
    }

    /** Returns the coverage of each of several teachers, by name. */
    Map<String, Double> coverageByTeacher() {
        Map<String, Double> coverage = new LinkedHashMap<>();
        for (int i = 0; i < teachers.size(); i++) {
            coverage.put(teachers.get(i), (double) usedByTeacher[i] / neededByTeacher[i]);
        }
        return coverage;
    }

    /** Targets needed of each of several teachers, by name. */
    Map<String, Long> neededByTeacher() {
        Map<String, Long> needed = new LinkedHashMap<>();
        for (int i = 0; i < teachers.size(); i++) {
            needed.put(teachers.get(i), neededByTeacher[i]);
        }
        return needed;
    }

    /** Returns the counts of several teachers that a checkpoint keeps. */
    Map<String, Double> saved() {
        Map<String, Double> saved = new TreeMap<>();
        for (int i = 0; i < teachers.size(); i++) {
            saved.put(BY_TEACHER + teachers.get(i) + NEEDED, (double) neededByTeacher[i]);
            saved.put(BY_TEACHER + teachers.get(i) + USED, (double) usedByTeacher[i]);
        }
        return saved;
    }

    Map<String, Long> positionsBySource() {
        return Map.copyOf(positionsBySource);
    }

    RunState state(RunState.Cursor cursor, RunState.FileLengths files, Map<String, Double> progress) {
        return new RunState(
                step,
                cursor,
                spent(),
                new RunState.TargetCounts(neededTargets, usedTargets, targetBytes, positionsBySource),
                heldOut,
                files,
                progress,
                identity);
    }

    private RunState.Spent spent() {
        return new RunState.Spent(trainedPositions, trainNanos, stallNanos);
    }
}
