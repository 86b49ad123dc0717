package dev.lyne.wire.capture;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/** Reads of stretches of files, and their checksums. */
final class Bytes {
    private Bytes() {}

    static ByteBuffer allocate(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** CRC32C of a buffer's remaining bytes; its position does not move. */
    static int crc32c(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.duplicate());
        return (int) crc.getValue();
    }

    /** Opens a file for one read: no descriptor stays open, and an interrupt closes no channel that another thread needs. */
    static FileChannel open(Path file) throws IOException {
        try {
            return FileChannel.open(file, StandardOpenOption.READ);
        } catch (NoSuchFileException e) {
            throw new DamagedCaptureException(file, "is missing");
        }
    }

    /** So many bytes from that offset on; refuses a file that ends before. */
    static ByteBuffer read(FileChannel channel, Path file, long offset, int length) throws IOException {
        ByteBuffer bytes = allocate(length);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, offset + bytes.position()) < 0) {
                throw new DamagedCaptureException(
                        file, offset, "ends after " + bytes.position() + " bytes (expected: " + length + ")");
            }
        }
        return bytes.flip();
    }

    /** Refuses bytes whose last four are not the CRC32C of those before; returns the ones before. */
    static ByteBuffer unsealed(ByteBuffer bytes, Path file, long offset, String what) throws IOException {
        int payload = bytes.limit() - Integer.BYTES;
        int stated = bytes.getInt(payload);
        bytes.limit(payload);
        requireChecksum(crc32c(bytes), stated, file, offset, what);
        return bytes;
    }

    static void requireChecksum(int found, int stated, Path file, long offset, String what) throws IOException {
        if (found != stated) {
            throw new DamagedCaptureException(
                    file, offset, "%s: CRC32C %08x (expected: %08x)".formatted(what, found, stated));
        }
    }
}
