package dev.lyne.row;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Keys that the randomness of draws comes from: the uniform number of draw j at position t is a hash of (key, j), and the key, two longs, is
 * the start of SHA-256 over (seed, SHA-256 of x_0 … x_t, t), everything little-endian, ids as 32 bits. So it depends on nothing else:
 * not on the batch, on other positions, or on the number of draws. The script turns keys into uniform numbers, as {@link #uniform} does.
 */
public final class DrawKeys {
    /** Longs of a key. */
    public static final int LONGS = 2;

    private DrawKeys() {}

    /** Returns the keys of ascending positions, `[positions · 2]`. */
    public static long[] of(int[] tokens, int[] positions, long seed) {
        long[] keys = new long[positions.length * LONGS];
        MessageDigest prefix = sha256();
        MessageDigest mixed = sha256();
        int hashed = 0;
        for (int i = 0; i < positions.length; i++) {
            int position = positions[i];
            ByteBuffer more = littleEndian(Integer.BYTES * (position + 1 - hashed));
            for (; hashed <= position; hashed++) {
                more.putInt(tokens[hashed]);
            }
            prefix.update(more.array());
            ByteBuffer all = littleEndian(Long.BYTES + prefix.getDigestLength() + Integer.BYTES);
            all.putLong(seed).put(soFar(prefix)).putInt(position);
            ByteBuffer key = ByteBuffer.wrap(mixed.digest(all.array())).order(ByteOrder.LITTLE_ENDIAN);
            keys[i * LONGS] = key.getLong();
            keys[i * LONGS + 1] = key.getLong();
        }
        return keys;
    }

    /**
     * Returns the uniform number in [0, 1), of 53 bits, of a draw: a hash of the key and the draw's number, by two rounds of SplitMix64's finaliser.
     *
     * @param keys as {@link #of} gives them
     * @param position index of the position among theirs
     */
    public static double uniform(long[] keys, int position, int draw) {
        long first = mix(keys[position * LONGS] + draw * 0x9E3779B97F4A7C15L);
        return (mix(first ^ keys[position * LONGS + 1]) >>> 11) * 0x1p-53;
    }

    private static long mix(long value) {
        long x = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The digest of what was hashed up to now; hashing goes on. */
    private static byte[] soFar(MessageDigest digest) {
        try {
            return ((MessageDigest) digest.clone()).digest();
        } catch (CloneNotSupportedException e) {
            throw new IllegalStateException("SHA-256 of this JDK cannot be cloned", e);
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this JDK has no SHA-256", e);
        }
    }
}
