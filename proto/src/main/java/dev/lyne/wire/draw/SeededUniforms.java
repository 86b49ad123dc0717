package dev.lyne.wire.draw;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Uniform numbers behind the tokens of a text, each for a purpose of its own: a hash of the purpose, a seed, the text's key and the step, and
 * of nothing else. So a text is the same whatever is decoded with it, by whom, and however often it is begun anew.
 */
public enum SeededUniforms {
    /** Numbers of the teacher's draws; {@code DecodeSequence} of the contract defines them. */
    TEACHER_DRAW("lyne.decode.draw"),
    /** The student's coin, which decides who draws a token of a mixture. */
    STUDENT_COIN("lyne.decode.coin"),
    /** Numbers of the student's draws. */
    STUDENT_DRAW("lyne.student.own");

    private static final int BITS = 53;

    private final byte[] tag;

    SeededUniforms(String tag) {
        this.tag = tag.getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * The number of a step, in [0, 1), with 53 bits.
     *
     * @param key tells the text from others of the seed
     * @param step of the token, counted from the end of the prompt
     */
    public double at(long seed, long key, long step) {
        return bits(seed, key, step) * 0x1p-53;
    }

    /** The bits of that number, as the seed of who draws with numbers of its own: from 0, below 2^53. */
    public long bits(long seed, long key, long step) {
        ByteBuffer hashed = ByteBuffer.allocate(tag.length + 3 * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        hashed.put(tag).putLong(seed).putLong(key).putLong(step);
        long first = ByteBuffer.wrap(sha256(hashed.array()))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
        return first >>> (Long.SIZE - BITS);
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
