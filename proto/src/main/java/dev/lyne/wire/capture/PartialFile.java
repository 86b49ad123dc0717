package dev.lyne.wire.capture;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * A file of a capture while it is written: aside, under a name that ends in {@value #SUFFIX}, until it is forced to the disk and
 * renamed. Closed without a commit it leaves nothing. Whoever holds the directory's lock may delete what a killed process left.
 */
final class PartialFile implements AutoCloseable {
    static final String SUFFIX = ".partial";

    private final Path file;
    private final Path aside;
    private final FileChannel channel;
    private long length;
    private boolean committed;

    private PartialFile(Path file, Path aside, FileChannel channel) {
        this.file = file;
        this.aside = aside;
        this.channel = channel;
    }

    static PartialFile create(Path file) throws IOException {
        Path aside = file.resolveSibling("." + file.getFileName() + SUFFIX);
        try {
            return new PartialFile(
                    file,
                    aside,
                    FileChannel.open(
                            aside,
                            StandardOpenOption.WRITE,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.TRUNCATE_EXISTING));
        } catch (IOException e) {
            throw new UnwritableCaptureException(file, e);
        }
    }

    /** Appends all of the buffer. */
    void write(ByteBuffer bytes) throws IOException {
        try {
            while (bytes.hasRemaining()) {
                length += channel.write(bytes);
            }
        } catch (IOException e) {
            throw new UnwritableCaptureException(file, e);
        }
    }

    /** Bytes written. */
    long length() {
        return length;
    }

    void commit() throws IOException {
        try {
            channel.force(true);
            channel.close();
            Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            committed = true;
            syncDirectory(file.toAbsolutePath().getParent());
        } catch (IOException e) {
            throw new UnwritableCaptureException(file, e);
        }
    }

    /** Makes renames and removals in a directory last. */
    static void syncDirectory(@Nullable Path directory) throws IOException {
        if (directory != null) {
            try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
        if (!committed) {
            Files.deleteIfExists(aside);
        }
    }
}
