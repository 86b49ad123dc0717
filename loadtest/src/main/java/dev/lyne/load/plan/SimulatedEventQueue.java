package dev.lyne.load.plan;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Simulated time, in seconds, and what happens when. Things at one time happen in the order they were planned. A binary heap in arrays:
 * a large plan has a million entries and takes most of its time here.
 */
final class SimulatedEventQueue {
    private double[] seconds = new double[1_024];
    private long[] numbers = new long[1_024];
    private @Nullable Runnable[] tasks = new Runnable[1_024];
    private int size;
    private double now;
    private long planned;

    double now() {
        return now;
    }

    void at(double when, Runnable task) {
        if (size == seconds.length) {
            seconds = Arrays.copyOf(seconds, 2 * size);
            numbers = Arrays.copyOf(numbers, 2 * size);
            tasks = Arrays.copyOf(tasks, 2 * size);
        }
        double time = Math.max(when, now);
        int hole = size++;
        while (hole > 0 && time < seconds[(hole - 1) / 2]) { // of equal times the later number is never less
            move((hole - 1) / 2, hole);
            hole = (hole - 1) / 2;
        }
        put(hole, time, planned++, task);
    }

    void runUntil(double end) {
        while (size > 0 && seconds[0] <= end) {
            now = seconds[0];
            Runnable task = tasks[0];
            removeFirst();
            if (task != null) {
                task.run();
            }
        }
        now = end;
    }

    private void removeFirst() {
        size--;
        double time = seconds[size];
        long number = numbers[size];
        Runnable task = tasks[size];
        tasks[size] = null;
        int hole = 0;
        while (2 * hole + 1 < size) {
            int child = 2 * hole + 1;
            if (child + 1 < size && before(seconds[child + 1], numbers[child + 1], child)) {
                child++;
            }
            if (before(time, number, child)) {
                break;
            }
            move(child, hole);
            hole = child;
        }
        if (size > 0) {
            put(hole, time, number, task);
        }
    }

    private boolean before(double time, long number, int other) {
        return time < seconds[other] || time == seconds[other] && number < numbers[other];
    }

    private void move(int from, int to) {
        put(to, seconds[from], numbers[from], tasks[from]);
    }

    private void put(int at, double time, long number, @Nullable Runnable task) {
        seconds[at] = time;
        numbers[at] = number;
        tasks[at] = task;
    }
}
