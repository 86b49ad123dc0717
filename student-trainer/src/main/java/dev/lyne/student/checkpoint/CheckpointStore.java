package dev.lyne.student.checkpoint;

import dev.lyne.files.AtomicFile;
import dev.lyne.files.JsonFaults;
import dev.lyne.files.UnwritableFileException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The checkpoints of one run: directories {@code step-000123}, and a file {@code latest} that names the newest.
 *
 * <p>The invariant: a directory named {@code step-…} is whole. It is written under a name that starts with a dot, its files and
 * itself are forced to the disk, and only then is it renamed; it is renamed back before any file of it is deleted. So a process
 * may die at any instruction, or the disk be full, and what bears the name can be resumed from. One thread uses a store.
 */
public final class CheckpointStore {
    /** Advice where a file of a run cannot be written. */
    public static final String REMEDY = "make room and run the same command with --resume --from-start";

    private static final Pattern NAME = Pattern.compile("step-(\\d{6,18})");
    private static final int VERSION = 3;

    /** Beginning of {@code checkpoint.json}: the CRC32C of all that follows it. */
    private static final Pattern SEAL = Pattern.compile("\\{\\R  \"crc32c\" : \"([0-9a-f]{8})\",\\R");

    private static final int SEAL_BYTES = "{\n  \"crc32c\" : \"00000000\",\n".length();
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

    /** Fault: where a test lets the writing of a checkpoint fail. */
    interface Fault {
        /** Called when the writing has come to this point. */
        void at(String point) throws IOException;
    }

    /** All of {@code checkpoint.json} but its seal; the name of the run is for people. */
    private record Manifest(int version, String name, long stateBytes, int stateCrc32c, RunState run) {}

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
     * @param runName name of the run
     * @throws IOException where it cannot be written; earlier checkpoints stand as they did
     */
    public void write(String runName, RunState run, StateWriter state) throws IOException {
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
            Manifest manifest = new Manifest(VERSION, runName, Files.size(stateFile), crc32c(stateFile), run);
            AtomicFile.writeWithin(
                    aside.resolve(RUN),
                    sealed(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(manifest)));
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

    /**
     * The newest checkpoint, checked; clears away what a killed process left half written or half removed.
     *
     * @throws CheckpointMismatchException where it is damaged, with what goes on from the one before it
     */
    public Optional<Checkpoint> latest() throws IOException {
        removeLeftovers();
        List<Path> all = steps();
        if (all.isEmpty()) {
            return Optional.empty();
        }
        Path newest = all.get(all.size() - 1);
        Checkpoint checkpoint;
        try {
            checkpoint = read(newest);
        } catch (CheckpointMismatchException e) {
            String before = all.size() == 1
                    ? "there is none before it; to begin again: mv %1$s %1$s.damaged, then the same command with --resume --from-start"
                    : "to go on from " + all.get(all.size() - 2).getFileName()
                            + ": mv %1$s %1$s.damaged, then the same command with --resume";
            throw new CheckpointMismatchException(e.getMessage() + "; " + before.formatted(newest));
        }
        pointTo(newest.getFileName().toString());
        return Optional.of(checkpoint);
    }

    /**
     * A checkpoint by its directory, checked; of any run.
     *
     * @throws CheckpointMismatchException where it is damaged, or of another version
     */
    public static Checkpoint read(Path checkpoint) throws IOException {
        Manifest manifest = manifest(checkpoint.resolve(RUN));
        Path stateFile = checkpoint.resolve(STATE);
        long bytes = Files.isRegularFile(stateFile) ? Files.size(stateFile) : 0;
        if (bytes != manifest.stateBytes()) {
            throw new CheckpointMismatchException(
                    stateFile + ": " + bytes + " bytes (expected: " + manifest.stateBytes() + ")");
        }
        int crc = crc32c(stateFile);
        if (crc != manifest.stateCrc32c()) {
            throw new CheckpointMismatchException(
                    stateFile + ": CRC32C " + hex(crc) + " (expected: " + hex(manifest.stateCrc32c()) + ")");
        }
        return new Checkpoint(checkpoint, stateFile, manifest.name(), manifest.run());
    }

    /** Whether there is no checkpoint of any finished step. */
    public boolean isEmpty() throws IOException {
        return steps().stream().allMatch(entry -> step(entry) == 0);
    }

    /** Removes a checkpoint of no finished step, which a run that begins anew takes the place of. */
    public void begin() throws IOException {
        removeLeftovers();
        for (Path entry : steps()) {
            if (step(entry) > 0) {
                throw new IllegalStateException(entry + " holds finished steps");
            }
            deleteTree(entry);
        }
    }

    private IOException failed(String name, Path aside, IOException cause) throws IOException {
        String reason = UnwritableFileException.describe(cause);
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

    private static Manifest manifest(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new CheckpointMismatchException(file + ": no such file (expected: a checkpoint's)");
        }
        byte[] bytes = Files.readAllBytes(file);
        int start = Math.min(SEAL_BYTES, bytes.length);
        Matcher seal = SEAL.matcher(new String(bytes, 0, start, StandardCharsets.UTF_8));
        if (!seal.matches()) {
            throw unsealed(file, bytes);
        }
        CRC32C crc = new CRC32C();
        crc.update(bytes, start, bytes.length - start);
        if (!seal.group(1).equals(hex((int) crc.getValue()))) {
            throw new CheckpointMismatchException(
                    file + ": damaged: CRC32C " + hex((int) crc.getValue()) + " (expected: " + seal.group(1) + ")");
        }
        try {
            JsonNode tree = JSON.readTree(bytes);
            int version = tree.path("version").asInt(0);
            if (version != VERSION || !(tree instanceof ObjectNode object)) {
                throw otherVersion(file, version);
            }
            object.remove("crc32c");
            return JSON.treeToValue(object, Manifest.class);
        } catch (JacksonException e) {
            throw new CheckpointMismatchException(file + ": " + JsonFaults.explain(e));
        }
    }

    /** Version 1 had no seal; whatever else has none is damaged. */
    private static CheckpointMismatchException unsealed(Path file, byte[] bytes) {
        try {
            int version = JSON.readTree(bytes).path("version").asInt(0);
            if (version > 0 && version != VERSION) {
                return otherVersion(file, version);
            }
        } catch (JacksonException e) {
            return new CheckpointMismatchException(file + ": damaged (expected: JSON that begins with its CRC32C)");
        }
        return new CheckpointMismatchException(file + ": damaged: it does not begin with its CRC32C");
    }

    private static CheckpointMismatchException otherVersion(Path file, int version) {
        String reason = version == 1
                ? "the learning rate of version 1 followed another rule"
                : version == 2 ? "version 2 does not say what its student computes" : "";
        return new CheckpointMismatchException(file + ": checkpoint version " + version + " (expected: " + VERSION
                + (reason.isEmpty() ? "" : "; " + reason + ", so the run has to end with the release that began it")
                + ")");
    }

    private static byte[] sealed(String json) {
        String rest = json.replace("\r\n", "\n").substring("{\n".length());
        CRC32C crc = new CRC32C();
        crc.update(rest.getBytes(StandardCharsets.UTF_8));
        return ("{\n  \"crc32c\" : \"" + hex((int) crc.getValue()) + "\",\n" + rest).getBytes(StandardCharsets.UTF_8);
    }

    private static String hex(int crc) {
        return HexFormat.of().toHexDigits(crc);
    }

    private void pointTo(String name) throws IOException {
        Path aside = directory.resolve("." + LATEST + ".writing");
        Files.deleteIfExists(aside);
        AtomicFile.writeWithin(aside, (name + "\n").getBytes(StandardCharsets.UTF_8));
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
