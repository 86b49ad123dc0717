package dev.lyne.lm.weights;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;

/**
 * SHA-256 of a model: its tensors sorted by name, each with shape, stored type and bytes; what of its configuration decides the
 * arithmetic; its compute precision. How the tensors are spread over files does not matter, nor does a tensor that is derived
 * from others.
 */
public final class ModelDigest {
    private static final String DOMAIN = "lyne model digest 1";
    private static final String DIRECTORY_DOMAIN = "lyne model directory digest 1";
    private static final int PIECE_BYTES = 1 << 20;

    private ModelDigest() {}

    /** The digest, 32 bytes. Reads every weight once. */
    public static byte[] of(SafetensorsModel model, ModelConfiguration configuration, ComputePrecision precision)
            throws IOException {
        MessageDigest sha = sha256();
        text(sha, DOMAIN);
        tensors(
                sha,
                model,
                model.tensors().values().stream()
                        .filter(tensor -> !configuration.isDerivedTensor(tensor.name()))
                        .toList());
        text(sha, configuration.canonicalArithmetic());
        text(sha, precision.torchName());
        return sha.digest();
    }

    /**
     * Digest of a Hugging Face directory of any architecture, understood here or not: its tensors, and its {@code config.json} as it
     * stands. For a model that something else computes. 32 bytes. Reads every weight once.
     */
    public static byte[] ofDirectory(Path directory) throws IOException {
        SafetensorsModel model = SafetensorsModel.open(directory);
        MessageDigest sha = sha256();
        text(sha, DIRECTORY_DOMAIN);
        tensors(sha, model, model.tensors().values());
        byte[] configuration = Files.readAllBytes(directory.resolve(ModelConfiguration.FILE_NAME));
        number(sha, configuration.length);
        sha.update(configuration);
        return sha.digest();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: every JDK has it", e);
        }
    }

    private static void tensors(MessageDigest sha, SafetensorsModel model, Collection<TensorEntry> tensors)
            throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
        for (TensorEntry tensor : tensors) {
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
