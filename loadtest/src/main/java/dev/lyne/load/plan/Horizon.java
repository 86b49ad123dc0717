package dev.lyne.load.plan;

/**
 * How long to simulate.
 *
 * @param warmUpSeconds simulated time before anything counts
 * @param seconds simulated time that counts; whole steps where students take steps, so that none counts in part
 */
public record Horizon(double warmUpSeconds, double seconds) {
    private static final double USUAL_WARM_UP_SECONDS = 10;
    private static final double USUAL_SECONDS = 60;
    /** Sequences that a simulation asks for, about: what takes a second or two. */
    private static final double SEQUENCES = 1e6;

    private static final int FEWEST_STEPS = 8;

    public Horizon {
        if (!(seconds > 0) || !(warmUpSeconds >= 0)) {
            throw new IllegalArgumentException(
                    "seconds: " + seconds + " after " + warmUpSeconds + " (expected: above 0, after 0 or more)");
        }
    }

    /** A minute after ten seconds; for many students as many steps as can be simulated in a second or two. */
    public static Horizon of(Workload work) {
        if (work.rhythm().stepSeconds() == 0) {
            return new Horizon(USUAL_WARM_UP_SECONDS, USUAL_SECONDS);
        }
        double bufferedSteps =
                (double) work.rhythm().windowSequences() / work.rhythm().sequencesPerStep();
        double affordable = SEQUENCES / work.students() / work.rhythm().sequencesPerStep() - bufferedSteps;
        double warmUp = Math.ceil(Math.max(
                bufferedSteps + 1,
                Math.min(affordable / 4, USUAL_WARM_UP_SECONDS / work.rhythm().stepSeconds())));
        double counted = Math.ceil(Math.max(
                FEWEST_STEPS,
                Math.min(affordable * 3 / 4, USUAL_SECONDS / work.rhythm().stepSeconds())));
        return new Horizon(
                warmUp * work.rhythm().stepSeconds() + work.rhythm().staggerSeconds() * work.students(),
                counted * work.rhythm().stepSeconds());
    }
}
