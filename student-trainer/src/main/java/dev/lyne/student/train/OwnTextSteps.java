package dev.lyne.student.train;

import java.util.Map;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Choice of the steps of a run that are on text of the student's own, and whether it is written for them. One uniform
 * number a step decides, as in DistiLLM (arXiv 2402.03898) and its official code: below the share φ the step is on own
 * text; below φ r, or while fewer responses are kept than may be, on new responses, else on kept ones. The invariant:
 * what is decided of a step follows from the seed and the state before it, which a checkpoint keeps where it follows
 * from more than the seed. Owned by the training thread.
 */
final class OwnTextSteps {
    /** Prefix of the names of its values in a checkpoint. */
    static final String PREFIX = "own_text.";

    private static final String SHARE = PREFIX + "share";
    private static final String COMPARED = PREFIX + "compared_loss";
    private static final String OWN = PREFIX + "steps";
    private static final String WRITTEN = PREFIX + "written_steps";

    /** Keeps the coin of a step apart from other random numbers of the seed. */
    private static final long DOMAIN = 0x6F776E2074657874L;

    /** Kind of a step, by the text that it is on. */
    enum Kind {
        /** Windows of the corpus. */
        DATA,
        /** Responses that are written for it, or for its phase. */
        WRITTEN,
        /** Responses that were written for steps before. */
        REPLAYED
    }

    /**
     * State that steps so far have come to.
     *
     * @param share φ of the next step
     * @param compared held-out loss at the last rise of the share, or at first, nats a token; absent before the first evaluation
     * @param own steps on own text
     * @param written those of them whose responses were new
     */
    private record State(double share, OptionalDouble compared, long own, long written) {
        Map<String, Double> named() {
            Map<String, Double> named = new TreeMap<>();
            named.put(SHARE, share);
            compared.ifPresent(loss -> named.put(COMPARED, loss));
            named.put(OWN, (double) own);
            named.put(WRITTEN, (double) written);
            return named;
        }
    }

    private final OwnTextSharing sharing;
    private final long seed;
    private final int batch;
    private final long steps;
    private long step;
    private State now;
    private State before;

    /**
     * @param batch windows of a step
     * @param step steps that are done
     * @param steps steps in all
     * @param saved what the checkpoint that the run goes on from keeps of it
     * @throws IllegalArgumentException where the checkpoint lacks a value
     */
    OwnTextSteps(OwnTextSharing sharing, long seed, int batch, long step, long steps, Map<String, Double> saved) {
        this.sharing = sharing;
        this.seed = seed;
        this.batch = batch;
        this.step = step;
        this.steps = steps;
        this.now = sharing.isStateful() && step > 0 ? restored(saved) : fromSeed(step);
        this.before = now;
    }

    /** The state of a run whose decisions follow from the seed. */
    private State fromSeed(long done) {
        long own = 0;
        for (long i = 0; i < done; i++) {
            own += uniform(i) < sharing.share() ? 1 : 0;
        }
        return new State(sharing.share(), OptionalDouble.empty(), own, own);
    }

    private State restored(Map<String, Double> saved) {
        return new State(
                value(saved, SHARE),
                saved.containsKey(COMPARED) ? OptionalDouble.of(value(saved, COMPARED)) : OptionalDouble.empty(),
                (long) value(saved, OWN),
                (long) value(saved, WRITTEN));
    }

    private static double value(Map<String, Double> saved, String name) {
        Double found = saved.get(name);
        if (found == null) {
            throw new IllegalArgumentException("checkpoint: " + name
                    + ": absent (expected: a number, with this on_policy_schedule and replay_capacity)");
        }
        return found;
    }

    private double uniform(long ofStep) {
        return new SplittableRandom(seed ^ (DOMAIN + ofStep * 0x9E3779B97F4A7C15L)).nextDouble();
    }

    /** Decides the next step. */
    Kind next() {
        Kind kind = kind();
        before = now;
        step++;
        now = new State(
                now.share,
                now.compared,
                now.own + (kind == Kind.DATA ? 0 : 1),
                now.written + (kind == Kind.WRITTEN ? 1 : 0));
        return kind;
    }

    private Kind kind() {
        double uniform = uniform(step);
        if (uniform >= now.share) {
            return Kind.DATA;
        }
        if (sharing.replay().isEmpty()
                || now.written * batch < sharing.replay().get().capacity()) {
            return Kind.WRITTEN;
        }
        double renewed = sharing.replay().get().schedule().at(step, steps);
        return uniform < now.share * renewed ? Kind.WRITTEN : Kind.REPLAYED;
    }

    /**
     * Takes the held-out loss after the last step, nats a token.
     *
     * @return whether the share has risen for it
     */
    boolean evaluated(double loss) {
        if (sharing.adaptation().isEmpty() || !Double.isFinite(loss)) {
            return false; // what is no number compares with nothing
        }
        if (now.compared.isEmpty()) {
            now = new State(now.share, OptionalDouble.of(loss), now.own, now.written);
            return false;
        }
        OwnTextSharing.Adaptation adaptation = sharing.adaptation().get();
        if (!(loss >= now.compared.getAsDouble() + adaptation.tolerance())) {
            return false;
        }
        double share = Math.min(1, now.share + adaptation.rise());
        boolean risen = share > now.share;
        now = new State(share, OptionalDouble.of(loss), now.own, now.written);
        return risen;
    }

    /** Steps that are decided. */
    long step() {
        return step;
    }

    /** φ of the next step. */
    double share() {
        return now.share;
    }

    /** Steps with new responses so far. */
    long written() {
        return now.written;
    }

    /** Windows of the corpus that were taken so far, where own text takes {@code batch} beside it or none. */
    long corpusWindows(boolean besideOwnText) {
        return (besideOwnText ? step : step - now.own) * batch;
    }

    /** The most of them that are taken in all. */
    long corpusWindowsInAll(boolean besideOwnText) {
        return (besideOwnText || sharing.isStateful() ? steps : steps - fromSeed(steps).own) * batch;
    }

    /** Steps with new responses in all, where that is known; at most so many else. */
    long writtenInAll() {
        return sharing.isStateful() ? steps : fromSeed(steps).written;
    }

    /** Returns the values that a checkpoint keeps after that step, which is the last decided one or the one before. */
    Map<String, Double> saved(long after) {
        if (!sharing.isStateful()) {
            return Map.of();
        }
        if (after != step && after != step - 1) {
            throw new IllegalStateException(
                    "the state after step " + after + " (expected: " + (step - 1) + " or " + step + ")");
        }
        return after == step ? now.named() : before.named();
    }
}
