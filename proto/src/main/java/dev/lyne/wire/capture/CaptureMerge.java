package dev.lyne.wire.capture;

import dev.lyne.files.DirectoryLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Makes one capture of its parts: the same files that a run in one piece writes. All that can be refused is refused before the first file
 * moves. Shards are renamed, never copied, so that a merge that is killed goes on where it was. One thread.
 */
public final class CaptureMerge {
    private static final int TOLD = 8;

    private final Path directory;
    private final List<Path> parts;
    private final Consumer<String> notices;

    private CaptureMerge(Path directory, List<Path> parts, Consumer<String> notices) {
        this.directory = directory;
        this.parts = parts;
        this.notices = notices;
    }

    /**
     * Merges the parts that a directory holds; a capture that is merged already is left as it is.
     *
     * @param notices told of each shard that two parts made, in one line
     * @return the complete capture's manifest
     * @throws IllegalArgumentException where there is no part, where parts are of different captures, where shards are missing, or where
     *     two parts made a shard differently
     * @throws IllegalStateException where a part, or another merge, is at work
     * @throws DamagedCaptureException where a shard is not what was written
     */
    public static CaptureManifest run(Path directory, Consumer<String> notices) throws IOException {
        List<Path> parts = CapturePart.directoriesOf(directory);
        if (parts.isEmpty()) {
            if (Files.isRegularFile(directory.resolve(CaptureManifest.FILE))) {
                return Capture.open(directory).manifest();
            }
            throw new IllegalArgumentException(directory
                    + ": no parts (expected: directories such as part-0-of-4, as capture --part writes them)");
        }
        List<DirectoryLock> locks = new ArrayList<>();
        try {
            locks.add(CaptureWriter.lock(directory));
            for (Path part : parts) {
                locks.add(CaptureWriter.lock(part));
            }
            return new CaptureMerge(directory, parts, notices).merge();
        } finally {
            for (DirectoryLock lock : locks) {
                lock.close();
            }
        }
    }

    private CaptureManifest merge() throws IOException {
        CaptureManifest planned = planned();
        SortedMap<Integer, List<Path>> found = found(planned);
        requireWhole(planned, found);
        for (List<Path> places : found.values()) {
            requireAlike(places);
        }
        if (!Files.exists(directory.resolve(CaptureManifest.FILE))) {
            ManifestFile.write(directory, planned);
        }
        for (List<Path> places : found.values()) {
            Path place = directory.resolve(String.valueOf(places.get(0).getFileName()));
            if (!places.get(0).equals(place)) {
                Files.move(places.get(0), place, StandardCopyOption.ATOMIC_MOVE);
            }
        }
        CaptureManifest complete = CaptureWriter.complete(directory, planned);
        for (Path part : parts) {
            deleteTree(part);
        }
        return complete;
    }

    /** What all of them are parts of. */
    private CaptureManifest planned() throws IOException {
        List<Path> stated = new ArrayList<>(parts);
        if (Files.exists(directory.resolve(CaptureManifest.FILE))) {
            stated.add(0, directory);
        }
        CaptureManifest planned = ManifestFile.read(stated.get(0)).incomplete();
        for (Path other : stated) {
            List<String> differences =
                    planned.differences(ManifestFile.read(other).incomplete());
            if (!differences.isEmpty()) {
                throw new IllegalArgumentException(
                        other + " is of another capture than " + stated.get(0) + ": " + String.join("; ", differences));
            }
        }
        return planned;
    }

    /** Where each shard is, the capture's own directory first; each is checked as far as a run that goes on checks it. */
    private SortedMap<Integer, List<Path>> found(CaptureManifest planned) throws IOException {
        byte[] identity = planned.identitySha256();
        SortedMap<Integer, List<Path>> found = new TreeMap<>();
        List<Path> places = new ArrayList<>(parts);
        places.add(0, directory);
        for (Path place : places) {
            for (int number = 0; number < planned.shardCount(); number++) {
                if (ShardFile.exists(place, number)) {
                    ShardFile shard = ShardFile.open(place, number, identity);
                    shard.index();
                    found.computeIfAbsent(number, none -> new ArrayList<>(1)).add(shard.file());
                }
            }
        }
        return found;
    }

    private void requireWhole(CaptureManifest planned, SortedMap<Integer, List<Path>> found) {
        List<Integer> missing = IntStream.range(0, planned.shardCount())
                .filter(number -> !found.containsKey(number))
                .boxed()
                .toList();
        if (!missing.isEmpty()) {
            String some = missing.stream().limit(TOLD).map(String::valueOf).collect(Collectors.joining(", "));
            throw new IllegalArgumentException(directory + ": " + missing.size() + " of " + planned.shardCount()
                    + " shards are missing: " + some + (missing.size() > TOLD ? ", …" : "")
                    + " (expected: all; part I/N makes the shards that leave I when divided by N)");
        }
    }

    /** Two parts of different counts may have made a shard both: as they must not differ, the first is as good as the other. */
    private void requireAlike(List<Path> places) throws IOException {
        Path first = places.get(0);
        for (Path other : places.subList(1, places.size())) {
            long at = Files.mismatch(first, other);
            if (at >= 0) {
                throw new IllegalArgumentException(other + " differs from " + first + " at byte " + at
                        + " (expected: one of them, or the same bytes; delete the one that is not to be kept)");
            }
            notices.accept(other + " is the same as " + first + ", which is kept");
        }
    }

    /** Deletes a part: its manifest, lock, tokens and what a killed run left. */
    private static void deleteTree(Path part) throws IOException {
        List<Path> entries;
        try (Stream<Path> walk = Files.walk(part)) {
            entries = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path entry : entries) {
            Files.delete(entry);
        }
    }
}
