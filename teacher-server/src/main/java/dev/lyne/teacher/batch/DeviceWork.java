package dev.lyne.teacher.batch;

import dev.lyne.teacher.tenant.Flow;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Work beside scoring that is done on a device's thread, a bounded stretch at a time. */
public interface DeviceWork {
    /**
     * Stretch of work that was done.
     *
     * @param positions that the device has worked through
     * @param shares for whom, as parts of the whole
     * @param forwards in order
     */
    record Stretch(long positions, Map<Flow, Double> shares, List<Forward> forwards) {
        /** Nothing to speak of. */
        static final Stretch NOTHING = new Stretch(0, Map.of(), List.of());
    }

    /**
     * A forward of such work.
     *
     * @param threw whether the model threw at it
     * @param of where it did, what tells its texts from others
     * @param withoutMemory tokens of a text that it threw at, alone, for want of memory, although as many fitted
     *     before; 0 where it did not
     */
    record Forward(boolean threw, Set<Long> of, int withoutMemory) {
        /** One that gave what it was to give. */
        public static final Forward SUCCEEDED = new Forward(false, Set.of(), 0);

        /** A forward that the model threw at. */
        public static Forward threwAt(Set<Long> of) {
            return new Forward(true, of, 0);
        }
    }

    /** Never any. */
    DeviceWork NONE = new DeviceWork() {
        @Override
        public boolean waits() {
            return false;
        }

        @Override
        public Stretch run() {
            return Stretch.NOTHING;
        }

        @Override
        public void end() {}

        @Override
        public void onArrival(Runnable wake) {}

        @Override
        public Duration longestForward() {
            return Duration.ofDays(1);
        }
    };

    /** Whether a stretch waits. Called with locks held: takes none that is held when {@link #onArrival}'s action is called. */
    boolean waits();

    /**
     * Does a stretch, on the device's thread. Whatever it throws ends that thread.
     *
     * @return what was done
     */
    Stretch run();

    /** Lets go of everything, on the device's thread, which ends. */
    void end();

    /** Sets what is to be called when work comes. Called once, before anything else. */
    void onArrival(Runnable wake);

    /** How long a forward of scoring may take while this waits. */
    Duration longestForward();
}
