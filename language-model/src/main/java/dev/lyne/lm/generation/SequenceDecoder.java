package dev.lyne.lm.generation;

import dev.lyne.row.DecodeOutcome;
import java.util.List;

/**
 * Continues many sequences at once, each over its own keys and values. Sequences join and leave between any two calls. One thread calls it.
 */
public interface SequenceDecoder extends AutoCloseable {
    /**
     * Begins a sequence, which holds nothing yet.
     *
     * @param promptTokens length of its prompt, which a deterministic decoder takes in one call, and every later token alone
     */
    CachedSequence open(int promptTokens);

    /**
     * Appends tokens to sequences, each of them once at most. Where it throws, every sequence holds what it held before, and may be extended again.
     *
     * @return one outcome an extension, in order
     * @throws IllegalArgumentException where a token is none of the model's, or a sequence outgrows the context
     */
    List<DecodeOutcome> extend(List<Extension> extensions);

    /** Bytes of memory that keys and values have; 0 where there is no sequence that holds any. */
    long cacheBytes();

    @Override
    void close();
}
