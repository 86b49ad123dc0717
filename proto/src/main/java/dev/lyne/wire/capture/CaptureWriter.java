package dev.lyne.wire.capture;

import dev.lyne.files.AtomicFile;
import dev.lyne.files.DirectoryLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A capture that is being made: which shards there are, which are missing, and the index and manifest at the end. Holds the
 * directory's lock until it is closed. Shards may be begun by several threads; the rest is one thread's.
 */
public final class CaptureWriter implements AutoCloseable {
    private static final String LOCK = ".lock";
    private static final String SHARDS = "shard-\\d{6}\\.blocks";

    private final Path directory;
    private final CaptureManifest planned;
    private final DirectoryLock lock;

    private CaptureWriter(Path directory, CaptureManifest planned, DirectoryLock lock) {
        this.directory = directory;
        this.planned = planned;
        this.lock = lock;
    }

    /**
     * Begins a capture, or goes on with one of the same identity. What a killed process left half-written goes.
     *
     * @throws IllegalArgumentException where the directory holds another capture, naming each value that differs, or something else
     * @throws IllegalStateException where another process writes to it
     */
    public static CaptureWriter open(Path directory, CaptureManifest manifest) throws IOException {
        CaptureManifest planned = manifest.incomplete();
        DirectoryLock lock = DirectoryLock.take(directory, LOCK)
                .orElseThrow(() -> new IllegalStateException(
                        directory + ": another process captures into it (expected: one at a time)"));
        try {
            deletePartials(directory);
            if (Files.exists(directory.resolve(CaptureManifest.FILE))) {
                requireSame(directory, planned);
            } else {
                requireNoShards(directory);
                ManifestFile.write(directory, planned);
            }
            return new CaptureWriter(directory, planned, lock);
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    private static void deletePartials(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            for (Path entry : entries.toList()) {
                if (String.valueOf(entry.getFileName()).endsWith(AtomicFile.SUFFIX)) {
                    Files.delete(entry);
                }
            }
        }
    }

    private static void requireSame(Path directory, CaptureManifest planned) throws IOException {
        List<String> differences =
                planned.differences(ManifestFile.read(directory).incomplete());
        if (!differences.isEmpty()) {
            throw new IllegalArgumentException(directory + " holds another capture: " + String.join("; ", differences));
        }
    }

    private static void requireNoShards(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            for (Path entry : entries.toList()) {
                String name = String.valueOf(entry.getFileName());
                if (name.matches(SHARDS) || name.equals(SequenceIndex.FILE)) {
                    throw new IllegalArgumentException(directory + ": " + name + " without " + CaptureManifest.FILE
                            + " (expected: both, or neither)");
                }
            }
        }
    }

    /**
     * Numbers of the shards that are not there yet, having checked those that are.
     *
     * @throws DamagedCaptureException where one of them is not what was written; once it is deleted, it is made again
     */
    public List<Integer> missing() throws IOException {
        byte[] identity = planned.identitySha256();
        List<Integer> missing = new ArrayList<>();
        for (int number = 0; number < planned.shardCount(); number++) {
            if (ShardFile.exists(directory, number)) {
                ShardFile.open(directory, number, identity).index();
            } else {
                missing.add(number);
            }
        }
        return missing;
    }

    /** Begins a shard. Readers that come before the end find a capture that is not complete. */
    public ShardWriter begin(int number) throws IOException {
        synchronized (this) {
            if (ManifestFile.read(directory).complete()) {
                ManifestFile.write(directory, planned);
                Files.deleteIfExists(directory.resolve(SequenceIndex.FILE));
            }
        }
        return new ShardWriter(directory, number, planned.identitySha256());
    }

    /** Writes the index and the complete manifest, once no shard is missing. */
    public CaptureManifest finish() throws IOException {
        byte[] identity = planned.identitySha256();
        List<ShardFile> shards = new ArrayList<>();
        for (int number : IntStream.range(0, planned.shardCount()).toArray()) {
            shards.add(ShardFile.open(directory, number, identity));
        }
        SequenceIndex.write(directory, shards, identity);
        CaptureManifest complete =
                planned.holding(shards.stream().map(ShardFile::contents).toList());
        ManifestFile.write(directory, complete);
        return complete;
    }

    /** Gives the directory's lock back. */
    @Override
    public void close() throws IOException {
        lock.close();
    }
}
