package dev.lyne.teacher.batch;

import java.time.Duration;

/**
 * How sequences become batches.
 *
 * @param maxTokens most tokens of a batch, padding included; a longer sequence runs alone
 * @param deadline how long the oldest sequence of a batch that is not full waits for company
 * @param maxPaddingShare most padding of a batch, as a share of its tokens, 0 to below 1
 * @param maxSequences most sequences of a batch; 1 for deterministic teachers
 * @param fairBatch longest that a forward is to take while several streams wait; a longer sequence runs alone
 * @param maxQueue longest that a sequence may wait for the device; what would wait longer is refused, what has is given up
 * @param maxEntries most entries that the rows of a batch hold, and those that wait to be encoded; a larger sequence runs alone
 */
public record BatchOptions(
        int maxTokens,
        Duration deadline,
        double maxPaddingShare,
        int maxSequences,
        Duration fairBatch,
        Duration maxQueue,
        long maxEntries) {
    /** How long a sequence may wait for the device where nothing else is said. */
    public static final Duration DEFAULT_MAX_QUEUE = Duration.ofSeconds(10);

    /** How long a forward is to take while several streams wait, where nothing else is said. */
    public static final Duration DEFAULT_FAIR_BATCH = Duration.ofMillis(100);

    /** Entries that the rows of a batch may hold where nothing else is said. */
    public static final long DEFAULT_MAX_ENTRIES = 1 << 24;

    /** Options that suit a small model. */
    public static final BatchOptions DEFAULT = of(4_096, Duration.ofMillis(4));

    public BatchOptions {
        if (maxTokens < 1) {
            throw new IllegalArgumentException("batch tokens: " + maxTokens + " (expected: 1 or more)");
        }
        if (deadline.isNegative()) {
            throw new IllegalArgumentException("batch deadline: " + deadline + " (expected: 0 or more)");
        }
        if (!(maxPaddingShare >= 0 && maxPaddingShare < 1)) {
            throw new IllegalArgumentException("padding share: " + maxPaddingShare + " (expected: 0 to below 1)");
        }
        if (maxSequences < 1) {
            throw new IllegalArgumentException("batch sequences: " + maxSequences + " (expected: 1 or more)");
        }
        if (maxQueue.isNegative() || maxQueue.isZero()) {
            throw new IllegalArgumentException("max queue: " + maxQueue + " (expected: above 0)");
        }
        if (fairBatch.isNegative() || fairBatch.isZero()) {
            throw new IllegalArgumentException("fair batch: " + fairBatch + " (expected: above 0)");
        }
        if (maxEntries < 1) {
            throw new IllegalArgumentException("batch entries: " + maxEntries + " (expected: 1 or more)");
        }
    }

    /** Constructs options with {@link #DEFAULT_MAX_ENTRIES}. */
    public BatchOptions(int maxTokens, Duration deadline, double maxPaddingShare, int maxSequences) {
        this(
                maxTokens,
                deadline,
                maxPaddingShare,
                maxSequences,
                DEFAULT_FAIR_BATCH,
                DEFAULT_MAX_QUEUE,
                DEFAULT_MAX_ENTRIES);
    }

    /** Any number of sequences, with at most an eighth of padding. */
    public static BatchOptions of(int maxTokens, Duration deadline) {
        return new BatchOptions(maxTokens, deadline, 0.125, Integer.MAX_VALUE);
    }

    /** Returns these options for a teacher that computes each sequence alone. */
    public BatchOptions oneAtATime() {
        return new BatchOptions(maxTokens, deadline, maxPaddingShare, 1, fairBatch, maxQueue, maxEntries);
    }

    /** Returns these options for batches whose rows may hold so many entries. */
    public BatchOptions withMaxEntries(long entries) {
        return new BatchOptions(maxTokens, deadline, maxPaddingShare, maxSequences, fairBatch, maxQueue, entries);
    }

    /** Returns these options for forwards that take no longer than that while several streams wait. */
    public BatchOptions withFairBatch(Duration longest) {
        return new BatchOptions(maxTokens, deadline, maxPaddingShare, maxSequences, longest, maxQueue, maxEntries);
    }

    /** Returns these options for sequences that may wait that long for the device. */
    public BatchOptions withMaxQueue(Duration longest) {
        return new BatchOptions(maxTokens, deadline, maxPaddingShare, maxSequences, fairBatch, longest, maxEntries);
    }
}
