package dev.lyne.cli.serve;

import dev.lyne.cli.common.EnvironmentDefaults;
import dev.lyne.lm.files.JsonFaults;
import dev.lyne.lm.files.TextFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * Values of options that are not on the command line: from the environment ({@code LYNE_} and the name in capitals), else from
 * the YAML file that {@code --config} names. Keys of the file are the long option names with underscores.
 */
public final class FileDefaults implements IDefaultValueProvider {
    private static final YAMLMapper YAML = YAMLMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();
    private static final Set<String> NOT_SETTINGS = Set.of("config", "help", "version");

    private final EnvironmentDefaults environment;
    private final Map<String, String> file = new HashMap<>();

    private FileDefaults(EnvironmentDefaults environment) {
        this.environment = environment;
    }

    /** Reads the file that the arguments name for the command, else the environment, where one does; an unknown key is refused. */
    public static FileDefaults of(CommandSpec command, List<String> arguments, Map<String, String> environment) {
        FileDefaults defaults = new FileDefaults(EnvironmentDefaults.of(environment, arguments));
        boolean named = false;
        for (int i = 0; i < arguments.size(); i++) {
            if (arguments.get(i).startsWith("--config=")) {
                defaults.read(command, Path.of(arguments.get(i).substring("--config=".length())));
                named = true;
            } else if (arguments.get(i).equals("--config") && i + 1 < arguments.size()) {
                defaults.read(command, Path.of(arguments.get(i + 1)));
                named = true;
            }
        }
        String file = environment.get(EnvironmentDefaults.variable("--config"));
        if (!named && file != null) {
            defaults.read(command, Path.of(file));
        }
        return defaults;
    }

    private void read(CommandSpec command, Path path) {
        JsonNode root;
        try {
            root = YAML.readTree(TextFiles.read("--config", path, "a YAML file of options"));
        } catch (IOException e) {
            throw new IllegalArgumentException("--config: " + path + ": cannot be read (expected: a YAML file)", e);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    path + ": " + JsonFaults.explain(e) + " (expected: YAML, key: value)", e);
        }
        if (!root.isObject() && !root.isMissingNode() && !root.isNull()) { // a file of comments says nothing, and may
            throw new IllegalArgumentException(path + ": no keys (expected: key: value lines)");
        }
        Set<String> known = command.options().stream()
                .map(FileDefaults::key)
                .filter(key -> !NOT_SETTINGS.contains(key))
                .collect(Collectors.toSet());
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            if (!known.contains(entry.getKey()) || !entry.getValue().isValueNode()) {
                throw new IllegalArgumentException(path + ": unknown key or nested value " + entry.getKey()
                        + " (expected: one of " + known.stream().sorted().collect(Collectors.joining(", ")) + ")");
            }
            file.put(entry.getKey(), entry.getValue().asString());
        }
    }

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
        if (!(argument instanceof OptionSpec option)
                || NOT_SETTINGS.contains(key(option))
                || environment.isSwitchedOn(option)) {
            return null;
        }
        String fromEnvironment = environment.defaultValue(option);
        return fromEnvironment != null ? fromEnvironment : file.get(key(option));
    }

    private static String key(OptionSpec option) {
        return EnvironmentDefaults.key(option.longestName());
    }
}
