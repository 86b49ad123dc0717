package dev.lyne.load.bench;

import dev.lyne.row.Precision;
import java.util.Arrays;
import java.util.SplittableRandom;

/** An order that tells a {@link BenchStudent} what to do next: one line to its process, answered by one number. */
sealed interface Order {
    /** The order as a line. */
    String line();

    /**
     * Top-k rows of random sequences: the same ones for the same round and student, distinct from all others.
     *
     * @param count sequences
     * @param tokens of each sequence
     * @param times how often to ask for all of them
     */
    record Workload(long round, int count, int tokens, int k, Precision precision, int times) {
        int[][] sequences(int student, int vocabularySize) {
            var random = new SplittableRandom(round << 32 | student);
            int[][] sequences = new int[count][];
            Arrays.setAll(sequences, i -> random.ints(tokens, 0, vocabularySize).toArray());
            return sequences;
        }

        Workload times(int number) {
            return new Workload(round, count, tokens, k, precision, number);
        }

        private String words() {
            return round + " " + count + " " + tokens + " " + k + " " + precision + " " + times;
        }

        private static Workload parse(String[] words) {
            return new Workload(
                    Long.parseLong(words[1]),
                    Integer.parseInt(words[2]),
                    Integer.parseInt(words[3]),
                    Integer.parseInt(words[4]),
                    Precision.valueOf(words[5]),
                    Integer.parseInt(words[6]));
        }
    }

    /** Take the rows, verified and decoded; the answer is their number of positions. */
    record TakeRows(Workload workload) implements Order {
        @Override
        public String line() {
            return "take " + workload.words();
        }
    }

    /** Read the rows' messages, neither verified nor decoded; the answer is the bytes of their blocks. */
    record CountRows(Workload workload) implements Order {
        @Override
        public String line() {
            return "count " + workload.words();
        }
    }

    /**
     * Run the load generator's closed loop.
     *
     * @param workload what to ask for; all students' sequences are those of its round
     * @param port of the {@link BareStream} to ask; 0 for the teacher
     * @param repeated whether they are the same ones over and over; the answer is then bytes a second, else tokens a second
     */
    record Load(Workload workload, int port, boolean repeated, long millis) implements Order {
        @Override
        public String line() {
            return (repeated ? "load-hits " : "load ") + workload.words() + " " + port + " " + millis;
        }
    }

    /** Read so many messages of the {@link BareStream} on that port; the answer is their bytes. */
    record CountMessages(int port, long messages) implements Order {
        @Override
        public String line() {
            return "bare " + port + " " + messages;
        }
    }

    /** Say how many nanoseconds of processor time the order before took; of a load, in its counted window. */
    record TellCpuTime() implements Order {
        @Override
        public String line() {
            return "cpu";
        }
    }

    /** Reads an order back from its line. */
    static Order parse(String line) {
        String[] words = line.split(" ");
        return switch (words[0]) {
            case "take" -> new TakeRows(Workload.parse(words));
            case "count" -> new CountRows(Workload.parse(words));
            case "bare" -> new CountMessages(Integer.parseInt(words[1]), Long.parseLong(words[2]));
            case "load", "load-hits" ->
                new Load(
                        Workload.parse(words),
                        Integer.parseInt(words[words.length - 2]),
                        words[0].equals("load-hits"),
                        Long.parseLong(words[words.length - 1]));
            case "cpu" -> new TellCpuTime();
            default ->
                throw new IllegalArgumentException("order: " + line + " (expected: take, count, load, bare or cpu)");
        };
    }
}
