package dev.lyne.student.train;

import dev.lyne.lm.files.UnwritableFileException;
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

    private AppendFile(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /** Opens a file and keeps its first {@code length} bytes; refuses one that has fewer. */
    static AppendFile open(Path file, long length) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (channel.size() < length) {
            long size = channel.size();
            channel.close();
            throw new IOException(
                    file + ": " + size + " bytes (expected: at least " + length + " as at the checkpoint)");
        }
        channel.truncate(length);
        channel.position(length);
        return new AppendFile(file, channel);
    }

    /** Appends; where the disk is full the file may end in the midst of what was to be written. */
    void append(byte[] bytes) throws UnwritableFileException {
        try {
            ByteBuffer rest = ByteBuffer.wrap(bytes);
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
    }

    /** Forces what was written to the disk; returns the file's length. */
    long force() throws IOException {
        try {
            channel.force(true);
            return channel.position();
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
