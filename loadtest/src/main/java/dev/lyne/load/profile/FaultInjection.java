package dev.lyne.load.profile;

/**
 * Misbehaviour of students that servers must bear; times are means of exponential distributions, 0 for never.
 *
 * @param stallEverySeconds between the ends and starts of times in which a student reads nothing
 * @param stallSeconds how long such a time is, exactly
 * @param disconnectEverySeconds between the moments when a student drops its stream and opens a new one
 */
public record FaultInjection(double stallEverySeconds, double stallSeconds, double disconnectEverySeconds) {
    /** None. */
    public static final FaultInjection NONE = new FaultInjection(0, 0, 0);

    public FaultInjection {
        Numbers.require(stallEverySeconds >= 0, "stall_every", stallEverySeconds, "0 s or more");
        Numbers.require(stallSeconds >= 0, "stall", stallSeconds, "0 s or more");
        Numbers.require(disconnectEverySeconds >= 0, "disconnect_every", disconnectEverySeconds, "0 s or more");
        Numbers.require(stallEverySeconds == 0 || stallSeconds > 0, "stall", stallSeconds, "above 0 s");
    }
}
