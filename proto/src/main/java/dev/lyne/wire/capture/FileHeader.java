package dev.lyne.wire.capture;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;

/** The first {@value #BYTES} bytes of a shard or an index: magic, version, identity of the capture, a number, CRC32C. */
final class FileHeader {
    static final int BYTES = 4 + 4 + 32 + 8 + 4;

    /** "LYNS". */
    static final int SHARD = 0x534e594c;
    /** "LYNI". */
    static final int INDEX = 0x494e594c;

    private FileHeader() {}

    /** @param number of the shard; number of records of an index */
    static ByteBuffer of(int magic, byte[] identity, long number) {
        ByteBuffer header = Bytes.allocate(BYTES);
        header.putInt(magic).putInt(CaptureManifest.FORMAT).put(identity).putLong(number);
        header.putInt(Bytes.crc32c(header.duplicate().flip()));
        return header.flip();
    }

    /** Checks the header of a file that belongs to the capture of that identity; returns its number. */
    static long read(FileChannel channel, Path file, int magic, byte[] identity) throws IOException {
        ByteBuffer header = Bytes.unsealed(Bytes.read(channel, file, 0, BYTES), file, 0, "header");
        require(file, 0, "magic", hex(header.getInt()), hex(magic));
        require(file, 4, "version", header.getInt() + "", CaptureManifest.FORMAT + "");
        byte[] found = new byte[identity.length];
        header.get(found);
        if (!Arrays.equals(found, identity)) {
            HexFormat format = HexFormat.of();
            throw new DamagedCaptureException(
                    file,
                    8,
                    "belongs to capture " + format.formatHex(found) + " (expected: " + format.formatHex(identity)
                            + ", this manifest's)");
        }
        return header.getLong();
    }

    private static void require(Path file, long offset, String what, String found, String expected)
            throws DamagedCaptureException {
        if (!found.equals(expected)) {
            throw new DamagedCaptureException(file, offset, what + " " + found + " (expected: " + expected + ")");
        }
    }

    private static String hex(int value) {
        return "%08x".formatted(value);
    }
}
