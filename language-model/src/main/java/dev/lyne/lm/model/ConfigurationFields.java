package dev.lyne.lm.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Typed access to one JSON object; every refusal names file, key, value and expectation. A null counts as absent. */
final class ConfigurationFields {
    private static final long MAX_FILE_BYTES = 16L << 20;

    private final Path file;
    private final String prefix;
    private final JsonNode object;

    private ConfigurationFields(Path file, String prefix, JsonNode object) {
        this.file = file;
        this.prefix = prefix;
        this.object = object;
    }

    static ConfigurationFields parse(Path file) {
        JsonNode root;
        try {
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
            throw new IllegalArgumentException(
                    file + ": " + e.getOriginalMessage() + " (expected: one JSON object)", e);
        }
        if (!root.isObject()) {
            throw new IllegalArgumentException(file + ": " + root.getNodeType() + " (expected: one JSON object)");
        }
        return new ConfigurationFields(file, "", root);
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

    /** One integer, or a list of them; empty where absent. */
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
        return Optional.of(new ConfigurationFields(file, prefix + key + ".", node));
    }

    boolean isObject(String key) {
        return object.path(key).isObject();
    }

    /** The failure of a key that is present. */
    IllegalArgumentException refuse(String key, String expectation) {
        JsonNode node = object.get(key);
        String shown = node == null ? "absent" : node.toString();
        if (shown.length() > 80) {
            shown = shown.substring(0, 80) + "…";
        }
        return new IllegalArgumentException(
                file + ": " + prefix + key + ": " + shown + " (expected: " + expectation + ")");
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
