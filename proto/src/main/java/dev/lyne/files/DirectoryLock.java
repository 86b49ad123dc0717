package dev.lyne.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Keeps others out of a directory, of this process and of others. The operating system lifts it where this process dies. */
public record DirectoryLock(Path file, FileChannel channel) implements AutoCloseable {
    /** Held by this process: closing a second channel to a file would give up the lock that the first one holds. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    /**
     * Takes it, unless somebody else has it; makes the directory where there is none.
     *
     * @param name of the lock's file in the directory
     */
    public static Optional<DirectoryLock> take(Path directory, String name) throws IOException {
        Files.createDirectories(directory);
        Path file = directory.toRealPath().resolve(name);
        if (!HELD.add(file)) {
            return Optional.empty();
        }
        @Nullable DirectoryLock lock = null;
        try {
            lock = tryLock(file);
        } finally {
            if (lock == null) {
                HELD.remove(file);
            }
        }
        return Optional.ofNullable(lock);
    }

    private static @Nullable DirectoryLock tryLock(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        @Nullable FileLock lock = null;
        try {
            lock = channel.tryLock();
        } finally {
            if (lock == null) {
                channel.close();
            }
        }
        return lock == null ? null : new DirectoryLock(file, channel);
    }

    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            HELD.remove(file);
        }
    }
}
