package dev.lyne.student.train;

import dev.lyne.lm.files.JsonFaults;
import dev.lyne.lm.files.TextFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** Values of settings, put together from a file, then the environment, then flags; the later wins. */
public final class Settings {
    private static final YAMLMapper YAML = YAMLMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final Map<Setting, List<String>> values;

    private Settings(Map<Setting, List<String>> values) {
        this.values = values;
    }

    /**
     * @param file a YAML file of keys and values; relative paths in it are taken as they are, from the working directory
     * @param environment variables; those named {@code LYNE_} and a setting count, lists are separated by commas
     * @param flags values given on the command line
     * @throws IllegalArgumentException for a file or a key that there is not
     */
    public static Settings of(Optional<Path> file, Map<String, String> environment, Map<Setting, List<String>> flags)
            throws IOException {
        return of(Optional.empty(), file, environment, flags);
    }

    /**
     * The same upon a recipe's settings, which all others take the place of.
     *
     * @param recipe one of {@link Recipes#NAMES}
     */
    public static Settings of(
            Optional<String> recipe,
            Optional<Path> file,
            Map<String, String> environment,
            Map<Setting, List<String>> flags)
            throws IOException {
        Map<Setting, List<String>> values = new EnumMap<>(Setting.class);
        if (recipe.isPresent()) {
            read("recipe " + recipe.get(), Recipes.text(recipe.get()), values);
        }
        if (file.isPresent()) {
            readFile(file.get(), values);
        }
        readEnvironment(environment, values);
        values.putAll(flags);
        return new Settings(values);
    }

    private static void readFile(Path file, Map<Setting, List<String>> values) throws IOException {
        read(file.toString(), TextFiles.read("--config", file, "a YAML file of settings"), values);
    }

    private static void read(String file, String text, Map<Setting, List<String>> values) {
        JsonNode root;
        try {
            root = YAML.readTree(text);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(file + ": " + JsonFaults.explain(e) + " (expected: YAML, key: value)");
        }
        if (!root.isObject() && !root.isMissingNode() && !root.isNull()) { // a file of comments says nothing, and may
            throw new IllegalArgumentException(file + ": " + JsonFaults.kind(root) + " (expected: key: value lines)");
        }
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            Setting setting = Setting.ofKey(entry.getKey(), file);
            List<String> texts = new ArrayList<>();
            if (entry.getValue().isArray() && setting.isList()) {
                for (JsonNode element : entry.getValue()) {
                    texts.add(scalar(file, setting, element));
                }
            } else {
                texts.add(scalar(file, setting, entry.getValue()));
            }
            values.put(setting, texts);
        }
    }

    private static String scalar(String file, Setting setting, JsonNode node) {
        if (!node.isValueNode() || node.isNull()) {
            throw new IllegalArgumentException(file + ": " + setting.key() + ": " + JsonFaults.kind(node)
                    + " (expected: " + (setting.isList() ? "a value or a list of values" : "a value") + ")");
        }
        return node.asString();
    }

    private static void readEnvironment(Map<String, String> environment, Map<Setting, List<String>> values) {
        for (Map.Entry<String, String> entry : environment.entrySet()) {
            if (!entry.getKey().startsWith("LYNE_")) {
                continue;
            }
            String key = entry.getKey().substring("LYNE_".length()).toLowerCase(Locale.ROOT);
            Setting.renamed(key).ifPresent(setting -> {
                throw new IllegalArgumentException("environment: " + entry.getKey() + " is an old name (expected: "
                        + setting.environmentName() + ")");
            });
            // Other variables belong to other parts of Lyne; the command line refuses those that belong to none.
            Setting.ofKey(key)
                    .ifPresent(setting -> values.put(
                            setting,
                            setting.isList() ? List.of(entry.getValue().split(",")) : List.of(entry.getValue())));
        }
    }

    /** Every setting that has a value, by its key, in the order of the table. */
    Map<String, String> effective() {
        Map<String, String> effective = new LinkedHashMap<>();
        for (Setting setting : Setting.values()) {
            if (values.containsKey(setting) || setting.defaultValue().isPresent()) {
                effective.put(setting.key(), String.join(", ", list(setting)));
            }
        }
        return effective;
    }

    /** These with another value in place of whatever was given. */
    Settings with(Setting setting, String value) {
        Map<Setting, List<String>> changed = new EnumMap<>(values);
        changed.put(setting, List.of(value));
        return new Settings(changed);
    }

    /** Whether a value was given, rather than left to the default. */
    boolean isGiven(Setting setting) {
        return values.containsKey(setting);
    }

    String text(Setting setting) {
        List<String> given = values.get(setting);
        if (given == null) {
            return setting.defaultValue()
                    .orElseThrow(() -> new IllegalArgumentException(
                            setting.key() + ": not given (expected: " + setting.description() + ")"));
        }
        String last = given.get(given.size() - 1);
        if (last.isBlank() && setting.defaultValue().isEmpty()) {
            throw refused(setting, "empty", setting.description());
        }
        return last;
    }

    List<String> list(Setting setting) {
        List<String> given = values.get(setting);
        if (given != null) {
            return given.stream().filter(value -> !value.isEmpty()).toList();
        }
        String defaultValue = text(setting);
        return defaultValue.isEmpty() ? List.of() : List.of(defaultValue);
    }

    Optional<String> optional(Setting setting) {
        String text = text(setting);
        return text.isEmpty() ? Optional.empty() : Optional.of(text);
    }

    int integer(Setting setting, int min, int max) {
        return (int) whole(setting, min, max);
    }

    long whole(Setting setting, long min, long max) {
        String text = text(setting);
        try {
            long value = Long.parseLong(text);
            if (value >= min && value <= max) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw refused(setting, text, "a whole number, " + range(min, max));
        }
        throw refused(setting, text, range(min, max));
    }

    double number(Setting setting, double min, double max, boolean minIsIn) {
        String text = text(setting);
        String expected =
                (minIsIn ? "from " + min : "above " + min) + (max == Double.MAX_VALUE ? "" : ", at most " + max);
        try {
            double value = Double.parseDouble(text);
            if ((minIsIn ? value >= min : value > min) && value <= max) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw refused(setting, text, "a number " + expected);
        }
        throw refused(setting, text, expected);
    }

    boolean flag(Setting setting) {
        return choice(setting, List.of("true", "false")).equals("true");
    }

    String choice(Setting setting, List<String> choices) {
        String text = text(setting);
        if (choices.contains(text)) {
            return text;
        }
        String respelt = text.replace('-', '_');
        throw refused(setting, text, choices.contains(respelt) ? respelt : String.join(", ", choices));
    }

    static IllegalArgumentException refused(Setting setting, Object value, String expected) {
        return new IllegalArgumentException(setting.key() + ": " + value + " (expected: " + expected + ")");
    }

    private static String range(long min, long max) {
        return max == Long.MAX_VALUE || max == Integer.MAX_VALUE ? min + " or more" : min + ".." + max;
    }
}
