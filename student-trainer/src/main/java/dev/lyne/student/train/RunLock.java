package dev.lyne.student.train;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Keeps other runs out of a run's directory. The operating system lifts it where this process dies. */
record RunLock(Path file, FileChannel channel) implements AutoCloseable {
    /** Held by this process: closing a second channel to a file would give up the lock that the first one holds. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    /** @throws IllegalStateException where another run has the directory, of this process or another */
    static RunLock of(Path directory) throws IOException {
        Files.createDirectories(directory);
        Path file = directory.toRealPath().resolve(".run.lock");
        if (!HELD.add(file)) {
            throw taken(directory);
        }
        @Nullable RunLock lock = null;
        try {
            lock = tryLock(file);
        } finally {
            if (lock == null) {
                HELD.remove(file);
            }
        }
        if (lock == null) {
            throw taken(directory);
        }
        return lock;
    }

    private static @Nullable RunLock tryLock(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        @Nullable FileLock lock = null;
        try {
            lock = channel.tryLock();
        } finally {
            if (lock == null) {
                channel.close();
            }
        }
        return lock == null ? null : new RunLock(file, channel);
    }

    private static IllegalStateException taken(Path directory) {
        return new IllegalStateException(
                "out: " + directory + ": another run writes into it (expected: one at a time)");
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
