package dev.lyne.student.rollout;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Random numbers of the student's draws: in [0, 1), a function of the seed, a prompt's key and the place of a token in its response alone, so that
 * neither neighbours nor an interruption change them. The first 53 bits of SHA-256 over a domain tag and the three, little-endian.
 *
 * @param seed of the run
 */
public record Uniforms(long seed) {
    private static final byte[] DOMAIN = "lyne.student.draw".getBytes(StandardCharsets.US_ASCII);

    /** The number of the token at that place of a response, from 0. */
    public double at(long key, int place) {
        ByteBuffer text = ByteBuffer.allocate(DOMAIN.length + 2 * Long.BYTES + Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        text.put(DOMAIN).putLong(seed).putLong(key).putInt(place);
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.array());
            return (ByteBuffer.wrap(digest).order(ByteOrder.LITTLE_ENDIAN).getLong() >>> 11) * 0x1p-53;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this JDK has no SHA-256", e);
        }
    }
}
