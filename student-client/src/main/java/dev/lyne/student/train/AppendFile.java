package dev.lyne.student.train;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file that grows, and that a resumed run cuts back to where its checkpoint left it. One thread uses it. */
final class AppendFile implements Closeable {
    private final FileChannel channel;

    private AppendFile(FileChannel channel) {
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
        return new AppendFile(channel);
    }

    void append(byte[] bytes) throws IOException {
        ByteBuffer rest = ByteBuffer.wrap(bytes);
        while (rest.hasRemaining()) {
            channel.write(rest);
        }
    }

    /** Forces what was written to the disk; returns the file's length. */
    long force() throws IOException {
        channel.force(true);
        return channel.position();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
