package dev.lyne.lm.weights;

import dev.lyne.files.JsonFaults;
import dev.lyne.lm.files.LfsPointers;
import dev.lyne.lm.model.DerivedTensor;
import dev.lyne.lm.model.ModelConfiguration;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The tensors of a model directory: one `model.safetensors`, or the shards of its index. Safe for several threads. */
public final class SafetensorsModel {
    /** The file of a model that is not sharded. */
    public static final String SINGLE_FILE = "model.safetensors";

    /** The file that names the shards. */
    public static final String INDEX_FILE = "model.safetensors.index.json";

    private final Path source;
    private final Map<String, Held> held;
    private final Map<String, TensorEntry> tensors;

    /** A tensor with the file that it is in, and its name there. */
    private record Held(SafetensorsFile file, String storedName) {
        TensorEntry entry(String name) {
            TensorEntry stored = file.tensor(storedName);
            return new TensorEntry(name, stored.type(), stored.shape());
        }
    }

    private SafetensorsModel(Path source, Map<String, Held> held) {
        this.source = source;
        this.held = held;
        Map<String, TensorEntry> entries = new TreeMap<>();
        held.forEach((name, one) -> entries.put(name, one.entry(name)));
        this.tensors = Collections.unmodifiableMap(entries);
    }

    private static SafetensorsModel named(
            Path source, Map<String, SafetensorsFile> files, UnaryOperator<String> naming) {
        Map<String, Held> held = new TreeMap<>();
        files.forEach((stored, file) -> {
            String name = naming.apply(stored);
            if (held.put(name, new Held(file, stored)) != null) {
                throw refuse(file, stored, "there under two names", "only as " + name);
            }
        });
        return new SafetensorsModel(source, held);
    }

    /** Opens `model.safetensors`, or where there is none the shards that `model.safetensors.index.json` names. */
    public static SafetensorsModel open(Path directory) throws IOException {
        return open(directory, UnaryOperator.identity());
    }

    private static SafetensorsModel open(Path directory, UnaryOperator<String> naming) throws IOException {
        Path single = directory.resolve(SINGLE_FILE);
        if (Files.exists(single)) {
            SafetensorsFile file = SafetensorsFile.open(single);
            Map<String, SafetensorsFile> files = new TreeMap<>();
            file.tensors().keySet().forEach(name -> files.put(name, file));
            return named(single, files, naming);
        }
        Path index = directory.resolve(INDEX_FILE);
        if (!Files.exists(index)) {
            throw new IllegalArgumentException(
                    directory + ": no weights (expected: " + SINGLE_FILE + " or " + INDEX_FILE + ")");
        }
        return named(index, shards(directory, index), naming);
    }

    /**
     * Opens the directory, its tensors under the names that the configuration has for them, and checks that it holds what the
     * configuration expects: see {@link #require}. A tied matrix may stand under the name of either of its two uses; under both, it
     * is the same one, as each tensor that follows from others is what it follows from.
     */
    public static SafetensorsModel open(Path directory, ModelConfiguration configuration) throws IOException {
        SafetensorsModel model = open(directory, configuration::canonicalName).withEmbedding(configuration);
        model.require(configuration);
        DerivedTensorCheck check = new DerivedTensorCheck(model, configuration);
        for (TensorEntry tensor : model.tensors.values()) {
            Optional<DerivedTensor> derived = configuration.derivedTensor(tensor.name());
            if (derived.isPresent()) {
                check.require(tensor, derived.get());
            }
        }
        return model;
    }

    /** The output matrix as the embedding, where the two are tied and the file has it under that name alone. */
    private SafetensorsModel withEmbedding(ModelConfiguration configuration) {
        String embedding = configuration.embeddingTensor();
        String output = configuration.outputTensor();
        if (!configuration.tiedEmbeddings() || held.containsKey(embedding) || !held.containsKey(output)) {
            return this;
        }
        Map<String, Held> renamed = new TreeMap<>(held);
        renamed.put(embedding, Objects.requireNonNull(renamed.remove(output)));
        return new SafetensorsModel(source, renamed);
    }

    /** Tensors by name, sorted. */
    public Map<String, TensorEntry> tensors() {
        return tensors;
    }

    /** The tensor of that name; refuses one that is not there. */
    TensorEntry tensor(String name) {
        TensorEntry tensor = tensors.get(name);
        if (tensor == null) {
            throw missing(name, new long[0]);
        }
        return tensor;
    }

    /** Fills {@code into} with the tensor's little-endian bytes from {@code offsetBytes} on. */
    public void read(String name, long offsetBytes, ByteBuffer into) throws IOException {
        Held one = held.get(name);
        if (one == null) {
            throw missing(name, new long[0]);
        }
        one.file().read(one.storedName(), offsetBytes, into);
    }

    /**
     * Refuses tensors that are missing, misshapen, not stored as F32, F16 or BF16, or that the configuration does not expect
     * (a bias it says is absent, say): each would compute something else than the model.
     */
    public void require(ModelConfiguration configuration) {
        Map<String, long[]> expected = configuration.expectedTensors();
        expected.forEach((name, shape) -> {
            Held one = held.get(name);
            if (one == null) {
                throw missing(name, shape);
            }
            SafetensorsFile file = one.file();
            TensorEntry tensor = one.entry(name);
            if (!Arrays.equals(tensor.shape(), shape)) {
                throw refuse(file, name, "shape " + Arrays.toString(tensor.shape()), Arrays.toString(shape));
            }
            if (!tensor.type().isWeight()) {
                throw refuse(file, name, "type " + tensor.type(), "F32, F16 or BF16");
            }
        });
        held.forEach((name, one) -> {
            if (!expected.containsKey(name) && !configuration.isDerivedTensor(name)) {
                throw refuse(
                        one.file(),
                        one.storedName(),
                        "shape " + Arrays.toString(one.entry(name).shape()),
                        "absent, by " + ModelConfiguration.FILE_NAME + " of model_type " + configuration.modelType());
            }
        });
    }

    private static Map<String, SafetensorsFile> shards(Path directory, Path index) throws IOException {
        Map<String, SafetensorsFile> files = new TreeMap<>();
        Map<String, SafetensorsFile> opened = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry : weightMap(index).properties()) {
            String name = entry.getKey();
            String shard = shardName(index, name, entry.getValue());
            SafetensorsFile file = opened.get(shard);
            if (file == null) {
                file = SafetensorsFile.open(directory.resolve(shard));
                opened.put(shard, file);
            }
            if (!file.tensors().containsKey(name)) {
                throw refuse(file, name, "missing", "present, by " + index.getFileName());
            }
            files.put(name, file);
        }
        for (SafetensorsFile file : opened.values()) {
            for (String name : file.tensors().keySet()) {
                SafetensorsFile owner = files.get(name);
                if (owner == null) {
                    throw refuse(
                            file, name, "not in the index", "every tensor in weight_map of " + index.getFileName());
                }
                if (owner != file) {
                    throw refuse(
                            file, name, "a duplicate", "only in " + owner.path().getFileName());
                }
            }
        }
        return files;
    }

    private static JsonNode weightMap(Path index) throws IOException {
        LfsPointers.refuse(index);
        if (Files.size(index) > SafetensorsHeader.MAX_BYTES) {
            throw new IllegalArgumentException(index + ": " + Files.size(index) + " bytes (expected: at most "
                    + SafetensorsHeader.MAX_BYTES + ")");
        }
        JsonNode map;
        try {
            map = JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build()
                    .readTree(Files.readAllBytes(index))
                    .path("weight_map");
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    index + ": " + JsonFaults.explain(e) + " (expected: a JSON object with weight_map)", e);
        }
        if (!map.isObject() || map.isEmpty()) {
            throw new IllegalArgumentException(index + ": weight_map: " + JsonFaults.kind(map)
                    + " (expected: an object of tensor name to file name)");
        }
        return map;
    }

    private static String shardName(Path index, String tensor, JsonNode node) {
        String name = node.isString() ? node.stringValue() : node.toString();
        // Only a file beside the index: a path that leads elsewhere is not a shard.
        if (!node.isString() || name.isEmpty() || name.contains("/") || name.contains("\\") || name.startsWith(".")) {
            throw new IllegalArgumentException(
                    index + ": tensor " + tensor + ": " + name + " (expected: the name of a file beside the index)");
        }
        return name;
    }

    /** The failure of a tensor that is there, under the name that its file has for it. */
    IllegalArgumentException refuse(String name, String value, String expected) {
        Held one = held.get(name);
        if (one == null) {
            throw missing(name, new long[0]);
        }
        return refuse(one.file(), one.storedName(), value, expected);
    }

    private IllegalArgumentException missing(String name, long[] shape) {
        return new IllegalArgumentException(source + ": tensor " + name + ": missing (expected: "
                + (shape.length == 0 ? "present" : "shape " + Arrays.toString(shape)) + ")");
    }

    private static IllegalArgumentException refuse(SafetensorsFile file, String name, String value, String expected) {
        return new IllegalArgumentException(
                file.path() + ": tensor " + name + ": " + value + " (expected: " + expected + ")");
    }
}
