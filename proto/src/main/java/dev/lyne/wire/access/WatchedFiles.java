package dev.lyne.wire.access;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A value read from files that are replaced while a process runs, as secrets are that rotate. What cannot be used never
 * takes the place of what was read before. Safe for several threads.
 *
 * @param <T> what is read
 */
public final class WatchedFiles<T> {
    private final List<Path> files;
    private final Reader<T> reader;

    @GuardedBy("this")
    private List<Stamp> stamps;

    private volatile T current;

    /** Makes a value of the files. */
    public interface Reader<T> {
        /** @throws IllegalArgumentException where the files do not hold what they should */
        T read() throws IOException;
    }

    /** State of a file that changes with it: a replaced one has another key, or none where it is missing. */
    private record Stamp(
            @Nullable FileTime modified,
            long bytes,
            @Nullable Object key) {}

    private WatchedFiles(List<Path> files, Reader<T> reader) throws IOException {
        this.files = List.copyOf(files);
        this.reader = reader;
        this.stamps = stampsNow();
        this.current = reader.read();
    }

    /** Reads for the first time. */
    public static <T> WatchedFiles<T> open(List<Path> files, Reader<T> reader) throws IOException {
        return new WatchedFiles<>(files, reader);
    }

    /** Returns the value that was read last. */
    public T current() {
        return current;
    }

    /**
     * Reads again where a file changed.
     *
     * @return whether it did
     * @throws IOException where what is there now cannot be read
     * @throws IllegalArgumentException where it is not what it should be, once for each change
     */
    public synchronized boolean refresh() throws IOException {
        List<Stamp> now = stampsNow(); // before the read: what changes during it is read again
        if (now.equals(stamps)) {
            return false;
        }
        try {
            current = reader.read();
        } catch (IllegalArgumentException | NoSuchFileException e) {
            stamps = now; // told once for each change; whatever else kept it from being read may pass, and is tried
            // again
            throw e;
        }
        stamps = now;
        return true;
    }

    private List<Stamp> stampsNow() throws IOException {
        List<Stamp> now = new ArrayList<>();
        for (Path file : files) {
            try {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                now.add(new Stamp(attributes.lastModifiedTime(), attributes.size(), attributes.fileKey()));
            } catch (NoSuchFileException e) {
                now.add(new Stamp(null, -1, null)); // the reader says so
            }
        }
        return now;
    }
}
