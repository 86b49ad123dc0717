package dev.lyne.load.plan;

import java.util.PriorityQueue;

/** Simulated time, in seconds, and what happens when. Things at one time happen in the order they were planned. */
final class Calendar {
    private record Entry(double seconds, long number, Runnable task) implements Comparable<Entry> {
        @Override
        public int compareTo(Entry other) {
            int byTime = Double.compare(seconds, other.seconds);
            return byTime != 0 ? byTime : Long.compare(number, other.number);
        }
    }

    private final PriorityQueue<Entry> entries = new PriorityQueue<>();
    private double now;
    private long planned;

    double now() {
        return now;
    }

    void at(double seconds, Runnable task) {
        entries.add(new Entry(Math.max(seconds, now), planned++, task));
    }

    void runUntil(double seconds) {
        while (!entries.isEmpty() && entries.peek().seconds() <= seconds) {
            Entry next = entries.remove();
            now = next.seconds();
            next.task().run();
        }
        now = seconds;
    }
}
