package dev.lyne.student.corpus;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file's contents, decompressed where its first bytes are those of gzip or zstd, whatever its name. Every byte of the file is
 * accounted for. One thread.
 */
final class Contents extends InputStream {
    private static final int BUFFER = 1 << 16;

    private final Counting file;
    private final InputStream contents;
    private final boolean compressed;

    private Contents(Counting file, InputStream contents, boolean compressed) {
        this.compressed = compressed;
        this.file = file;
        this.contents = contents;
    }

    static Contents open(Path path) throws IOException {
        Counting file = new Counting(Files.newInputStream(path));
        try {
            BufferedInputStream buffered = new BufferedInputStream(file, BUFFER);
            buffered.mark(4);
            byte[] magic = buffered.readNBytes(4);
            buffered.reset();
            if (isGzip(magic)) {
                return new Contents(file, new BufferedInputStream(new GzipMembers(buffered), BUFFER), true);
            }
            if (isZstd(magic)) {
                return new Contents(file, new BufferedInputStream(new Zstd(buffered, file), BUFFER), true);
            }
            return new Contents(file, buffered, false);
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    private static boolean isGzip(byte[] magic) {
        return magic.length >= 2 && magic[0] == 0x1f && magic[1] == (byte) 0x8b;
    }

    /** A frame with data, or one of those that are skipped, which may come first. */
    private static boolean isZstd(byte[] magic) {
        return magic.length == 4
                && (magic[0] == 0x28 && magic[1] == (byte) 0xb5 && magic[2] == 0x2f && magic[3] == (byte) 0xfd
                        || (magic[0] & 0xf0) == 0x50 && magic[1] == 0x2a && magic[2] == 0x4d && magic[3] == 0x18);
    }

    /** Writes the first {@code bytes} of the contents, or all of them; what comes before damage is written. */
    void transferHead(OutputStream out, int bytes) throws IOException {
        byte[] buffer = new byte[1 << 12];
        int left = bytes;
        while (left > 0) {
            int read = read(buffer, 0, Math.min(left, buffer.length));
            if (read < 0) {
                return;
            }
            out.write(buffer, 0, read);
            left -= read;
        }
    }

    /** Whether the file holds them compressed. */
    boolean compressed() {
        return compressed;
    }

    /** Bytes taken of the file so far. */
    long fileBytes() {
        return file.count;
    }

    @Override
    public int read() throws IOException {
        return contents.read();
    }

    @Override
    public int read(byte[] out, int offset, int length) throws IOException {
        return contents.read(out, offset, length);
    }

    @Override
    public void close() throws IOException {
        try (file) {
            contents.close();
        }
    }

    /** The library's zstd stream, whose failures say where in the file. */
    private static final class Zstd extends BulkInputStream {
        private final InputStream frames;
        private final Counting file;

        Zstd(InputStream in, Counting file) throws IOException {
            this.frames = new ZstdInputStreamNoFinalizer(in);
            this.file = file;
        }

        @Override
        public int read(byte[] out, int offset, int length) throws IOException {
            try {
                return frames.read(out, offset, length);
            } catch (IOException e) {
                if (String.valueOf(e.getMessage()).contains("too much memory")) {
                    throw new DamagedContentsException(
                            "the zstd data needs a window of more than 128 MiB (expected: at most"
                                    + " that, which zstd --long=27 makes)");
                }
                throw file.failed
                        ? e
                        : new DamagedContentsException(
                                "the zstd data is damaged at or before byte " + file.count + ": " + e.getMessage());
            }
        }

        @Override
        public void close() throws IOException {
            frames.close();
        }
    }

    /** Counts the bytes taken from a file. */
    private static final class Counting extends BulkInputStream {
        private final InputStream bytes;
        private long count;
        private boolean failed;

        Counting(InputStream bytes) {
            this.bytes = bytes;
        }

        @Override
        public int read(byte[] out, int offset, int length) throws IOException {
            try {
                int read = bytes.read(out, offset, length);
                count += Math.max(0, read);
                return read;
            } catch (IOException e) {
                failed = true;
                throw e;
            }
        }

        @Override
        public void close() throws IOException {
            bytes.close();
        }
    }
}
