package dev.lyne.wire.capture;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** SHA-256 over a sequence's token ids as little-endian 32-bit integers: what a sequence is looked up by. In order of bytes. */
final class SequenceKey implements Comparable<SequenceKey> {
    static final int BYTES = 32;

    private final byte[] digest;

    /** @param digest 32 bytes, not to be changed any more */
    SequenceKey(byte[] digest) {
        this.digest = digest;
    }

    static SequenceKey of(int[] tokens) {
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * tokens.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(tokens);
        return new SequenceKey(sha256(bytes.array()));
    }

    /** The first four bytes as a number, 0 to 2^32 − 1: in the order of the keys. */
    long prefix() {
        return Integer.toUnsignedLong(ByteBuffer.wrap(digest).getInt());
    }

    void put(ByteBuffer out) {
        out.put(digest);
    }

    @Override
    public int compareTo(SequenceKey that) {
        return Arrays.compareUnsigned(digest, that.digest);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof SequenceKey that && Arrays.equals(digest, that.digest);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(digest);
    }

    static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
