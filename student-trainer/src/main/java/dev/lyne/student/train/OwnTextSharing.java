package dev.lyne.student.train;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * How the steps of a run are shared between data, responses that the student writes, and responses that it wrote before: what DistiLLM
 * (arXiv 2402.03898, section 3.2) calls the adaptive off-policy approach, and its official code.
 *
 * @param share of the steps that are on the student's own text, 0 to 1; with an adaptation the share that it begins with
 * @param adaptation how the share follows the held-out loss; absent: it stays
 * @param replay what is done with responses of before; absent: nothing
 */
public record OwnTextSharing(double share, Optional<Adaptation> adaptation, Optional<Replay> replay) {
    /** Settings that were not there from the beginning: at their defaults they are no part of a run's identity. */
    static final Set<Setting> LATER = EnumSet.of(
            Setting.ON_POLICY_SCHEDULE,
            Setting.ON_POLICY_RISE,
            Setting.ON_POLICY_TOLERANCE,
            Setting.REPLAY_CAPACITY,
            Setting.REPLAY_SCHEDULE);

    /**
     * The share rises whenever the held-out loss does.
     *
     * @param rise what is added, up to 1
     * @param tolerance by how much the loss must be above that of the last rise, nats a token
     */
    public record Adaptation(double rise, double tolerance) {}

    /**
     * Responses that are trained on again.
     *
     * @param capacity newest responses that are kept
     * @param schedule how often new ones are written once so many are
     */
    public record Replay(int capacity, ShareSchedule schedule) {
        /** Share of the steps on own text whose responses are new. */
        public enum ShareSchedule {
            /** Share that goes from 1 to 0 over the run. */
            DECREASING,
            /** A half. */
            CONSTANT,
            /** Share that goes from 0 to 1 over the run. */
            INCREASING;

            /** Returns the share of a run of so many steps, when so many are done. */
            double at(long done, long steps) {
                double progress = (double) done / steps;
                return switch (this) {
                    case DECREASING -> 1 - progress;
                    case CONSTANT -> 0.5;
                    case INCREASING -> progress;
                };
            }
        }
    }

    /** Reads it, and refuses what does not go together. */
    static OwnTextSharing of(Settings settings) {
        boolean adaptive = settings.choice(Setting.ON_POLICY_SCHEDULE, List.of("constant", "adaptive"))
                .equals("adaptive");
        Adaptation adaptation = new Adaptation(
                settings.number(Setting.ON_POLICY_RISE, 0, 1, false),
                settings.number(Setting.ON_POLICY_TOLERANCE, 0, 1000, true));
        Replay replay = new Replay(
                settings.integer(Setting.REPLAY_CAPACITY, 0, 1 << 24),
                Replay.ShareSchedule.valueOf(
                        settings.choice(Setting.REPLAY_SCHEDULE, List.of("decreasing", "constant", "increasing"))
                                .toUpperCase(Locale.ROOT)));
        if (!adaptive) {
            refuseGiven(settings, Setting.ON_POLICY_RISE, "on_policy_schedule=constant");
            refuseGiven(settings, Setting.ON_POLICY_TOLERANCE, "on_policy_schedule=constant");
        }
        if (replay.capacity() == 0) {
            refuseGiven(settings, Setting.REPLAY_SCHEDULE, "replay_capacity=0");
        }
        OwnTextSharing sharing = new OwnTextSharing(
                settings.number(Setting.ON_POLICY_SHARE, 0, 1, true),
                adaptive ? Optional.of(adaptation) : Optional.empty(),
                replay.capacity() == 0 ? Optional.empty() : Optional.of(replay));
        sharing.requireTogether(settings);
        return sharing;
    }

    /** Whether the student writes anything. */
    boolean writes() {
        return share > 0 || adaptation.isPresent();
    }

    /** Whether which steps are on own text depends on more than the seed. */
    boolean isStateful() {
        return adaptation.isPresent() || replay.isPresent();
    }

    private static void refuseGiven(Settings settings, Setting setting, String where) {
        if (settings.isGiven(setting)) {
            throw Settings.refused(setting, settings.text(setting), "not given with " + where);
        }
    }

    private void requireTogether(Settings settings) {
        if (adaptation.isPresent()
                && (settings.list(Setting.HELD_OUT).isEmpty()
                        || settings.integer(Setting.EVALUATE_EVERY, 0, Integer.MAX_VALUE) == 0)) {
            throw Settings.refused(
                    Setting.ON_POLICY_SCHEDULE,
                    "adaptive",
                    "constant where held_out is not given or evaluate_every is 0, as it follows the held-out loss");
        }
        if (isStateful() && settings.integer(Setting.MAX_STALENESS, 0, 16) > 0) {
            throw Settings.refused(
                    Setting.MAX_STALENESS,
                    settings.text(Setting.MAX_STALENESS),
                    "0 with on_policy_schedule=adaptive or replay_capacity above 0, where no step is known ahead");
        }
        if (replay.isPresent()) {
            requireReplayable(settings, replay.get().capacity());
        }
    }

    private static void requireReplayable(Settings settings, int capacity) {
        int batch = settings.integer(Setting.BATCH, 1, 1 << 20);
        if (capacity < batch) {
            throw Settings.refused(Setting.REPLAY_CAPACITY, capacity, "0, or at least batch=" + batch);
        }
        int rollouts = settings.integer(Setting.ROLLOUTS, 0, 1 << 20);
        if (rollouts != 0 && rollouts != batch) {
            throw Settings.refused(
                    Setting.ROLLOUTS,
                    rollouts,
                    "batch=" + batch + " with replay_capacity above 0, which decides step by step");
        }
        if (settings.integer(Setting.PPO_EPOCHS, 1, 1000) != 1) {
            throw Settings.refused(
                    Setting.PPO_EPOCHS,
                    settings.text(Setting.PPO_EPOCHS),
                    "1 with replay_capacity above 0, which has responses trained on again");
        }
        if (!settings.text(Setting.POLICY).equals("none")) {
            throw Settings.refused(
                    Setting.POLICY,
                    settings.text(Setting.POLICY),
                    "none with replay_capacity above 0, as its draws are of a student of long before");
        }
    }
}
