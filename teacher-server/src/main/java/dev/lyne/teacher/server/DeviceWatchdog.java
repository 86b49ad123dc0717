package dev.lyne.teacher.server;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds device threads that do not come back from what they do: the server says that it does not serve, and logs where they are; those that
 * come back serve again, and those that do not end the server. Its timer alone calls {@link #look}.
 */
final class DeviceWatchdog {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceWatchdog.class);

    /** A device's thread. */
    interface Device {
        /** How long it has been at what it does now, in nanoseconds; 0 while it waits. */
        long workingNanos();

        /** Returns the stack of its thread. */
        String stack();

        static Device of(LongSupplier workingNanos, Supplier<String> stack) {
            return new Device() {
                @Override
                public long workingNanos() {
                    return workingNanos.getAsLong();
                }

                @Override
                public String stack() {
                    return stack.get();
                }
            };
        }
    }

    /** Listener that the watchdog tells what becomes of a device. */
    interface Listener {
        /** A teacher's device does what it should again, or does not. */
        void serves(String teacher, boolean serves);

        /** A teacher's device is given up. */
        void lost(String teacher, Throwable cause);
    }

    private final Supplier<Map<String, Device>> devices;
    private final Duration stuckAfter;
    private final Duration lostAfter;
    private final Listener listener;
    private final Map<String, Integer> looks = new HashMap<>(); // at each that is stuck
    private final Set<String> stuck = new HashSet<>();
    private final Set<String> lost = new HashSet<>();

    /**
     * Watches the devices of teachers.
     *
     * @param devices those that there are now, by the names of their teachers
     * @param stuckAfter how long a thread may be at one thing
     * @param lostAfter how long at most, until it is given up
     */
    DeviceWatchdog(Supplier<Map<String, Device>> devices, Duration stuckAfter, Duration lostAfter, Listener listener) {
        this.devices = devices;
        this.stuckAfter = stuckAfter;
        this.lostAfter = lostAfter;
        this.listener = listener;
    }

    /** Looks at each, once a second. */
    void look() {
        Map<String, Device> now = devices.get();
        looks.keySet().retainAll(now.keySet());
        stuck.retainAll(now.keySet());
        now.forEach((teacher, device) -> {
            long nanos = device.workingNanos();
            int seen = nanos >= stuckAfter.toNanos() ? looks.merge(teacher, 1, Integer::sum) : 0;
            if (seen == 0) {
                looks.remove(teacher);
            }
            if (nanos >= stuckAfter.toNanos() && stuck.add(teacher)) {
                LOG.error(
                        "the device of teacher {} has been at one thing for {} s (expected: below {}); not serving. It is in {}",
                        teacher,
                        nanos / 1_000_000_000,
                        stuckAfter.toSeconds(),
                        device.stack());
                listener.serves(teacher, false);
            } else if (nanos < stuckAfter.toNanos() && stuck.remove(teacher)) {
                LOG.warn("the device of teacher {} came back; serving again", teacher);
                listener.serves(teacher, true);
            }
            // A process that was stopped finds all that time gone at its first look: it gives the device as many looks
            // as it has seconds.
            boolean watched = seen > lostAfter.minus(stuckAfter).toSeconds();
            if (nanos >= lostAfter.toNanos() && watched && lost.add(teacher)) {
                listener.lost(
                        teacher,
                        new IllegalStateException("stuck for " + nanos / 1_000_000_000 + " s (expected: below "
                                + lostAfter.toSeconds() + ")"));
            }
        });
    }
}
