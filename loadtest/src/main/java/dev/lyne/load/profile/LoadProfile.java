package dev.lyne.load.profile;

import dev.lyne.row.Precision;
import java.time.Duration;

/**
 * Behaviour of the students of a load run.
 *
 * @param share the students that run here
 * @param arrivals when sequences are asked for
 * @param requests what is asked for
 * @param faults stalls and disconnections
 * @param period when it counts
 * @param decode whether blocks are checked and decoded, or only counted
 * @param seed seed of everything drawn
 */
public record LoadProfile(
        Share share,
        Arrivals arrivals,
        Requests requests,
        FaultInjection faults,
        Period period,
        boolean decode,
        long seed) {
    /**
     * The students that run here, of those that run anywhere.
     *
     * @param students students over all processes, each with a connection and a stream of its own
     * @param part which part of the students runs here, from 1
     * @param parts parts that the students are split into, one a process
     */
    public record Share(int students, int part, int parts) {
        public Share {
            Numbers.require(students >= 1 && students <= 100_000, "students", students, "1..100000");
            Numbers.require(part >= 1 && part <= parts, "part", part + "/" + parts, "I/N, I from 1 to N");
            Numbers.require(parts <= students, "part", part + "/" + parts, "at most one part a student of " + students);
        }

        /** The first student that runs here. */
        public int first() {
            return (int) ((long) students * (part - 1) / parts);
        }

        /** How many students run here. */
        public int here() {
            return (int) ((long) students * part / parts) - first();
        }
    }

    /**
     * Rows that are asked for.
     *
     * @param lengths tokens a sequence
     * @param selections which entries of each row are asked for
     * @param precision how rows are coded
     * @param rawLogits whether logits are asked for too
     * @param positions which positions are wanted
     * @param pool sequences that all students have in common
     */
    public record Requests(
            Lengths lengths,
            Selections selections,
            Precision precision,
            boolean rawLogits,
            WantedPositions positions,
            Pool pool) {
        public Requests {
            Numbers.require(
                    !rawLogits || precision != Precision.COMPACT, "raw_logits", precision, "exact or half rows");
        }
    }

    /**
     * Sequences that all students have in common.
     *
     * @param repeatedShare share of sequences drawn from the pool, 0 to 1
     * @param sequences sequences in the pool
     */
    public record Pool(double repeatedShare, int sequences) {
        public Pool {
            Numbers.require(repeatedShare >= 0 && repeatedShare <= 1, "repeated", repeatedShare, "0..1");
            Numbers.require(sequences >= 1, "pool", sequences, "at least 1");
        }
    }

    /**
     * When a run counts.
     *
     * @param warmUp time before anything counts
     * @param duration time that counts
     */
    public record Period(Duration warmUp, Duration duration) {
        public Period {
            Numbers.require(duration.toNanos() > 0, "duration", duration.toNanos() / 1e9 + " s", "above 0");
            Numbers.require(!warmUp.isNegative(), "warm_up", warmUp.toNanos() / 1e9 + " s", "at least 0");
        }
    }

    /** Returns this profile at another number of students. */
    public LoadProfile withStudents(int number) {
        return with(new Share(number, share.part(), share.parts()), arrivals);
    }

    /** Returns this profile with other arrivals. */
    public LoadProfile withArrivals(Arrivals other) {
        return with(share, other);
    }

    /** Returns one part of this load. */
    public LoadProfile withPart(int one, int of) {
        return with(new Share(share.students(), one, of), arrivals);
    }

    private LoadProfile with(Share otherShare, Arrivals otherArrivals) {
        return new LoadProfile(otherShare, otherArrivals, requests, faults, period, decode, seed);
    }
}
