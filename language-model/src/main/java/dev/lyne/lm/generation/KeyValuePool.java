package dev.lyne.lm.generation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.model.ModelConfiguration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Memory for the keys and values of sequences, at most so many bytes. Sequences of about one length share a slab, in which each has a slot:
 * capacities are powers of two times {@link #LEAST_CAPACITY}, so that at most half of a slot is empty, unless there is room in a larger one
 * alone; and one that outgrows its slot is moved. A slab lives while one of its slots is taken. One thread, the decoder's.
 */
final class KeyValuePool implements AutoCloseable {
    /** Positions of the smallest slot; a multiple of it is a multiple of what vector instructions like addresses to be. */
    static final int LEAST_CAPACITY = 64;

    /** A slab has no more bytes than this, unless one slot does. */
    private static final long SLAB_BYTES = 32L << 20;

    private static final int MAX_SLOTS = 32;
    private static final int FIRST_SLOTS = 4;

    private final Script script;
    private final Supplier<NDArray> like;
    private final ModelConfiguration configuration;
    private final int computeType;
    private final long positionBytes;
    private final long maxBytes;
    private final List<Slab> slabs = new ArrayList<>();
    private long bytes;

    /**
     * @param like gives a tensor on the device
     * @param maxBytes most bytes of all slabs
     */
    KeyValuePool(
            Script script,
            Supplier<NDArray> like,
            ModelConfiguration configuration,
            int computeType,
            int typeBytes,
            long maxBytes) {
        this.script = script;
        this.like = like;
        this.configuration = configuration;
        this.computeType = computeType;
        this.maxBytes = maxBytes;
        this.positionBytes = 2L
                * configuration.sizes().layers()
                * configuration.attention().keyValueHeads()
                * configuration.attention().headSize()
                * typeBytes;
    }

    /** Keys and values of several sequences in one tensor, {@code [2 · layers, slots, capacity, K, S]}. */
    static final class Slab {
        private final NDManager memory;
        private final NDArray tensor;
        private final int slots;
        private final int capacity;
        private final BitSet taken = new BitSet();

        private Slab(NDManager memory, NDArray tensor, int slots, int capacity) {
            this.memory = memory;
            this.tensor = tensor;
            this.slots = slots;
            this.capacity = capacity;
        }

        NDArray tensor() {
            return tensor;
        }
    }

    /** Room for one sequence. */
    record Slot(Slab slab, int number) {
        int capacity() {
            return slab.capacity;
        }
    }

    /** Bytes of all slabs. */
    long bytes() {
        return bytes;
    }

    /** Bytes that a slot for so many positions takes. */
    long slotBytes(int positions) {
        return capacity(positions) * positionBytes;
    }

    /** A cleared slot for at least so many positions; none where there is no room for it. */
    Optional<Slot> allocate(int positions) {
        return take(positions).map(slot -> placed(slot, slot, 0));
    }

    /** A slot for more positions that holds the first {@code length} of another one, which is released; none where there is no room for it. */
    Optional<Slot> move(Slot from, int positions, int length) {
        return take(positions).map(slot -> {
            Slot into = placed(slot, from, length);
            release(from);
            return into;
        });
    }

    private Slot placed(Slot into, Slot from, int length) {
        try {
            place(into, from, length);
            return into;
        } catch (RuntimeException | Error e) {
            release(into); // nobody will
            throw e;
        }
    }

    void release(Slot slot) {
        Slab slab = slot.slab();
        slab.taken.clear(slot.number());
        if (slab.taken.isEmpty()) {
            slabs.remove(slab);
            free(slab);
        }
    }

    private Optional<Slot> take(int positions) {
        int capacity = capacity(positions);
        int slotsThere = 0;
        for (Slab slab : slabs) {
            if (slab.capacity == capacity) {
                int free = slab.taken.nextClearBit(0);
                if (free < slab.slots) {
                    slab.taken.set(free);
                    return Optional.of(new Slot(slab, free));
                }
                slotsThere += slab.slots;
            }
        }
        long slotBytes = capacity * positionBytes;
        long wanted = Math.max(FIRST_SLOTS, slotsThere); // twice as many as before
        long slots = Math.min(Math.min(wanted, MAX_SLOTS), Math.min(SLAB_BYTES, maxBytes - bytes) / slotBytes);
        if (slots < 1 && maxBytes - bytes >= slotBytes) {
            slots = 1;
        }
        if (slots < 1) {
            return larger(capacity);
        }
        Slab slab = make((int) slots, capacity);
        slab.taken.set(0);
        return Optional.of(new Slot(slab, 0));
    }

    /** A free slot of the smallest slab for more positions: better than none. */
    private Optional<Slot> larger(int capacity) {
        return slabs.stream()
                .filter(slab -> slab.capacity > capacity && slab.taken.nextClearBit(0) < slab.slots)
                .min(Comparator.comparingInt(slab -> slab.capacity))
                .map(slab -> {
                    Slot slot = new Slot(slab, slab.taken.nextClearBit(0));
                    slab.taken.set(slot.number());
                    return slot;
                });
    }

    private int capacity(int positions) {
        int capacity = LEAST_CAPACITY;
        while (capacity < positions) {
            capacity *= 2;
        }
        return capacity;
    }

    private Slab make(int slots, int capacity) {
        NDManager memory = script.newManager();
        try (InferenceCall call = script.inference("zeros")) {
            NDArray tensor = call.tensor(like.get())
                    .integers(
                            2L * configuration.sizes().layers(),
                            slots,
                            capacity,
                            configuration.attention().keyValueHeads(),
                            configuration.attention().headSize())
                    .integer(computeType)
                    .run(memory)
                    .singletonOrThrow();
            Slab slab = new Slab(memory, tensor, slots, capacity);
            slabs.add(slab);
            bytes += slots * (capacity * positionBytes);
            return slab;
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    private void place(Slot into, Slot from, int length) {
        try (InferenceCall call = script.inference("place")) {
            call.tensor(into.slab().tensor())
                    .integer(into.number())
                    .tensor(from.slab().tensor())
                    .integer(from.number())
                    .integer(length)
                    .run();
        }
    }

    private void free(Slab slab) {
        bytes -= slab.slots * (slab.capacity * positionBytes);
        slab.memory.close();
    }

    @Override
    public void close() {
        for (Iterator<Slab> all = slabs.iterator(); all.hasNext(); ) {
            Slab slab = all.next();
            all.remove();
            free(slab);
        }
    }
}
