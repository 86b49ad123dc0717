package dev.lyne.load.run;

import java.util.PriorityQueue;

/** A queue of events whose time moves when it is told to. */
final class VirtualEventQueue implements EventQueue {
    private record Entry(long nanos, long number, Runnable task) implements Comparable<Entry> {
        @Override
        public int compareTo(Entry other) {
            return nanos != other.nanos ? Long.compare(nanos, other.nanos) : Long.compare(number, other.number);
        }
    }

    private final PriorityQueue<Entry> entries = new PriorityQueue<>();
    private long now;
    private long added;

    @Override
    public long now() {
        return now;
    }

    @Override
    public void at(long nanos, Runnable task) {
        entries.add(new Entry(Math.max(nanos, now), added++, task));
    }

    /** Does everything up to that time. */
    void runUntil(long nanos) {
        while (!entries.isEmpty() && entries.peek().nanos() <= nanos) {
            Entry next = entries.remove();
            now = next.nanos();
            next.task().run();
        }
        now = nanos;
    }
}
