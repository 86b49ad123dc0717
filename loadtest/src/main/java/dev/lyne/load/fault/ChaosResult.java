package dev.lyne.load.fault;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Result of a run of chaos.
 *
 * @param settings it was made of
 * @param faults by kind
 * @param ends what became of the students
 * @param audit what a well-behaved client beside them was handed
 * @param shortfalls why the run does not hold; empty where it does
 * @param timeline what happened when, for the page
 */
public record ChaosResult(
        @JsonUnwrapped ChaosSettings settings,
        Map<String, FaultCount> faults,
        @JsonUnwrapped Students ends,
        @JsonUnwrapped Audit audit,
        List<String> shortfalls,
        @JsonIgnore Timeline timeline) {

    /** Times of an undisturbed student that one under faults may take. */
    private static final double MOST_TIMES = 3;

    /**
     * Faults of a kind.
     *
     * @param scheduled by the seed
     * @param injected those that struck: what they were to strike was there, and was not the last replica that served
     * @param effective those that a process noticed; of a network that is slow, cuts or changes bytes, those that met
     *     bytes of a connection
     */
    public record FaultCount(int scheduled, int injected, int effective) {}

    /**
     * Figures of the students that met faults.
     *
     * @param studentsBegun students that began while faults struck
     * @param studentsFinished students that ended well
     * @param restarts times that one was started again from its last checkpoint
     * @param unexpectedEnds ends that no fault explains: the last line of each
     * @param coverage least share of the targets needed that were used
     * @param weightsEqual whether each has the weights of an undisturbed one, to the last bit
     * @param undisturbedSeconds longest time of an undisturbed one
     * @param slowestSeconds longest time of one that met faults
     */
    public record Students(
            int studentsBegun,
            int studentsFinished,
            int restarts,
            List<String> unexpectedEnds,
            double coverage,
            boolean weightsEqual,
            double undisturbedSeconds,
            double slowestSeconds) {}

    /**
     * Findings beside the students.
     *
     * @param rowsCompared rows compared bit for bit
     * @param wrongRows those that were not what they should be
     * @param sequencesRefused sequences whose rows were refused before anybody saw them
     */
    public record Audit(long rowsCompared, long wrongRows, long sequencesRefused) {}

    /**
     * Times of what happened, in seconds from the first fault.
     *
     * @param strikes faults that struck
     * @param progress of each student: its steps, as it trains one run after the other
     */
    public record Timeline(double seconds, List<Strike> strikes, Map<String, List<Step>> progress) {}

    /** A fault that struck. */
    public record Strike(double seconds, FaultKind kind, String target, double lasted, boolean effective) {}

    /** Steps of a run at a time. */
    public record Step(double seconds, double steps) {}

    /** Judges what came. */
    static ChaosResult of(
            ChaosSettings settings, Map<String, FaultCount> faults, Students students, Audit audit, Timeline timeline) {
        List<String> shortfalls = new ArrayList<>();
        faults.forEach((kind, count) -> {
            if (count.scheduled() == 0) {
                shortfalls.add(kind + ": never came up (expected: at least once; take more minutes)");
            } else if (count.effective() == 0) {
                shortfalls.add(kind + ": " + count.injected() + " of " + count.scheduled()
                        + " struck, nobody noticed (expected: at least one that somebody notices)");
            }
        });
        require(
                students.studentsFinished() == students.studentsBegun() && students.studentsBegun() > 0,
                "students finished: " + students.studentsFinished() + " (expected: all " + students.studentsBegun()
                        + ", at least 1)",
                shortfalls);
        require(students.coverage() == 1, "coverage: " + students.coverage() + " (expected: 1)", shortfalls);
        require(students.weightsEqual(), "weights: others than undisturbed (expected: the same bits)", shortfalls);
        require(
                students.unexpectedEnds().isEmpty(),
                students.unexpectedEnds().size() + " ends that no fault explains (expected: none): "
                        + students.unexpectedEnds(),
                shortfalls);
        require(
                students.slowestSeconds() <= MOST_TIMES * students.undisturbedSeconds(),
                String.format(
                        "slowest student: %.1f s (expected: at most %.0f times %.1f)",
                        students.slowestSeconds(), MOST_TIMES, students.undisturbedSeconds()),
                shortfalls);
        require(
                audit.rowsCompared() > 0 && audit.wrongRows() == 0,
                audit.wrongRows() + " wrong rows of " + audit.rowsCompared() + " (expected: 0 of at least 1)",
                shortfalls);
        return new ChaosResult(settings, faults, students, audit, List.copyOf(shortfalls), timeline);
    }

    private static void require(boolean holds, String otherwise, List<String> shortfalls) {
        if (!holds) {
            shortfalls.add(otherwise);
        }
    }

    /** Whether all is as it must be. */
    public boolean holds() {
        return shortfalls.isEmpty();
    }
}
