package dev.lyne.student.tokens;

import java.io.IOException;

/** Documents that can be read again and again, each time the same ones in the same order. */
public interface DocumentSource {
    /** SHA-256 over everything that decides the documents and their order. 32 bytes. */
    byte[] sha256() throws IOException;

    /** Bytes to read, for progress. */
    long totalBytes() throws IOException;

    /** Reads all documents in order. */
    void read(Sink sink) throws IOException;

    /** Whether documents that cannot be read are told of and passed over, instead of ending the reading. */
    default boolean skipsInvalid() {
        return false;
    }

    /** Takes documents as they are read. */
    interface Sink {
        /** Takes one more document, {@code bytesRead} of {@link #totalBytes()} having been read by then. */
        void accept(Document document, long bytesRead) throws IOException;

        /** Is told that the documents of a file, the next in order, have all been given. */
        default void endOfFile() {}

        /** Is told of a document that cannot be read, and why, as {@code file:line: reason}. */
        default void skip(String reason) throws IOException {}
    }
}
