package dev.lyne.wire;

import dev.lyne.v1.ExecutionFingerprint;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.zip.CRC32C;

/** The checksums by which both ends know that they speak of the same tokens, rows and machine. */
public final class Digests {
    /** Length of a truncated digest in a block header, in bytes. */
    public static final int SHORT_BYTES = 16;

    private Digests() {}

    /** CRC32C over token ids as little-endian 32-bit integers, as a request carries it. */
    public static int tokenChecksum(int[] tokens) {
        CRC32C crc = new CRC32C();
        crc.update(littleEndian(tokens).flip());
        return (int) crc.getValue();
    }

    /**
     * Returns the digest of what the rows of a block answer: the first 16 bytes of SHA-256 over the number of tokens,
     * the tokens and the positions {@code positions[from..to)}, each as little-endian 32-bit integers.
     */
    public static byte[] rows(int[] tokens, int[] positions, int from, int to) {
        ByteBuffer bytes =
                ByteBuffer.allocate(4 * (1 + tokens.length + to - from)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(tokens.length);
        for (int token : tokens) {
            bytes.putInt(token);
        }
        for (int i = from; i < to; i++) {
            bytes.putInt(positions[i]);
        }
        return Arrays.copyOf(sha256(bytes.array()), SHORT_BYTES);
    }

    /** The first 16 bytes of SHA-256 over an execution fingerprint's fields. */
    public static byte[] fingerprint(ExecutionFingerprint fingerprint) {
        String text = String.join(
                "\n",
                fingerprint.getTorchVersion(),
                fingerprint.getDevice(),
                fingerprint.getCpuCapability(),
                Integer.toString(fingerprint.getThreads()),
                fingerprint.getComputePrecision(),
                Integer.toUnsignedString(fingerprint.getArithmeticVersion()));
        return Arrays.copyOf(sha256(text.getBytes(StandardCharsets.UTF_8)), SHORT_BYTES);
    }

    private static ByteBuffer littleEndian(int[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            bytes.putInt(value);
        }
        return bytes;
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
