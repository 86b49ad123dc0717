package dev.lyne.lm.weights;

import dev.lyne.lm.model.ModelConfiguration;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Reads a model directory and writes it again: {@code RewriteGolden FROM TO}. What it wrote is then loaded with transformers by
 * {@code src/test/python/load_exported.py}.
 */
final class RewriteGolden {
    private static final int PIECE_BYTES = 1000; // small, so that a tensor has several

    private RewriteGolden() {}

    public static void main(String[] arguments) throws IOException {
        rewrite(Path.of(arguments[0]), Path.of(arguments[1]));
    }

    static void rewrite(Path from, Path to) throws IOException {
        ModelConfiguration configuration = ModelConfiguration.read(from);
        SafetensorsModel model = SafetensorsModel.open(from, configuration);
        configuration.write(to);
        List<TensorEntry> tensors = List.copyOf(model.tensors().values());
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(to.resolve(SafetensorsModel.SINGLE_FILE), tensors, Map.of())) {
            for (TensorEntry tensor : tensors) {
                for (long offset = 0; offset < tensor.bytes(); offset += PIECE_BYTES) {
                    ByteBuffer piece = ByteBuffer.allocate((int) Math.min(PIECE_BYTES, tensor.bytes() - offset));
                    model.read(tensor.name(), offset, piece);
                    writer.write(tensor.name(), piece.flip());
                }
            }
            writer.commit();
        }
    }
}
