package dev.lyne.student.train;

import dev.lyne.client.Targets;
import dev.lyne.row.RowSource;
import dev.lyne.student.checkpoint.RunState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a run has added up so far. Owned by the training thread. */
final class RunTotals {
    private final Map<String, String> identity;
    private final Map<String, Long> positionsBySource;
    private final List<RunState.HeldOut> heldOut;
    private long step;
    private long trainedPositions;
    private long trainNanos;
    private long stallNanos;
    private long neededTargets;
    private long usedTargets;
    private long targetBytes;

    /** Totals that go on from a state; {@code identity} takes the place of the state's. */
    RunTotals(RunState from, Map<String, String> identity) {
        this.identity = identity;
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
