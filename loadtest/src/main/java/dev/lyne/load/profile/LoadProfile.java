package dev.lyne.load.profile;

import dev.lyne.row.Precision;
import java.time.Duration;

/**
 * What the students of a load run do.
 *
 * @param students students over all processes, each with a connection and a stream of its own
 * @param part which part of the students runs here, from 1
 * @param parts parts that the students are split into, one a process
 * @param arrivals when sequences are asked for
 * @param lengths tokens a sequence
 * @param selections which entries of each row are asked for
 * @param precision how rows are coded
 * @param rawLogits whether logits are asked for too
 * @param positions which positions are wanted
 * @param repeatedShare share of sequences drawn from a pool that all students have in common, 0 to 1
 * @param poolSequences sequences in that pool
 * @param trouble stalls and disconnections
 * @param warmUp time before anything counts
 * @param duration time that counts
 * @param decode whether blocks are checked and decoded, or only counted
 * @param seed seed of everything drawn
 */
public record LoadProfile(
        int students,
        int part,
        int parts,
        Arrivals arrivals,
        Lengths lengths,
        Selections selections,
        Precision precision,
        boolean rawLogits,
        WantedPositions positions,
        double repeatedShare,
        int poolSequences,
        FaultInjection trouble,
        Duration warmUp,
        Duration duration,
        boolean decode,
        long seed) {
    public LoadProfile {
        Numbers.require(students >= 1 && students <= 100_000, "students", students, "1..100000");
        Numbers.require(part >= 1 && part <= parts, "part", part + "/" + parts, "I/N, I from 1 to N");
        Numbers.require(parts <= students, "part", part + "/" + parts, "at most one part a student of " + students);
        Numbers.require(repeatedShare >= 0 && repeatedShare <= 1, "repeated", repeatedShare, "0..1");
        Numbers.require(poolSequences >= 1, "pool", poolSequences, "at least 1");
        Numbers.require(!rawLogits || precision != Precision.COMPACT, "raw_logits", precision, "exact or half rows");
        Numbers.require(duration.toNanos() > 0, "duration", duration.toNanos() / 1e9 + " s", "above 0");
        Numbers.require(!warmUp.isNegative(), "warm_up", warmUp.toNanos() / 1e9 + " s", "at least 0");
    }

    /** The first student that runs here. */
    public int firstStudent() {
        return (int) ((long) students * (part - 1) / parts);
    }

    /** How many students run here. */
    public int studentsHere() {
        return (int) ((long) students * part / parts) - firstStudent();
    }

    /** The same at another number of students. */
    public LoadProfile withStudents(int number) {
        return with(number, part, parts, arrivals);
    }

    /** The same with other arrivals. */
    public LoadProfile withArrivals(Arrivals other) {
        return with(students, part, parts, other);
    }

    /** One part of this load. */
    public LoadProfile withPart(int one, int of) {
        return with(students, one, of, arrivals);
    }

    private LoadProfile with(int all, int one, int of, Arrivals other) {
        return new LoadProfile(
                all,
                one,
                of,
                other,
                lengths,
                selections,
                precision,
                rawLogits,
                positions,
                repeatedShare,
                poolSequences,
                trouble,
                warmUp,
                duration,
                decode,
                seed);
    }
}
