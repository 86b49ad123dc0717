package dev.lyne.lm.training;

import ai.djl.ndarray.NDArray;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.TensorFiles;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.weights.SafetensorsFile;
import dev.lyne.lm.weights.SafetensorsModel;
import dev.lyne.lm.weights.SafetensorsWriter;
import dev.lyne.lm.weights.StoredType;
import dev.lyne.lm.weights.TensorEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Files of a training run: its state, bit for bit, and the model as others read it. */
final class TrainingFiles {
    private static final String FORMAT_KEY = "lyne_format";
    private static final String FORMAT = "training state 1";
    private static final String STEPS_KEY = "steps";

    private static final String WEIGHTS = "weights";
    private static final int DIGEST_BYTES = 1 << 20;

    private final TensorFiles files;

    TrainingFiles(TensorFiles files) {
        this.files = files;
    }

    /** Writes groups of float32 tensors, named {@code group.tensor}, and the step count. */
    void saveState(Path file, Map<String, NamedTensors> groups, long steps) throws IOException {
        Map<TensorEntry, NDArray> tensors = entries(groups);
        Map<String, String> metadata = Map.of(FORMAT_KEY, FORMAT, STEPS_KEY, Long.toString(steps));
        write(file, tensors, metadata);
    }

    /** Fills the groups from a file of {@link #saveState}; returns its step count. Changes nothing where it refuses. */
    long restoreState(Path file, Map<String, NamedTensors> groups) throws IOException {
        SafetensorsFile source = SafetensorsFile.open(file);
        if (!FORMAT.equals(source.metadata().get(FORMAT_KEY))) {
            throw new IllegalArgumentException(
                    file + ": " + FORMAT_KEY + " " + source.metadata().get(FORMAT_KEY) + " (expected: " + FORMAT + ")");
        }
        long steps = steps(file, source);
        Map<TensorEntry, NDArray> tensors = entries(groups);
        for (TensorEntry expected : tensors.keySet()) {
            TensorEntry found = source.tensors().get(expected.name());
            if (!expected.equals(found)) {
                throw new IllegalArgumentException(file + ": tensor " + expected.name() + ": "
                        + (found == null ? "missing" : found.type() + Arrays.toString(found.shape())) + " (expected: "
                        + expected.type() + Arrays.toString(expected.shape()) + ")");
            }
        }
        if (source.tensors().size() != tensors.size()) {
            throw new IllegalArgumentException(file + ": " + source.tensors().size() + " tensors (expected: "
                    + tensors.size() + ", those of this model)");
        }
        for (Map.Entry<TensorEntry, NDArray> tensor : tensors.entrySet()) {
            String name = tensor.getKey().name();
            files.read(tensor.getKey(), (offset, into) -> source.read(name, offset, into), tensor.getValue());
        }
        return steps;
    }

    /** SHA-256 of the weights in a file of {@link #saveState}: each tensor's name and bytes, by name. */
    static String weightsSha256(Path file) throws IOException {
        SafetensorsFile source = SafetensorsFile.open(file);
        MessageDigest sha;
        try {
            sha = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: every JDK has it", e);
        }
        ByteBuffer piece = ByteBuffer.allocate(DIGEST_BYTES);
        for (String name : new TreeSet<>(source.tensors().keySet())) {
            if (!name.startsWith(WEIGHTS + ".")) {
                continue;
            }
            sha.update((name + "\n").getBytes(StandardCharsets.UTF_8));
            long bytes = source.tensor(name).bytes();
            for (long at = 0; at < bytes; at += piece.capacity()) {
                piece.clear().limit((int) Math.min(piece.capacity(), bytes - at));
                source.read(name, at, piece);
                sha.update(piece.flip());
            }
        }
        return HexFormat.of().formatHex(sha.digest());
    }

    /** Writes a Hugging Face directory; a tied output matrix is not stored twice. */
    void export(Path directory, ModelConfiguration configuration, NamedTensors weights, String storedType)
            throws IOException {
        StoredType type = StoredType.ofTorchName(storedType);
        Files.createDirectories(directory);
        Map<TensorEntry, NDArray> tensors = new LinkedHashMap<>();
        weights.arrays()
                .forEach((name, array) ->
                        tensors.put(new TensorEntry(name, type, array.getShape().getShape()), array));
        write(directory.resolve(SafetensorsModel.SINGLE_FILE), tensors, Map.of());
        configuration.withStoredType(storedType).write(directory);
    }

    private void write(Path file, Map<TensorEntry, NDArray> tensors, Map<String, String> metadata) throws IOException {
        List<TensorEntry> entries = new ArrayList<>(tensors.keySet());
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries, metadata)) {
            for (Map.Entry<TensorEntry, NDArray> tensor : tensors.entrySet()) {
                files.write(tensor.getKey(), tensor.getValue(), writer);
            }
            writer.commit();
        }
    }

    private static Map<TensorEntry, NDArray> entries(Map<String, NamedTensors> groups) {
        Map<TensorEntry, NDArray> entries = new LinkedHashMap<>();
        groups.forEach((group, tensors) -> tensors.arrays()
                .forEach((name, array) -> entries.put(
                        new TensorEntry(
                                group + "." + name,
                                StoredType.F32,
                                array.getShape().getShape()),
                        array)));
        return entries;
    }

    private static long steps(Path file, SafetensorsFile source) {
        String text = String.valueOf(source.metadata().get(STEPS_KEY));
        try {
            long steps = Long.parseLong(text);
            if (steps >= 0) {
                return steps;
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(file + ": steps " + text + " (expected: a count)", e);
        }
        throw new IllegalArgumentException(file + ": steps " + text + " (expected: 0 or more)");
    }
}
