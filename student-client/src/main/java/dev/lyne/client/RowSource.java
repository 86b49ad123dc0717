package dev.lyne.client;

/** Where a row came from. */
public enum RowSource {
    /** Computed by the model for this request. */
    COMPUTED,
    /** Computed by the model for another request that was in flight already. */
    COALESCED,
    /** Stored in the server's memory. */
    MEMORY,
    /** Stored on the server's disk. */
    DISK,
    /** Stored in the tier that replicas share. */
    SHARED,
    /** Read from a capture, without a model. */
    REPLAY
}
