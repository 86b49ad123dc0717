package dev.lyne.teacher.model;

import dev.lyne.row.DecodeItem;
import dev.lyne.row.DecodeOutcome;
import java.util.List;

/**
 * The decoder of a {@link LocalModel}: it continues many texts at once, each over its own keys and values. Texts join and leave between any
 * two calls. The thread that owns the model's device calls it.
 */
public interface LocalDecoder extends AutoCloseable {
    /** Keys and values of one text. For the decoder's thread. */
    interface Cache extends AutoCloseable {
        /** Tokens whose keys and values are held. */
        int length();

        /** Memory that they take; 0 where none are held. */
        long bytes();

        /** Gives the keys and values up; a second call does nothing. */
        @Override
        void close();
    }

    /** A text's cache and the text's new tokens. */
    record Extension(Cache cache, DecodeItem item) {}

    /**
     * Begins a text, of which nothing is held yet.
     *
     * @param promptTokens length of its prompt, which a deterministic decoder takes in one call, and every later token alone
     */
    Cache open(int promptTokens);

    /**
     * Appends tokens to texts, to each of them once at most. Where it throws, every cache holds what it held before, and may be extended again.
     *
     * @return one outcome an extension, in order
     * @throws IllegalArgumentException where a token is none of the model's, a text outgrows the context, or a cache is another decoder's
     */
    List<DecodeOutcome> extend(List<Extension> extensions);

    /** Bytes of memory that keys and values have; 0 where there is no text that holds any. */
    long cacheBytes();

    @Override
    void close();
}
