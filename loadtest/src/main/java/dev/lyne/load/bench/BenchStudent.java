package dev.lyne.load.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A student process of a benchmark: {@link ServeWorker} in a process of its own. */
public interface BenchStudent extends AutoCloseable {
    /** Starts the student processes of a benchmark. */
    @FunctionalInterface
    interface Starter {
        /**
         * Starts them against the server on this port.
         *
         * @param tokens file of each student's token; none where the server asks for none
         */
        List<BenchStudent> start(int port, List<Path> tokens) throws IOException;

        /** Starts them against a server that asks for no token. */
        default List<BenchStudent> start(int port) throws IOException {
            return start(port, List.of());
        }
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

    /** Gives every student the same order and waits for all; gives the sum of their answers. */
    static long run(Iterable<BenchStudent> students, Order order) throws IOException {
        for (BenchStudent student : students) {
            student.tell(order.line());
        }
        long sum = 0;
        for (BenchStudent student : students) {
            sum += Long.parseLong(student.hear());
        }
        return sum;
    }
}
