package dev.lyne.lm.weights;

import dev.lyne.lm.files.LfsPointers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A safetensors file of any length, memory-mapped in pieces. Safe for several threads.
 *
 * <p>The mapping is never handed out, only copied from: who holds it after the file was cut short would die of SIGBUS, where a
 * copy fails with an exception.
 */
public final class SafetensorsFile {
    /** Bytes of a mapping, of which one stops at 2 GiB. */
    private static final long PIECE_BYTES = 1L << 30;

    private final Path file;
    private final SafetensorsHeader header;
    private final List<MappedByteBuffer> pieces;

    private SafetensorsFile(Path file, SafetensorsHeader header, List<MappedByteBuffer> pieces) {
        this.file = file;
        this.header = header;
        this.pieces = pieces;
    }

    /**
     * Maps the file and checks its header.
     *
     * @throws IllegalArgumentException if it is not a safetensors file, is truncated, or its tensors overlap, leave holes or
     *     point outside
     */
    public static SafetensorsFile open(Path file) throws IOException {
        LfsPointers.refuse(file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            SafetensorsHeader header = SafetensorsHeader.read(file, channel);
            List<MappedByteBuffer> pieces = new ArrayList<>();
            long size = channel.size();
            for (long begin = 0; begin < size; begin += PIECE_BYTES) {
                pieces.add(channel.map(FileChannel.MapMode.READ_ONLY, begin, Math.min(PIECE_BYTES, size - begin)));
            }
            return new SafetensorsFile(file, header, List.copyOf(pieces));
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException(file + ": no such file (expected: a safetensors file)", e);
        }
    }

    /** Returns the file's place. */
    public Path path() {
        return file;
    }

    /** Tensors by name, in the order of their bytes. */
    public Map<String, TensorEntry> tensors() {
        return header.tensors();
    }

    /** The strings beside the tensors. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /** The tensor of that name; refuses one that is not there. */
    public TensorEntry tensor(String name) {
        TensorEntry tensor = header.tensors().get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(file + ": tensor " + name + ": missing (expected: one of its "
                    + header.tensors().size() + " tensors)");
        }
        return tensor;
    }

    /** Fills {@code into} with the tensor's little-endian bytes from {@code offsetBytes} on. */
    public void read(String name, long offsetBytes, ByteBuffer into) throws IOException {
        TensorEntry tensor = tensor(name);
        if (offsetBytes < 0 || offsetBytes > tensor.bytes() - into.remaining()) {
            throw new IllegalArgumentException(file + ": tensor " + name + ": bytes " + offsetBytes + " to "
                    + (offsetBytes + into.remaining()) + " (expected: within its " + tensor.bytes() + " bytes)");
        }
        long position = header.offsets().getOrDefault(name, 0L) + offsetBytes;
        try {
            while (into.hasRemaining()) {
                MappedByteBuffer piece = pieces.get((int) (position / PIECE_BYTES));
                int within = (int) (position % PIECE_BYTES);
                int count = Math.min(into.remaining(), piece.capacity() - within);
                into.put(piece.slice(within, count));
                position += count;
            }
        } catch (InternalError e) { // how the JVM reports a page of a mapping that the file no longer has
            throw new IOException(file + ": tensor " + name + ": cut short while it was read", e);
        }
    }
}
