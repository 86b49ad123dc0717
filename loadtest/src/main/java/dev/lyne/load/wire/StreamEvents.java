package dev.lyne.load.wire;

import dev.lyne.row.RowSource;

/**
 * Listener of a stream, told one event at a time. Every event but {@link #closed} and {@link #teacher} is one message
 * that was let in.
 */
public interface StreamEvents {
    /** The stream is about to be opened by a teacher, described for people. */
    default void teacher(String description) {}

    /** The server granted what may be in flight. */
    void opened(int vocabularySize, int sequences, long tokens);

    /** The server grants something else from now on. */
    void credit(int sequences, long tokens);

    /**
     * Some rows of a sequence came.
     *
     * @param source where they come from
     * @param block the block, where it was asked for; else empty
     */
    void rows(long id, RowSource source, int bytes, byte[] block);

    /** A sequence is complete. */
    void done(long id, int rows);

    /**
     * A sequence got no rows.
     *
     * @param reason as {@code google.rpc.ErrorInfo} names it, or the gRPC code
     * @param retryNanos how long to wait before asking again; 0 where asking again would end the same
     */
    void failed(long id, String reason, String message, long retryNanos);

    /**
     * The stream is over.
     *
     * @param code gRPC code, as text
     */
    void closed(String code, String message);
}
