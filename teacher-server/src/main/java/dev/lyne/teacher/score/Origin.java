package dev.lyne.teacher.score;

/** Where a waiter's rows came from. */
public enum Origin {
    /** Computed for it. */
    COMPUTED,
    /** Computed for another that asked before, while this one waited too. */
    COALESCED,
    /** Stored in memory. */
    MEMORY,
    /** Stored on this server's disk. */
    DISK,
    /** Stored in the tier that replicas share. */
    SHARED,
    /** Read from a capture, without a model. */
    REPLAY
}
