package dev.lyne.student.checkpoint;

import dev.lyne.lm.files.UnwritableFileException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The checkpoints of one run: directories {@code step-000123}, and a file {@code latest} that names the newest.
 *
 * <p>The invariant: a directory named {@code step-…} is whole. It is written under a name that starts with a dot, its files and
 * itself are forced to the disk, and only then is it renamed; it is renamed back before any file of it is deleted. So a process
 * may die at any instruction, or the disk be full, and what bears the name can be resumed from. One thread uses a store.
 */
public final class CheckpointStore {
    /** What to do where a file of a run cannot be written. */
    public static final String REMEDY = "make room and run the same command with --resume";

    private static final Pattern NAME = Pattern.compile("step-(\\d{6,18})");
    private static final String STATE = "state.safetensors";
    private static final String RUN = "checkpoint.json";
    private static final String LATEST = "latest";
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    private final Path directory;
    private final int keep;
    private final Fault fault;

    /** Writes a model's state to a file that does not exist yet. */
    public interface StateWriter {
        /** Writes the state. */
        void write(Path file) throws IOException;
    }

    /** Where a test lets the writing of a checkpoint fail. */
    interface Fault {
        /** Called when the writing has come to this point. */
        void at(String point) throws IOException;
    }

    private record Manifest(int version, long stateBytes, int stateCrc32c, RunState run) {}

    /**
     * @param keep newest checkpoints that are kept, 1 or more
     */
    public CheckpointStore(Path directory, int keep) throws IOException {
        this(directory, keep, point -> {});
    }

    CheckpointStore(Path directory, int keep, Fault fault) throws IOException {
        if (keep < 1) {
            throw new IllegalArgumentException("keep_checkpoints: " + keep + " (expected: 1 or more)");
        }
        this.directory = directory;
        this.keep = keep;
        this.fault = fault;
        Files.createDirectories(directory);
    }

    /**
     * Writes a checkpoint and removes those that are too many.
     *
     * @throws IOException where it cannot be written; earlier checkpoints stand as they did
     */
    public void write(RunState run, StateWriter state) throws IOException {
        String name = "step-%06d".formatted(run.step());
        Path aside = directory.resolve("." + name + ".writing");
        Path target = directory.resolve(name);
        try {
            deleteTree(aside);
            Files.createDirectory(aside);
            fault.at("created");
            Path stateFile = aside.resolve(STATE);
            state.write(stateFile);
            force(stateFile);
            fault.at("state");
            Manifest manifest = new Manifest(1, Files.size(stateFile), crc32c(stateFile), run);
            writeAndForce(
                    aside.resolve(RUN), JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(manifest));
            force(aside);
            fault.at("manifest");
            Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
            force(directory);
            fault.at("renamed");
            pointTo(name);
            fault.at("pointed");
        } catch (IOException e) {
            throw failed(name, aside, e);
        }
        removeOld();
    }

    /** The newest checkpoint, checked; clears away what a killed process left half written or half removed. */
    public Optional<Checkpoint> latest() throws IOException {
        removeLeftovers();
        List<Path> all = steps();
        if (all.isEmpty()) {
            return Optional.empty();
        }
        Path newest = all.get(all.size() - 1);
        Manifest manifest = read(newest.resolve(RUN));
        Path stateFile = newest.resolve(STATE);
        if (!Files.isRegularFile(stateFile)
                || Files.size(stateFile) != manifest.stateBytes()
                || crc32c(stateFile) != manifest.stateCrc32c()) {
            throw new CheckpointMismatchException(stateFile
                    + " is not what was written (length or CRC32C differs); remove " + newest
                    + " to go on from the checkpoint before it");
        }
        pointTo(newest.getFileName().toString());
        return Optional.of(new Checkpoint(newest, stateFile, manifest.run()));
    }

    /** Whether there is any checkpoint. */
    public boolean isEmpty() throws IOException {
        return steps().isEmpty();
    }

    /** Refuses to go on where what must be equal differs, naming every difference with both values. */
    public static void requireSame(TreeMap<String, String> now, Checkpoint checkpoint)
            throws CheckpointMismatchException {
        TreeSet<String> names = new TreeSet<>(now.keySet());
        names.addAll(checkpoint.run().identity().keySet());
        List<String> differences = new ArrayList<>();
        for (String name : names) {
            String before = checkpoint.run().identity().getOrDefault(name, "absent");
            String current = now.getOrDefault(name, "absent");
            if (!before.equals(current)) {
                differences.add(name + ": " + current + " (expected: " + before + ")");
            }
        }
        if (!differences.isEmpty()) {
            throw new CheckpointMismatchException("cannot resume from " + checkpoint.directory()
                    + ", which was written with other settings; " + String.join("; ", differences));
        }
    }

    private IOException failed(String name, Path aside, IOException cause) throws IOException {
        String reason = cause.getMessage() == null ? cause.toString() : cause.getMessage();
        List<Path> standing = steps();
        String rest = standing.isEmpty() ? "there is no earlier one" : standing.get(standing.size() - 1) + " stands";
        IOException failure =
                new IOException("checkpoint " + name + " not written: " + reason + "; " + rest + "; " + REMEDY, cause);
        try {
            deleteTree(aside);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
        return failure;
    }

    private static Manifest read(Path file) throws IOException {
        try {
            return JSON.readValue(Files.readAllBytes(file), Manifest.class);
        } catch (JacksonException e) {
            throw new CheckpointMismatchException(file + ": " + e.getOriginalMessage());
        }
    }

    private void pointTo(String name) throws IOException {
        Path aside = directory.resolve("." + LATEST + ".writing");
        Files.deleteIfExists(aside);
        writeAndForce(aside, (name + "\n").getBytes(StandardCharsets.UTF_8));
        Files.move(aside, directory.resolve(LATEST), StandardCopyOption.ATOMIC_MOVE);
        force(directory);
    }

    private void removeOld() throws IOException {
        List<Path> all = steps();
        for (Path old : all.subList(0, Math.max(0, all.size() - keep))) {
            Path aside = directory.resolve("." + old.getFileName() + ".removing");
            Files.move(old, aside, StandardCopyOption.ATOMIC_MOVE);
            fault.at("removing");
            deleteTree(aside);
        }
    }

    private void removeLeftovers() throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            for (Path entry : entries.toList()) {
                String name = entry.getFileName().toString();
                if (name.startsWith(".") && (name.endsWith(".writing") || name.endsWith(".removing"))) {
                    deleteTree(entry);
                }
            }
        }
    }

    /** Whole checkpoints, oldest first. */
    private List<Path> steps() throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.filter(entry ->
                            NAME.matcher(entry.getFileName().toString()).matches())
                    .sorted(Comparator.comparingLong(CheckpointStore::step))
                    .toList();
        }
    }

    private static long step(Path entry) {
        Matcher matcher = NAME.matcher(entry.getFileName().toString());
        return matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
    }

    private static int crc32c(Path file) throws IOException {
        CRC32C crc = new CRC32C();
        byte[] buffer = new byte[1 << 18];
        try (InputStream in = Files.newInputStream(file)) {
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                crc.update(buffer, 0, read);
            }
        }
        return (int) crc.getValue();
    }

    private static void writeAndForce(Path file, byte[] bytes) throws IOException {
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

    private static void force(Path fileOrDirectory) throws IOException {
        try (FileChannel channel = FileChannel.open(fileOrDirectory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void deleteTree(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        try (Stream<Path> tree = Files.walk(root)) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
