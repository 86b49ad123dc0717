package dev.lyne.student.train;

import dev.lyne.files.UnwritableFileException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file that grows, and that a resumed run cuts back to where its checkpoint left it. One thread uses it. */
final class AppendFile implements Closeable {
    private final Path file;
    private final FileChannel channel;
    private long wholeBytes;

    /** Measure of how much of a file's beginning consists of whole entries. */
    interface WholeEntries {
        /** Bytes of the whole entries among the first {@code limit} bytes. */
        long bytes(FileChannel channel, long limit) throws IOException;
    }

    private AppendFile(Path file, FileChannel channel, long wholeBytes) {
        this.file = file;
        this.channel = channel;
        this.wholeBytes = wholeBytes;
    }

    /**
     * Opens a file and keeps the whole entries among its first {@code length} bytes; what is missing of them stays missing, since the
     * run itself depends on none of it.
     */
    static AppendFile open(Path file, long length, WholeEntries entries) throws IOException {
        FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            long whole = entries.bytes(channel, Math.min(length, channel.size()));
            channel.truncate(whole);
            channel.position(whole);
            return new AppendFile(file, channel, whole);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Bytes of the whole entries in it. */
    long wholeBytes() {
        return wholeBytes;
    }

    /** Appends an entry; where the disk is full the file may end in the midst of it. */
    void append(byte[] bytes) throws UnwritableFileException {
        try {
            ByteBuffer rest = ByteBuffer.wrap(bytes);
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
            wholeBytes = channel.position();
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
    }

    /** Forces what was written to the disk; returns the bytes of its whole entries. */
    long force() throws IOException {
        try {
            channel.force(true);
            return wholeBytes;
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
