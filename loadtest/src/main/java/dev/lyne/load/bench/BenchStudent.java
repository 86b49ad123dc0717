package dev.lyne.load.bench;

import java.io.IOException;
import java.util.List;

/** A student process of a benchmark: {@link ServeWorker} in a process of its own. */
public interface BenchStudent extends AutoCloseable {
    /** Starts the student processes of a benchmark. */
    @FunctionalInterface
    interface Starter {
        /** Starts them against the server on this port. */
        List<BenchStudent> start(int port) throws IOException;
    }

    /** Sends a line. */
    void tell(String line) throws IOException;

    /** Waits for a line. */
    String hear() throws IOException;

    /** Stops the process where it stands: it neither computes nor reads until {@link #resume}. */
    void pause() throws IOException, InterruptedException;

    /** Lets a paused process go on. */
    void resume() throws IOException, InterruptedException;

    @Override
    void close();

    /** The order for {@link ServeWorker} to take so many sequences. */
    static String order(int round, int sequences, int tokens, int k) {
        return round + " " + sequences + " " + tokens + " " + k;
    }

    /** Gives every student the same order and waits for all; tells how many positions they took. */
    static long run(Iterable<BenchStudent> students, String order) throws IOException {
        for (BenchStudent student : students) {
            student.tell(order);
        }
        long positions = 0;
        for (BenchStudent student : students) {
            positions += Long.parseLong(student.hear());
        }
        return positions;
    }
}
