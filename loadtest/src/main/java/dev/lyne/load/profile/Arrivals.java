package dev.lyne.load.profile;

import java.util.SplittableRandom;

/** Arrivals: the times at which sequences are asked for. */
public sealed interface Arrivals {
    /**
     * A closed loop: a student keeps sequences in flight and asks for the next when one is answered, after a pause.
     *
     * @param window sequences a student keeps in flight
     * @param thinkMillis mean of the exponential pause before a sequence takes the place of an answered one; 0 for none
     */
    record Closed(int window, double thinkMillis) implements Arrivals {
        public Closed {
            Numbers.require(window >= 1, "in_flight", window, "at least 1");
            Numbers.require(thinkMillis >= 0 && thinkMillis < 1e9, "think_ms", thinkMillis, "0 ms or more");
        }
    }

    /**
     * An open loop: sequences come when they come, whether or not earlier ones are answered.
     *
     * @param sequencesPerSecond over all students
     * @param constant evenly spaced, each student's shifted by its share of the spacing; else independent (Poisson)
     */
    record Open(double sequencesPerSecond, boolean constant) implements Arrivals {
        public Open {
            Numbers.require(sequencesPerSecond > 0 && sequencesPerSecond <= 1e7, "rate", sequencesPerSecond, "above 0");
        }

        /** The intended times of a student's sequences, in nanoseconds from the start of the step, one a call. */
        public Times times(int student, int students, long seed) {
            return new Times(this, student, students, new SplittableRandom(Seeds.of(seed, student, Seeds.ARRIVALS)));
        }
    }

    /** Intended times, ascending. One thread uses it. */
    final class Times {
        private final double spacingNanos; // between a student's sequences, on average
        private final boolean constant;
        private final SplittableRandom random;
        private double next;

        private Times(Open open, int student, int students, SplittableRandom random) {
            this.spacingNanos = 1e9 * students / open.sequencesPerSecond();
            this.constant = open.constant();
            this.random = random;
            this.next = constant ? spacingNanos * student / students : gap();
        }

        private double gap() {
            return constant ? spacingNanos : -Math.log1p(-random.nextDouble()) * spacingNanos;
        }

        /** The next one. */
        public long next() {
            long time = Math.round(next);
            next += gap();
            return time;
        }
    }
}
