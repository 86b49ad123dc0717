package dev.lyne.load.run;

import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.LoadProfile;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.Locale;

/**
 * One level of a load: students of a closed loop, or sequences a second of an open one.
 *
 * @param value of what varies, over all processes
 */
record Level(double value) {
    static Level of(LoadProfile profile) {
        return new Level(
                profile.arrivals() instanceof Arrivals.Open open
                        ? open.sequencesPerSecond()
                        : profile.share().students());
    }

    LoadProfile applyTo(LoadProfile profile) {
        if (profile.arrivals() instanceof Arrivals.Open open) {
            return profile.withArrivals(new Arrivals.Open(value, open.constant()));
        }
        int students = (int) Math.round(value);
        return students == profile.share().students() ? profile : profile.withStudents(students);
    }

    String label(LoadProfile profile) {
        return profile.arrivals() instanceof Arrivals.Open
                ? new DecimalFormat("0.###", DecimalFormatSymbols.getInstance(Locale.ROOT)).format(value)
                        + " sequences/s"
                : Math.round(value) + (Math.round(value) == 1 ? " student" : " students");
    }

    /** The level after this one in a ramp. */
    Level next(double factor, boolean whole) {
        return new Level(whole ? Math.max(Math.round(value) + 1, Math.round(value * factor)) : value * factor);
    }
}
