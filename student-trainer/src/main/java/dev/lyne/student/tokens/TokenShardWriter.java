package dev.lyne.student.tokens;

import dev.lyne.files.UnwritableFileException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/** A file of little-endian 32-bit integers with a CRC32C. One thread writes it. */
final class TokenShardWriter implements Closeable {
    private final Path file;
    private final FileChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 18).order(ByteOrder.LITTLE_ENDIAN);
    private final CRC32C crc = new CRC32C();
    private int count;

    TokenShardWriter(Path file) throws IOException {
        this.file = file;
        this.channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    void write(int value) throws IOException {
        if (buffer.remaining() < Integer.BYTES) {
            flush();
        }
        buffer.putInt(value);
        count++;
    }

    int count() {
        return count;
    }

    /** Writes what is buffered, forces it to the disk, and returns the CRC32C. */
    int finish() throws IOException {
        flush();
        try {
            channel.force(true);
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
        return (int) crc.getValue();
    }

    private void flush() throws IOException {
        buffer.flip();
        crc.update(buffer.duplicate());
        try {
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
        buffer.clear();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    /** Maps a file, having checked its length and its CRC32C. */
    static IntBuffer map(Path file, int ints, int expectedCrc32c) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new DamagedTokensException(file + " is missing");
        }
        long expected = (long) ints * Integer.BYTES;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() != expected) {
                throw new DamagedTokensException(file + ": " + channel.size() + " bytes (expected: " + expected + ")");
            }
            MappedByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, expected);
            CRC32C crc = new CRC32C();
            crc.update(mapped.duplicate());
            if ((int) crc.getValue() != expectedCrc32c) {
                throw new DamagedTokensException(
                        "%s: CRC32C %08x (expected: %08x)".formatted(file, (int) crc.getValue(), expectedCrc32c));
            }
            return mapped.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().asReadOnlyBuffer();
        }
    }
}
