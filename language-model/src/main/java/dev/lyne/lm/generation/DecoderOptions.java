package dev.lyne.lm.generation;

/**
 * How a model decodes.
 *
 * @param vocabularySize ids of the tokenizer, which the distribution is over
 * @param computeType PyTorch's number of the type of matrix products, which keys and values are kept in
 * @param typeBytes bytes of a number of that type
 * @param maxCacheBytes most memory of keys and values
 * @param deterministic each sequence alone, its prompt in one call, then one token a call: a row's bits depend on nothing but the sequence
 */
public record DecoderOptions(
        int vocabularySize, int computeType, int typeBytes, long maxCacheBytes, boolean deterministic) {
    /** Returns the options for one text, whose keys and values may take whatever they need. */
    public static DecoderOptions ofOneText(int vocabularySize, int computeType, int typeBytes) {
        return new DecoderOptions(vocabularySize, computeType, typeBytes, Long.MAX_VALUE, false);
    }

    /** Returns these options with another bound of memory. */
    DecoderOptions within(long cacheBytes) {
        return new DecoderOptions(vocabularySize, computeType, typeBytes, cacheBytes, deterministic);
    }
}
