package dev.lyne.wire;

/** A set of token ids that gives them back in ascending order: bits, with a summary of the words that have any. Owned by one thread. */
final class IdSet {
    private long[] words = new long[0];
    private long[] summary = new long[0];
    private int first;

    /** Makes room for ids below a vocabulary size. */
    void ensure(int vocabularySize) {
        int needed = (vocabularySize + 63) >> 6;
        if (words.length < needed) {
            words = new long[needed];
            summary = new long[(needed + 63) >> 6];
        }
        first = 0;
    }

    void add(int id) {
        int word = id >> 6;
        words[word] |= 1L << id;
        summary[word >> 6] |= 1L << word;
        first = Math.min(first, word >> 6);
    }

    /** Takes out the smallest id; there has to be one. */
    int removeFirst() {
        while (summary[first] == 0) {
            first++;
        }
        int place = Long.numberOfTrailingZeros(summary[first]);
        int word = (first << 6) + place;
        long bits = words[word];
        int id = (word << 6) + Long.numberOfTrailingZeros(bits);
        bits &= bits - 1;
        words[word] = bits;
        long empty = ((bits | -bits) >>> 63) ^ 1; // 1 where no bit is left, without a branch that nobody could foresee
        summary[first] ^= empty << place;
        return id;
    }
}
