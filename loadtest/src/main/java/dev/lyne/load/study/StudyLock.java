package dev.lyne.load.study;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Holds a study's directory, so that one process at a time works in it. */
public record StudyLock(FileChannel channel) implements AutoCloseable {
    /** @throws IllegalStateException where another process has it */
    public static StudyLock of(Path directory) throws IOException {
        Files.createDirectories(directory);
        FileChannel channel =
                FileChannel.open(directory.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        @Nullable FileLock lock = channel.tryLock();
        if (lock == null) {
            channel.close();
            throw new IllegalStateException(directory + ": another study runs in it (expected: one at a time)");
        }
        return new StudyLock(channel);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
