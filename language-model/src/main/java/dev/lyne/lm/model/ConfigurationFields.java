package dev.lyne.lm.model;

import dev.lyne.files.JsonFaults;
import dev.lyne.lm.files.LfsPointers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Typed access to one JSON object; every refusal names file, key, value and expectation. A null counts as absent where a method does
 * not say otherwise. Collects the names of what has no effect.
 */
final class ConfigurationFields {
    private static final long MAX_FILE_BYTES = 16L << 20;

    private final Path file;
    private final String prefix;
    private final JsonNode object;
    private final Set<String> ignored;

    private ConfigurationFields(Path file, String prefix, JsonNode object, Set<String> ignored) {
        this.file = file;
        this.prefix = prefix;
        this.object = object;
        this.ignored = ignored;
    }

    static ConfigurationFields parse(Path file) {
        JsonNode root;
        try {
            LfsPointers.refuse(file);
            long bytes = Files.size(file);
            if (bytes > MAX_FILE_BYTES) {
                throw new IllegalArgumentException(file + ": " + bytes + " bytes (expected: a JSON object of at most "
                        + MAX_FILE_BYTES + " bytes)");
            }
            root = JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build()
                    .readTree(Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException(file + ": no such file (expected: a Hugging Face config.json)", e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e.getMessage(), e);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(file + ": " + JsonFaults.explain(e) + " (expected: one JSON object)", e);
        }
        if (!root.isObject()) {
            throw new IllegalArgumentException(file + ": " + JsonFaults.kind(root) + " (expected: one JSON object)");
        }
        return new ConfigurationFields(file, "", root, new TreeSet<>());
    }

    /** The names of what was found to have no effect, of this object and those within. */
    Set<String> ignored() {
        return Collections.unmodifiableSet(ignored);
    }

    /** Notes that a key which is present has no effect. */
    void ignore(String key) {
        if (object.has(key)) {
            ignored.add(prefix + key);
        }
    }

    /** The value as it stands, for comparisons; absent where the key is. */
    Optional<JsonNode> node(String key) {
        return Optional.ofNullable(object.get(key));
    }

    boolean has(String key) {
        return value(key) != null;
    }

    /** Whether the key stands in the file, be it as null. */
    boolean mentions(String key) {
        return object.has(key);
    }

    List<String> keys() {
        return List.copyOf(object.propertyNames());
    }

    int integer(String key) {
        return optionalInteger(key).orElseThrow(() -> missing(key, "an integer"));
    }

    /** The default where the key is absent; a null is refused. */
    int integer(String key, int absent) {
        requireNoNull(key, "an integer");
        return optionalInteger(key).orElse(absent);
    }

    /** The default where the key is absent; a null is refused. */
    double number(String key, double absent) {
        requireNoNull(key, "a number");
        return optionalNumber(key).orElse(absent);
    }

    /** The default where the key is absent; a null is refused. */
    boolean bool(String key, boolean absent) {
        requireNoNull(key, "true or false");
        return optionalBoolean(key).orElse(absent);
    }

    /** The default where the key is absent; a null is refused. */
    String text(String key, String expectation, String absent) {
        requireNoNull(key, expectation);
        return optionalText(key, expectation).orElse(absent);
    }

    private void requireNoNull(String key, String expectation) {
        if (mentions(key) && !has(key)) {
            throw refuse(key, expectation);
        }
    }

    OptionalInt optionalInteger(String key) {
        JsonNode node = value(key);
        return node == null ? OptionalInt.empty() : OptionalInt.of(toInteger(key, node));
    }

    double number(String key) {
        OptionalDouble value = optionalNumber(key);
        if (value.isEmpty()) {
            throw missing(key, "a number");
        }
        return value.getAsDouble();
    }

    OptionalDouble optionalNumber(String key) {
        JsonNode node = value(key);
        if (node == null) {
            return OptionalDouble.empty();
        }
        if (!node.isNumber()) {
            throw refuse(key, "a number");
        }
        return OptionalDouble.of(node.doubleValue());
    }

    Optional<Boolean> optionalBoolean(String key) {
        JsonNode node = value(key);
        if (node == null) {
            return Optional.empty();
        }
        if (!node.isBoolean()) {
            throw refuse(key, "true or false");
        }
        return Optional.of(node.booleanValue());
    }

    String text(String key, String expectation) {
        return optionalText(key, expectation).orElseThrow(() -> missing(key, expectation));
    }

    Optional<String> optionalText(String key, String expectation) {
        JsonNode node = value(key);
        if (node == null) {
            return Optional.empty();
        }
        if (!node.isString()) {
            throw refuse(key, expectation);
        }
        return Optional.of(node.stringValue());
    }

    /** Strings of a list. */
    Optional<List<String>> optionalTexts(String key) {
        JsonNode node = value(key);
        if (node == null) {
            return Optional.empty();
        }
        List<String> texts = new ArrayList<>();
        if (!node.isArray()) {
            throw refuse(key, "a list of strings");
        }
        for (JsonNode element : node) {
            if (!element.isString()) {
                throw refuse(key, "a list of strings");
            }
            texts.add(element.stringValue());
        }
        return Optional.of(texts);
    }

    /** Returns one integer, or a list of them; empty where absent. */
    List<Integer> integers(String key) {
        JsonNode node = value(key);
        if (node == null) {
            return List.of();
        }
        if (!node.isArray()) {
            return List.of(toInteger(key, node));
        }
        List<Integer> values = new ArrayList<>();
        for (JsonNode element : node) {
            values.add(toInteger(key, element));
        }
        return values;
    }

    Optional<ConfigurationFields> optionalObject(String key) {
        JsonNode node = value(key);
        if (node == null) {
            return Optional.empty();
        }
        if (!node.isObject()) {
            throw refuse(key, "an object");
        }
        return Optional.of(new ConfigurationFields(file, prefix + key + ".", node, ignored));
    }

    boolean isObject(String key) {
        return object.path(key).isObject();
    }

    /** The failure of a key that is present. */
    IllegalArgumentException refuse(String key, String expectation) {
        return new IllegalArgumentException(
                file + ": " + prefix + key + ": " + shown(key) + " (expected: " + expectation + ")");
    }

    /** The failure of two spellings of one setting, the other perhaps in another object, that disagree. */
    IllegalArgumentException disagree(String key, ConfigurationFields other, String otherKey) {
        return new IllegalArgumentException(file + ": " + prefix + key + ": " + shown(key) + ", but " + other.prefix
                + otherKey + ": " + other.shown(otherKey)
                + " (expected: one of the two, or the same value: they are two spellings of one setting)");
    }

    private String shown(String key) {
        JsonNode node = object.get(key);
        String shown = node == null ? "absent" : node.toString();
        return shown.length() > 80 ? shown.substring(0, 80) + "…" : shown;
    }

    IllegalArgumentException missing(String key, String expectation) {
        return new IllegalArgumentException(file + ": " + prefix + key + ": missing (expected: " + expectation + ")");
    }

    private int toInteger(String key, JsonNode node) {
        if (!node.isIntegralNumber() || !node.canConvertToInt()) {
            throw refuse(key, "an integer");
        }
        return node.intValue();
    }

    private @Nullable JsonNode value(String key) {
        JsonNode node = object.get(key);
        return node == null || node.isNull() ? null : node;
    }
}
