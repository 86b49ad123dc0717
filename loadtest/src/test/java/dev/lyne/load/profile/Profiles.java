package dev.lyne.load.profile;

import dev.lyne.row.Precision;
import java.time.Duration;

/** Profiles for tests: 10 s without a warm-up, unless said otherwise. */
public final class Profiles {
    private Profiles() {}

    public static LoadProfile of(int students, Arrivals arrivals) {
        return of(students, arrivals, FaultInjection.NONE);
    }

    public static LoadProfile of(int students, Arrivals arrivals, FaultInjection faults) {
        return of(students, arrivals, faults, requests("11", "top_k=8", 0), Duration.ofSeconds(10), false);
    }

    public static LoadProfile of(
            int students,
            Arrivals arrivals,
            FaultInjection faults,
            LoadProfile.Requests requests,
            Duration duration,
            boolean decode) {
        return new LoadProfile(
                new LoadProfile.Share(students, 1, 1),
                arrivals,
                requests,
                faults,
                new LoadProfile.Period(Duration.ZERO, duration),
                decode,
                7);
    }

    public static LoadProfile.Requests requests(String tokens, String selection, double repeated) {
        return new LoadProfile.Requests(
                Lengths.parse(tokens),
                Selections.parse(selection, 1),
                Precision.EXACT,
                false,
                WantedPositions.ALL,
                new LoadProfile.Pool(repeated, 16));
    }
}
