package dev.lyne.lm.weights;

import dev.lyne.files.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a safetensors file aside, tensor after tensor, and puts it in place whole: synced and renamed by {@link #commit}.
 * Without a commit, closing removes what was written. One thread.
 */
public final class SafetensorsWriter implements AutoCloseable {
    private static final int ALIGNMENT = 8;
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path file;
    private final AtomicFile aside;
    private final List<TensorEntry> tensors;
    private int current;
    private long written;

    private SafetensorsWriter(Path file, AtomicFile aside, List<TensorEntry> tensors) {
        this.file = file;
        this.aside = aside;
        this.tensors = tensors;
    }

    /**
     * Starts a file of these tensors, whose bytes are to follow in this order.
     *
     * @param metadata strings beside the tensors; {@code format: pt}, which `transformers` asks for, is added
     */
    public static SafetensorsWriter create(Path file, List<TensorEntry> tensors, Map<String, String> metadata)
            throws IOException {
        byte[] header = header(file, tensors, metadata);
        AtomicFile aside = AtomicFile.create(file);
        try {
            ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            aside.append(length.putLong(0, header.length));
            aside.append(ByteBuffer.wrap(header));
            return new SafetensorsWriter(file, aside, List.copyOf(tensors));
        } catch (IOException e) {
            aside.close();
            throw e;
        }
    }

    /** Appends little-endian bytes to the tensor of that name; the one before it must be whole. */
    public void write(String name, ByteBuffer piece) throws IOException {
        skipWhole();
        if (current >= tensors.size() || !tensors.get(current).name().equals(name)) {
            throw new IllegalStateException(file + ": tensor " + name + " (expected: "
                    + (current < tensors.size() ? tensors.get(current).name() : "no more tensors") + ")");
        }
        long room = tensors.get(current).bytes() - written;
        if (piece.remaining() > room) {
            throw new IllegalStateException(file + ": tensor " + name + ": " + piece.remaining()
                    + " further bytes (expected: at most " + room + ")");
        }
        written += piece.remaining();
        aside.append(piece);
    }

    /** Syncs the file and renames it into place; refuses while bytes are missing. */
    public void commit() throws IOException {
        skipWhole();
        if (current < tensors.size()) {
            TensorEntry tensor = tensors.get(current);
            throw new IllegalStateException(file + ": tensor " + tensor.name() + ": " + written
                    + " bytes written (expected: " + tensor.bytes() + ")");
        }
        aside.commit();
    }

    @Override
    public void close() throws IOException {
        aside.close();
    }

    private void skipWhole() {
        while (current < tensors.size() && written == tensors.get(current).bytes()) {
            current++;
            written = 0;
        }
    }

    private static byte[] header(Path file, List<TensorEntry> tensors, Map<String, String> metadata) {
        ObjectNode root = JSON.createObjectNode();
        ObjectNode strings = root.putObject(SafetensorsHeader.METADATA);
        Map<String, String> sorted = new TreeMap<>(metadata);
        sorted.put("format", "pt");
        sorted.forEach(strings::put);
        long offset = 0;
        for (TensorEntry tensor : tensors) {
            if (root.has(tensor.name())) {
                throw new IllegalArgumentException(
                        file + ": tensor " + tensor.name() + ": a duplicate (expected: each name once)");
            }
            ObjectNode entry = root.putObject(tensor.name());
            entry.put("dtype", tensor.type().name());
            var shape = entry.putArray("shape");
            for (long extent : tensor.shape()) {
                shape.add(extent);
            }
            entry.putArray("data_offsets").add(offset).add(offset + tensor.bytes());
            offset += tensor.bytes();
        }
        byte[] text = JSON.writeValueAsBytes(root);
        // Padded with spaces, so that the first tensor is aligned in a mapping.
        int padded = (text.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        byte[] header = Arrays.copyOf(text, padded);
        Arrays.fill(header, text.length, padded, (byte) ' ');
        return header;
    }
}
