package dev.lyne.teacher.decode;

import dev.lyne.row.DecodeItem;
import dev.lyne.row.DecodeOutcome;
import dev.lyne.teacher.model.LocalDecoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** A decoder without a model: what it answers is a function of the text so far. Refuses what a real one would. */
public final class FakeDecoder implements LocalDecoder {
    public static final int BYTES_A_TOKEN = 10;
    public static final int VOCABULARY = 50;

    /** New tokens of each call, one entry a sequence. */
    final List<List<Integer>> calls = new ArrayList<>();

    private final long maxBytes;
    private long bytes;
    private boolean closed;
    private Optional<RuntimeException> next = Optional.empty();
    private int notFiniteAfter = -1;
    private int mostTokens = Integer.MAX_VALUE;

    /** @param maxBytes most bytes of all sequences, {@link #BYTES_A_TOKEN} a token */
    public FakeDecoder(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    private final class Held implements Cache {
        private int[] tokens = {};

        @Override
        public int length() {
            return tokens.length;
        }

        @Override
        public long bytes() {
            return (long) BYTES_A_TOKEN * tokens.length;
        }

        @Override
        public void close() {
            bytes -= (long) BYTES_A_TOKEN * tokens.length;
            tokens = new int[0];
        }
    }

    /** The next call throws. */
    void fail(RuntimeException failure) {
        next = Optional.of(failure);
    }

    /** The device has no memory for calls with more new tokens. */
    void memoryFor(int tokens) {
        mostTokens = tokens;
    }

    /** Logits after this token are not finite. */
    void notFiniteAfter(int id) {
        notFiniteAfter = id;
    }

    /** Log-probability of a token after a text. */
    public static double logProbability(int[] text, int id) {
        return -1 - Math.floorMod(Arrays.hashCode(text) * 31 + id, 1_000) / 1_000.0;
    }

    /** Returns the token that is drawn after a text. */
    public static int drawn(int[] text, double uniform) {
        return Math.floorMod((int) (uniform * 10_000) + Arrays.hashCode(text), VOCABULARY);
    }

    @Override
    public Cache open(int promptTokens) {
        return new Held();
    }

    @Override
    public List<DecodeOutcome> extend(List<Extension> extensions) {
        calls.add(extensions.stream()
                .map(extension -> extension.item().tokens().length)
                .toList());
        if (next.isPresent()) {
            RuntimeException failure = next.get();
            next = Optional.empty();
            throw failure;
        }
        if (extensions.stream()
                        .mapToInt(extension -> extension.item().tokens().length)
                        .sum()
                > mostTokens) {
            throw new IllegalStateException("CUDA out of memory. Tried to allocate 1.00 GiB");
        }
        return extensions.stream().map(this::extend).toList();
    }

    private DecodeOutcome extend(Extension extension) {
        Held held = (Held) extension.cache();
        long more = (long) BYTES_A_TOKEN * extension.item().tokens().length;
        if (bytes + more > maxBytes) {
            return new DecodeOutcome.NoRoom(held.bytes() + more);
        }
        bytes += more;
        List<Integer> ids = new ArrayList<>();
        List<Double> answers = new ArrayList<>();
        for (int i = 0; i < extension.item().tokens().length; i++) {
            held.tokens = Arrays.copyOf(held.tokens, held.tokens.length + 1);
            held.tokens[held.tokens.length - 1] = extension.item().tokens()[i];
            int label = extension.item().labels()[i];
            if (label == DecodeItem.NOTHING) {
                continue;
            }
            if (extension.item().tokens()[i] == notFiniteAfter) {
                return new DecodeOutcome.NotFinite(held.tokens.length - 1);
            }
            int id = label == DecodeItem.DRAW
                    ? drawn(held.tokens, extension.item().uniform())
                    : label;
            ids.add(id);
            answers.add(logProbability(held.tokens, id));
        }
        double[] values = answers.stream().mapToDouble(Double::doubleValue).toArray();
        return new DecodeOutcome.Answered(
                ids.stream().mapToInt(Integer::intValue).toArray(),
                values,
                Arrays.stream(values).map(value -> value / 2).toArray());
    }

    @Override
    public long cacheBytes() {
        return bytes;
    }

    boolean isClosed() {
        return closed;
    }

    @Override
    public void close() {
        closed = true;
    }
}
