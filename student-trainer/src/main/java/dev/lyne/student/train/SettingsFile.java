package dev.lyne.student.train;

import dev.lyne.files.JsonFaults;
import dev.lyne.lm.files.TextFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * A YAML file of settings: keys, each with a value, or with a list of values where it takes several. An element of {@code teachers} has keys of
 * its own; as text it is {@code key=value} for each of its values, parted by semicolons, as on a command line.
 */
public final class SettingsFile {
    private static final YAMLMapper YAML = YAMLMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    /** Keys whose elements have keys of their own. */
    private static final Set<String> OF_ENTRIES = Set.of("teachers");

    private static final String PARTING = ";";

    private SettingsFile() {}

    /**
     * The values of an element by its keys.
     *
     * @param where it stands, for messages
     * @param known the keys that it may have, each with whether it takes several values
     * @throws IllegalArgumentException for a key or a value that cannot be, naming it
     */
    public static Map<String, List<String>> entry(String where, String text, Map<String, Boolean> known) {
        Map<String, List<String>> values = new LinkedHashMap<>();
        for (String part : text.split(PARTING)) {
            int equals = part.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException(
                        where + ": " + part + " (expected: key=value" + PARTING + "key=value)");
            }
            String key = part.substring(0, equals).strip();
            Setting.requireKnown(key, where, known.keySet());
            List<String> all = values.computeIfAbsent(key, unused -> new ArrayList<>());
            if (!all.isEmpty() && !known.getOrDefault(key, false)) {
                throw new IllegalArgumentException(where + ": " + key + " twice (expected: once)");
            }
            all.add(part.substring(equals + 1).strip());
        }
        return values;
    }

    /** An element as text. */
    private static String flat(String file, String key, JsonNode node) {
        List<String> parts = new ArrayList<>();
        for (Map.Entry<String, JsonNode> entry : node.properties()) {
            JsonNode value = entry.getValue();
            for (JsonNode each : value.isArray() ? value : List.of(value)) {
                String text = scalar(file, key + ": " + entry.getKey(), each, true);
                if (text.contains(PARTING)) {
                    throw new IllegalArgumentException(
                            file + ": " + key + ": " + entry.getKey() + ": " + text + " (expected: no semicolon)");
                }
                parts.add(entry.getKey() + "=" + text);
            }
        }
        return String.join(PARTING, parts);
    }

    /**
     * The values of a file by their keys, as text. Relative paths among them are left as they are, from the working directory.
     *
     * @param known the keys that the file may have, each with whether it takes several values
     * @throws IllegalArgumentException for a file, a key or a value that cannot be, naming it
     */
    public static Map<String, List<String>> read(Path file, Map<String, Boolean> known) throws IOException {
        return parse(file.toString(), TextFiles.read("--config", file, "a YAML file of settings"), known);
    }

    /** Reads settings from a text that is at hand. */
    static Map<String, List<String>> parse(String file, String text, Map<String, Boolean> known) {
        JsonNode root;
        try {
            root = YAML.readTree(text);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(file + ": " + JsonFaults.explain(e) + " (expected: YAML, key: value)");
        }
        if (!root.isObject() && !root.isMissingNode() && !root.isNull()) { // a file of comments says nothing, and may
            throw new IllegalArgumentException(file + ": " + JsonFaults.kind(root) + " (expected: key: value lines)");
        }
        Map<String, List<String>> values = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            String key = entry.getKey();
            Setting.requireKnown(key, file, known.keySet());
            boolean list = known.getOrDefault(key, false);
            List<String> texts = new ArrayList<>();
            if (entry.getValue().isArray() && list) {
                for (JsonNode element : entry.getValue()) {
                    texts.add(
                            element.isObject() && OF_ENTRIES.contains(key)
                                    ? flat(file, key, element)
                                    : scalar(file, key, element, true));
                }
            } else {
                texts.add(scalar(file, key, entry.getValue(), list));
            }
            values.put(key, List.copyOf(texts));
        }
        return values;
    }

    private static String scalar(String file, String key, JsonNode node, boolean list) {
        if (!node.isValueNode() || node.isNull()) {
            throw new IllegalArgumentException(file + ": " + key + ": " + JsonFaults.kind(node) + " (expected: "
                    + (list ? "a value or a list of values" : "a value") + ")");
        }
        return node.asString();
    }
}
