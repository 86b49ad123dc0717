package dev.lyne.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A file that is written as {@code .NAME.PID.partial} beside its place and put there whole, synced and renamed, by
 * {@link #commit}. Without a commit, closing removes what was written. What a process that was killed left behind goes when the
 * next one writes the same file: the process of a left-over's number must be gone, and other files' left-overs are none of its
 * business. One thread.
 */
public final class AtomicFile implements AutoCloseable {
    /** Suffix of a file's name while it is not in its place. */
    public static final String SUFFIX = ".partial";

    private final Path file;
    private final Path aside;
    private final FileChannel channel;
    private long length;
    private boolean committed;

    private AtomicFile(Path file, Path aside, FileChannel channel) {
        this.file = file;
        this.aside = aside;
        this.channel = channel;
    }

    /**
     * Starts a file; makes its directory where there is none.
     *
     * @throws UnwritableFileException here and wherever the file is written
     */
    public static AtomicFile create(Path file) throws UnwritableFileException {
        Path directory = directoryOf(file);
        Path aside = directory.resolve(
                "." + file.getFileName() + "." + ProcessHandle.current().pid() + SUFFIX);
        try {
            Files.createDirectories(directory);
            removeAbandoned(directory, String.valueOf(file.getFileName()));
            return new AtomicFile(
                    file,
                    aside,
                    FileChannel.open(
                            aside,
                            StandardOpenOption.WRITE,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.TRUNCATE_EXISTING));
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
    }

    /** Writes a whole file, in place of one that may be there. */
    public static void write(Path file, byte[] bytes) throws UnwritableFileException {
        try (AtomicFile aside = create(file)) {
            aside.append(ByteBuffer.wrap(bytes));
            aside.commit();
        }
    }

    /** Writes a file where none is, and forces it to the disk; for a directory that is put in its place once it is whole. */
    public static void writeWithin(Path file, byte[] bytes) throws UnwritableFileException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer rest = ByteBuffer.wrap(bytes);
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
            channel.force(true);
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
    }

    /** Appends all of the buffer. */
    public void append(ByteBuffer bytes) throws UnwritableFileException {
        try {
            while (bytes.hasRemaining()) {
                length += channel.write(bytes);
            }
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
    }

    /** Bytes appended so far. */
    public long length() {
        return length;
    }

    /** Syncs the file and renames it into place. */
    public void commit() throws UnwritableFileException {
        try {
            channel.force(true);
            channel.close();
            Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            committed = true;
            try (FileChannel directory = FileChannel.open(directoryOf(file), StandardOpenOption.READ)) {
                directory.force(true); // the rename itself
            }
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
    }

    @Override
    public void close() throws UnwritableFileException {
        try {
            channel.close();
            if (!committed) {
                Files.deleteIfExists(aside);
            }
        } catch (IOException e) {
            throw new UnwritableFileException(file, e);
        }
    }

    private static void removeAbandoned(Path directory, String name) throws IOException {
        Pattern partial = Pattern.compile(Pattern.quote("." + name + ".") + "(\\d{1,18})\\.partial");
        try (Stream<Path> entries = Files.list(directory)) {
            for (Path entry : entries.toList()) {
                Matcher matcher = partial.matcher(String.valueOf(entry.getFileName()));
                if (matcher.matches()
                        && ProcessHandle.of(Long.parseLong(matcher.group(1))).isEmpty()) {
                    Files.deleteIfExists(entry);
                }
            }
        }
    }

    private static Path directoryOf(Path file) {
        Path directory = file.toAbsolutePath().getParent();
        if (directory == null) {
            throw new IllegalArgumentException(file + ": a root (expected: a file)");
        }
        return directory;
    }
}
