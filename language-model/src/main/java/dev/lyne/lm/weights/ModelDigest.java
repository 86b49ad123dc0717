package dev.lyne.lm.weights;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * SHA-256 of a model: its tensors sorted by name, each with shape, stored type and bytes; what of its configuration decides the
 * arithmetic; its compute precision. How the tensors are spread over files does not matter, nor does a tensor that is derived
 * from others.
 */
public final class ModelDigest {
    private static final String DOMAIN = "lyne model digest 1";
    private static final int PIECE_BYTES = 1 << 20;

    private ModelDigest() {}

    /** The digest, 32 bytes. Reads every weight once. */
    public static byte[] of(SafetensorsModel model, ModelConfiguration configuration, ComputePrecision precision)
            throws IOException {
        MessageDigest sha;
        try {
            sha = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: every JDK has it", e);
        }
        text(sha, DOMAIN);
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
        for (TensorEntry tensor : model.tensors().values()) {
            if (configuration.isDerivedTensor(tensor.name())) {
                continue;
            }
            text(sha, tensor.name());
            text(sha, tensor.type().name());
            number(sha, tensor.shape().length);
            for (long extent : tensor.shape()) {
                number(sha, extent);
            }
            long bytes = tensor.bytes();
            for (long offset = 0; offset < bytes; offset += PIECE_BYTES) {
                piece.clear().limit((int) Math.min(PIECE_BYTES, bytes - offset));
                model.read(tensor.name(), offset, piece);
                sha.update(piece.flip());
            }
        }
        text(sha, configuration.canonicalArithmetic());
        text(sha, precision.torchName());
        return sha.digest();
    }

    private static void text(MessageDigest sha, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        number(sha, bytes.length);
        sha.update(bytes);
    }

    private static void number(MessageDigest sha, long number) {
        sha.update(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
    }
}
