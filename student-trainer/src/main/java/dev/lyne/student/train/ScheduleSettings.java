package dev.lyne.student.train;

/**
 * A schedule as settings give it, for any number of steps.
 *
 * @param names which settings gave it
 * @param kind one of {@link Schedule#KINDS}
 */
public record ScheduleSettings(
        Names names, String kind, double high, double low, StepCount warmup, StepCount decay, StepCount period) {
    /** The learning rate's settings. */
    static final Names LEARNING_RATE = new Names(
            Setting.LEARNING_RATE,
            Setting.FINAL_LEARNING_RATE,
            Setting.SCHEDULE,
            Setting.WARMUP_STEPS,
            Setting.DECAY_STEPS,
            Setting.PERIOD_STEPS);

    /** The settings of the weight of the distillation loss. */
    static final Names ALPHA = new Names(
            Setting.ALPHA,
            Setting.FINAL_ALPHA,
            Setting.ALPHA_SCHEDULE,
            Setting.ALPHA_WARMUP_STEPS,
            Setting.ALPHA_DECAY_STEPS,
            Setting.ALPHA_PERIOD_STEPS);

    /** The settings of one schedule. */
    public record Names(Setting high, Setting low, Setting kind, Setting warmup, Setting decay, Setting period) {}

    /** Reads one, whose high and low values have been checked, and refuses what does not go together. */
    static ScheduleSettings of(Settings settings, Names names, double high, double low) {
        ScheduleSettings schedule = new ScheduleSettings(
                names,
                settings.choice(names.kind(), Schedule.KINDS),
                high,
                low,
                StepCount.of(settings, names.warmup()),
                StepCount.of(settings, names.decay()),
                StepCount.of(settings, names.period()));
        schedule.requireTogether();
        return schedule;
    }

    private void requireTogether() {
        String among = names.kind().key() + "=" + kind;
        if (low > high) {
            throw Settings.refused(names.low(), low, "at most " + names.high().key() + "=" + high);
        }
        requireOnlyWith("wsd", names.decay(), decay, among);
        requireOnlyWith("periodic", names.period(), period, among);
        if (kind.equals("linear_up") && warmup.isGiven()) {
            throw Settings.refused(names.warmup(), warmup, "0 with " + among + ", which rises all along");
        }
    }

    private void requireOnlyWith(String owner, Setting setting, StepCount count, String among) {
        boolean owned = kind.equals(owner);
        if (owned != count.isGiven()) {
            throw Settings.refused(setting, count, owned ? "1 or more with " + among : "0 with " + among);
        }
    }

    /** Refuses a schedule that takes more steps than there are. */
    void requireFits(long steps) {
        String among = " of steps=" + steps;
        long down = decay.of(steps);
        if (down > steps) {
            throw Settings.refused(names.decay(), decay, "at most " + steps + among);
        }
        long most = switch (kind) {
            case "constant" -> steps;
            case "wsd" -> steps - down;
            default -> steps - 1; // one step at least is left for the way
        };
        if (warmup.roundedDown(steps) > most) {
            throw Settings.refused(
                    names.warmup(),
                    warmup,
                    "at most " + most + among + " with " + names.kind().key() + "=" + kind);
        }
    }

    /** The schedule of a run of so many steps. */
    Schedule over(long steps) {
        return new Schedule(
                kind,
                high,
                kind.equals("constant") ? 0 : low,
                warmup.roundedDown(steps),
                decay.of(steps),
                kind.equals("periodic") ? Math.max(2, period.of(steps)) : 0,
                steps);
    }

    /** All of it, as checkpoints name it. */
    String describe() {
        return kind + " high=" + high + " low=" + low + " warmup=" + warmup + " decay=" + decay + " period=" + period;
    }
}
