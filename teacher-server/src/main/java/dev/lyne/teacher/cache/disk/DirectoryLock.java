package dev.lyne.teacher.cache.disk;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Keeps other servers out of a directory. The operating system lifts it where this process dies. */
final class DirectoryLock implements AutoCloseable {
    private final FileChannel file;

    private DirectoryLock(FileChannel file) {
        this.file = file;
    }

    /** @throws IllegalArgumentException where the directory cannot be written, or another server holds it */
    static DirectoryLock take(Path directory) {
        FileChannel file;
        try {
            file = FileChannel.open(
                    directory.resolve("lyne.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw DiskTierOptions.notWritable(directory, e);
        }
        DirectoryLock lock = new DirectoryLock(file);
        try {
            if (file.tryLock() != null) {
                return lock;
            }
        } catch (OverlappingFileLockException e) {
            // another server in this process: refused below, as one in another process is
        } catch (IOException e) {
            lock.close();
            throw DiskTierOptions.notWritable(directory, e);
        }
        lock.close();
        throw new IllegalArgumentException("disk cache: " + directory
                + " is locked by another server (expected: a directory of this server's own)");
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
