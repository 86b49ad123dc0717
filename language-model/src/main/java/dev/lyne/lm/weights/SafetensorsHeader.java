package dev.lyne.lm.weights;

import dev.lyne.files.JsonFaults;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The checked header of a safetensors file: 8 bytes of length, then JSON, then the tensors' bytes without holes.
 *
 * @param tensors in the order of their bytes
 * @param offsets where each tensor begins, in bytes from the start of the file
 */
record SafetensorsHeader(Map<String, TensorEntry> tensors, Map<String, Long> offsets, Map<String, String> metadata) {
    /** Most bytes of a header, as the format's own library bounds it. */
    static final long MAX_BYTES = 100_000_000;

    static final String METADATA = "__metadata__";

    private static final Set<String> TENSOR_KEYS = Set.of("dtype", "shape", "data_offsets");

    private record Span(TensorEntry tensor, long begin, long end) {}

    /** Reads the header from an open file; nothing is allocated before its length is known to fit the file. */
    static SafetensorsHeader read(Path file, FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < Long.BYTES) {
            throw refuse(file, "file length: " + size + " bytes", "at least 8");
        }
        ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        fill(file, channel, length, 0);
        long bytes = length.getLong(0);
        long bound = Math.min(MAX_BYTES, size - Long.BYTES);
        if (bytes < 2 || bytes > bound) {
            throw refuse(
                    file, "header length: " + Long.toUnsignedString(bytes), "2.." + bound + ", from the file's size");
        }
        ByteBuffer text = ByteBuffer.allocate((int) bytes);
        fill(file, channel, text, Long.BYTES);
        return parse(file, text.array(), Long.BYTES + bytes, size);
    }

    private static SafetensorsHeader parse(Path file, byte[] text, long dataStart, long fileSize) {
        JsonNode root;
        try {
            root = JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build()
                    .readTree(text);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    file + ": header: " + JsonFaults.explain(e) + " (expected: a JSON object of tensors)", e);
        }
        if (!root.isObject()) {
            throw refuse(file, "header: " + JsonFaults.kind(root), "a JSON object of tensors");
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        List<Span> spans = new ArrayList<>();
        for (Map.Entry<String, JsonNode> property : root.properties()) {
            if (property.getKey().equals(METADATA)) {
                metadata.putAll(metadata(file, property.getValue()));
            } else {
                spans.add(span(file, property.getKey(), property.getValue()));
            }
        }
        spans.sort(Comparator.comparingLong(Span::begin).thenComparingLong(Span::end));
        long dataBytes = fileSize - dataStart;
        Map<String, TensorEntry> tensors = new LinkedHashMap<>();
        Map<String, Long> offsets = new LinkedHashMap<>();
        long next = 0;
        for (Span span : spans) {
            String name = span.tensor().name();
            if (span.end() > dataBytes) {
                throw refuse(
                        file,
                        "tensor " + name + ": ends at byte " + span.end() + " of the data",
                        "at most " + dataBytes + ": the file is truncated or the offset wrong");
            }
            if (span.begin() != next) {
                throw refuse(
                        file,
                        "tensor " + name + ": begins at byte " + span.begin() + " of the data",
                        next + ", where the tensor before it ends: no overlap, no hole");
            }
            tensors.put(name, span.tensor());
            offsets.put(name, dataStart + span.begin());
            next = span.end();
        }
        if (next != dataBytes) {
            throw refuse(file, "bytes after the last tensor: " + (dataBytes - next), "0");
        }
        return new SafetensorsHeader(
                Collections.unmodifiableMap(tensors), Map.copyOf(offsets), Collections.unmodifiableMap(metadata));
    }

    private static Map<String, String> metadata(Path file, JsonNode node) {
        if (!node.isObject()) {
            throw refuse(file, METADATA + ": " + JsonFaults.kind(node), "an object of strings");
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> property : node.properties()) {
            if (!property.getValue().isString()) {
                throw refuse(
                        file,
                        METADATA + "." + property.getKey() + ": " + JsonFaults.kind(property.getValue()),
                        "a string");
            }
            metadata.put(property.getKey(), property.getValue().stringValue());
        }
        return metadata;
    }

    private static Span span(Path file, String name, JsonNode node) {
        if (!node.isObject() || !TENSOR_KEYS.equals(Set.copyOf(node.propertyNames()))) {
            throw refuse(file, "tensor " + name + ": " + shorten(node), "an object of dtype, shape and data_offsets");
        }
        long[] shape = longs(file, name, "shape", node.get("shape"));
        long[] offsets = longs(file, name, "data_offsets", node.get("data_offsets"));
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw refuse(
                    file,
                    "tensor " + name + ": data_offsets " + Arrays.toString(offsets),
                    "two byte offsets, the first not above the second");
        }
        TensorEntry tensor;
        try {
            tensor = new TensorEntry(name, type(file, name, node.get("dtype")), shape);
        } catch (IllegalArgumentException e) {
            String message = String.valueOf(e.getMessage());
            throw message.startsWith(file.toString()) ? e : new IllegalArgumentException(file + ": " + message, e);
        }
        if (offsets[1] - offsets[0] != tensor.bytes()) {
            throw refuse(
                    file,
                    "tensor " + name + ": " + (offsets[1] - offsets[0]) + " bytes",
                    tensor.bytes() + ", for " + tensor.type() + Arrays.toString(shape));
        }
        return new Span(tensor, offsets[0], offsets[1]);
    }

    private static StoredType type(Path file, String name, JsonNode node) {
        for (StoredType type : StoredType.values()) {
            if (node.isString() && type.name().equals(node.stringValue())) {
                return type;
            }
        }
        throw refuse(
                file, "tensor " + name + ": dtype " + shorten(node), "one of " + Arrays.toString(StoredType.values()));
    }

    private static long[] longs(Path file, String name, String key, JsonNode node) {
        if (!node.isArray()) {
            throw refuse(file, "tensor " + name + ": " + key + " " + shorten(node), "a list of integers");
        }
        long[] values = new long[node.size()];
        for (int i = 0; i < values.length; i++) {
            JsonNode element = node.get(i);
            if (!element.isIntegralNumber() || !element.canConvertToLong() || element.longValue() < 0) {
                throw refuse(file, "tensor " + name + ": " + key + " " + shorten(node), "integers of at least 0");
            }
            values[i] = element.longValue();
        }
        return values;
    }

    private static void fill(Path file, FileChannel channel, ByteBuffer buffer, long position) throws IOException {
        while (buffer.hasRemaining()) {
            int read = channel.read(buffer, position + buffer.position());
            if (read < 0) {
                throw refuse(
                        file,
                        "file length: " + (position + buffer.position()) + " bytes",
                        "at least " + (position + buffer.limit()));
            }
        }
        buffer.flip();
    }

    private static String shorten(JsonNode node) {
        String text = node.toString();
        return text.length() > 80 ? text.substring(0, 80) + "…" : text;
    }

    private static IllegalArgumentException refuse(Path file, String value, String expectation) {
        return new IllegalArgumentException(file + ": " + value + " (expected: " + expectation + ")");
    }
}
