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
    private final CapturePart part;
    private final DirectoryLock lock;

    private CaptureWriter(Path directory, CaptureManifest planned, CapturePart part, DirectoryLock lock) {
        this.directory = directory;
        this.planned = planned;
        this.part = part;
        this.lock = lock;
    }

    /**
     * Begins a capture, or goes on with one of the same identity. What a killed process left half-written goes.
     *
     * @throws IllegalArgumentException where the directory holds another capture, naming each value that differs, or something else
     * @throws IllegalStateException where another process writes to it
     */
    public static CaptureWriter open(Path directory, CaptureManifest manifest) throws IOException {
        List<Path> parts = CapturePart.directoriesOf(directory);
        if (!parts.isEmpty()) {
            throw new IllegalArgumentException(
                    directory + " holds " + parts.get(0).getFileName()
                            + " (expected: capture --merge, which puts parts together, or another directory)");
        }
        return open(directory, manifest.incomplete(), CapturePart.WHOLE);
    }

    /**
     * The same of one part, which works in a directory of its own within that of the capture and never completes it.
     *
     * @throws IllegalArgumentException also where the capture's directory holds a capture itself
     */
    public static CaptureWriter open(Path capture, CapturePart part, CaptureManifest manifest) throws IOException {
        if (Files.exists(capture.resolve(CaptureManifest.FILE))) {
            throw new IllegalArgumentException(capture + ": " + CaptureManifest.FILE + " with part " + part
                    + " (expected: parts alone, until capture --merge puts them together)");
        }
        return open(part.directory(capture), manifest.incomplete(), part);
    }

    private static CaptureWriter open(Path directory, CaptureManifest planned, CapturePart part) throws IOException {
        DirectoryLock lock = lock(directory);
        try {
            deletePartials(directory);
            if (Files.exists(directory.resolve(CaptureManifest.FILE))) {
                requireSame(directory, planned);
            } else {
                requireNoShards(directory);
                ManifestFile.write(directory, planned);
            }
            return new CaptureWriter(directory, planned, part, lock);
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    static DirectoryLock lock(Path directory) throws IOException {
        return DirectoryLock.take(directory, LOCK)
                .orElseThrow(() -> new IllegalStateException(
                        directory + ": another process captures into it (expected: one at a time)"));
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

    private int[] numbers() {
        return IntStream.range(0, planned.shardCount()).filter(part::makes).toArray();
    }

    /** Shards that this writer makes in all. */
    public int shardCount() {
        return numbers().length;
    }

    /**
     * Numbers of those that are not there yet, having checked those that are.
     *
     * @throws DamagedCaptureException where one of them is not what was written; once it is deleted, it is made again
     */
    public List<Integer> missing() throws IOException {
        byte[] identity = planned.identitySha256();
        List<Integer> missing = new ArrayList<>();
        for (int number : numbers()) {
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

    /**
     * Writes the index and the complete manifest, once no shard is missing. A part has neither: it gives what its shards hold, in a manifest
     * that is not complete and that no file has.
     */
    public CaptureManifest finish() throws IOException {
        if (part.equals(CapturePart.WHOLE)) {
            return complete(directory, planned);
        }
        return planned.holdingPart(shards(directory, planned, numbers()).stream()
                .map(ShardFile::contents)
                .toList());
    }

    static CaptureManifest complete(Path directory, CaptureManifest planned) throws IOException {
        List<ShardFile> shards = shards(
                directory, planned, IntStream.range(0, planned.shardCount()).toArray());
        SequenceIndex.write(directory, shards, planned.identitySha256());
        CaptureManifest complete =
                planned.holding(shards.stream().map(ShardFile::contents).toList());
        ManifestFile.write(directory, complete);
        return complete;
    }

    private static List<ShardFile> shards(Path directory, CaptureManifest planned, int[] numbers) throws IOException {
        byte[] identity = planned.identitySha256();
        List<ShardFile> shards = new ArrayList<>();
        for (int number : numbers) {
            shards.add(ShardFile.open(directory, number, identity));
        }
        return shards;
    }

    /** Gives the directory's lock back. */
    @Override
    public void close() throws IOException {
        lock.close();
    }
}
