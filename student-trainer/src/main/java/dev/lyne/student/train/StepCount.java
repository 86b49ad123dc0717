package dev.lyne.student.train;

/**
 * A number of optimiser steps, given as such or as a share of all.
 *
 * @param steps the number; 0 where a share is given
 * @param share of all steps, in (0, 1]; 0 where a number is given
 */
public record StepCount(long steps, double share) {
    /** The setting's value: a whole number, or per cent of all steps as {@code 10%}. */
    static StepCount of(Settings settings, Setting setting) {
        String text = settings.text(setting);
        if (!text.endsWith("%")) {
            return new StepCount(settings.whole(setting, 0, Long.MAX_VALUE), 0);
        }
        String expected = "steps, or per cent of them, above 0% and at most 100%";
        try {
            double share = Double.parseDouble(text.substring(0, text.length() - 1)) / 100;
            if (share > 0 && share <= 1) {
                return new StepCount(0, share);
            }
        } catch (NumberFormatException e) {
            throw Settings.refused(setting, text, expected);
        }
        throw Settings.refused(setting, text, expected);
    }

    /** Returns whether there are any steps. */
    boolean isGiven() {
        return steps > 0 || share > 0;
    }

    /** The number, where there are so many in all; a share is at least one step. */
    long of(long total) {
        return share > 0 ? Math.max(1, Math.round(share * total)) : steps;
    }

    /** The same, where a share is rounded down, to no steps at all if need be. */
    long roundedDown(long total) {
        return share > 0 ? (long) Math.floor(share * total + 1e-9) : steps;
    }

    @Override
    public String toString() {
        return share > 0 ? share * 100 + "%" : Long.toString(steps);
    }
}
