package dev.lyne.wire.capture;

import dev.lyne.files.DirectoryLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    /** The parts that have made something. */
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
        if (CapturePart.directoriesOf(directory).isEmpty()) {
            return merged(directory);
        }
        Map<Path, DirectoryLock> locks = new LinkedHashMap<>();
        try (DirectoryLock whole = CaptureWriter.lock(directory)) {
            List<Path> parts = new ArrayList<>();
            for (Path part : CapturePart.directoriesOf(directory)) { // again: another merge may have ended meanwhile
                locks.put(part, CaptureWriter.lock(part));
                if (!isHollow(part)) {
                    parts.add(part);
                }
            }
            CaptureManifest complete =
                    parts.isEmpty() ? merged(directory) : new CaptureMerge(directory, parts, notices).merge();
            for (Path part : List.copyOf(locks.keySet())) {
                delete(part, Objects.requireNonNull(locks.remove(part)));
            }
            return complete;
        } finally {
            for (DirectoryLock lock : locks.values()) {
                lock.close();
            }
        }
    }

    private static CaptureManifest merged(Path directory) throws IOException {
        if (Files.isRegularFile(directory.resolve(CaptureManifest.FILE))) {
            return Capture.open(directory).manifest();
        }
        throw new IllegalArgumentException(
                directory + ": no parts (expected: directories such as part-0-of-4, as capture --part writes them)");
    }

    /** Whether a part has made nothing: it was killed before it began, or a merge was killed as it deleted what was left of it. */
    private static boolean isHollow(Path part) throws IOException {
        try (Stream<Path> entries = Files.list(part)) {
            return entries.map(entry -> String.valueOf(entry.getFileName()))
                    .noneMatch(name -> name.equals(CaptureManifest.FILE)
                            || ShardFile.number(name).isPresent());
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
        return CaptureWriter.complete(directory, planned);
    }

    /** Returns the manifest of the capture that all of them are parts of. */
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

    /**
     * Returns the places of each shard, the capture's own directory first; each is checked as far as a run that goes on
     * checks it.
     */
    private SortedMap<Integer, List<Path>> found(CaptureManifest planned) throws IOException {
        byte[] identity = planned.identitySha256();
        SortedMap<Integer, List<Path>> found = new TreeMap<>();
        List<Path> places = new ArrayList<>(parts);
        places.add(0, directory);
        for (Path place : places) {
            for (int number : numbers(place)) {
                if (number < planned.shardCount()) {
                    ShardFile shard = ShardFile.open(place, number, identity);
                    shard.index();
                    found.computeIfAbsent(number, none -> new ArrayList<>(1)).add(shard.file());
                }
            }
        }
        return found;
    }

    private static int[] numbers(Path place) throws IOException {
        try (Stream<Path> entries = Files.list(place)) {
            return entries.flatMapToInt(entry -> ShardFile.number(String.valueOf(entry.getFileName())).stream())
                    .sorted()
                    .toArray();
        }
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

    /**
     * Deletes a part of a complete capture: its manifest, tokens and what a killed run left, then its lock. An open file that is deleted leaves
     * another behind on a network's file system, so the lock is given back before; nobody begins the part anew beside a complete capture.
     */
    private static void delete(Path part, DirectoryLock lock) throws IOException {
        List<Path> entries;
        try (Stream<Path> walk = Files.walk(part)) {
            entries = walk.sorted(Comparator.reverseOrder()).toList();
        }
        Path kept = part.resolve(String.valueOf(lock.file().getFileName()));
        try (lock) {
            for (Path entry : entries) {
                if (!entry.equals(part) && !entry.equals(kept)) {
                    Files.delete(entry);
                }
            }
        }
        Files.delete(kept);
        Files.delete(part);
    }
}
