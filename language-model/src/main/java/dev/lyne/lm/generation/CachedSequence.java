package dev.lyne.lm.generation;

/** A sequence whose keys and values a {@link SequenceDecoder} holds. For the decoder's thread. */
public interface CachedSequence extends AutoCloseable {
    /** Tokens whose keys and values are held. */
    int length();

    /** Memory that they take; 0 where none are held. */
    long bytes();

    /** Gives the keys and values up; a second call does nothing. */
    @Override
    void close();
}
