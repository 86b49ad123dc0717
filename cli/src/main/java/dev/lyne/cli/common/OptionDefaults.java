package dev.lyne.cli.common;

import dev.lyne.student.train.Recipes;
import dev.lyne.student.train.SettingsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Values of options that are not on the command line: of the variable named {@code LYNE_} and the option's name in capitals, else of the
 * YAML file that {@code --config} names, else of the recipe that {@code --recipe} names.
 */
public final class OptionDefaults implements IDefaultValueProvider {
    /** Keys of options that only a command line has. */
    public static final Set<String> NO_VARIABLES = Set.of("help", "version");

    private static final Set<String> ASKS_FOR_HELP = Set.of("-h", "--help", "-V", "--version");

    private final Map<String, String> environment;
    private final List<String> arguments;
    private final Map<String, List<String>> files;

    private OptionDefaults(Map<String, String> environment, List<String> arguments, Map<String, List<String>> files) {
        this.environment = environment;
        this.arguments = List.copyOf(arguments);
        this.files = files;
    }

    /**
     * Defaults of the environment alone.
     *
     * @param arguments the whole command line
     */
    public static OptionDefaults of(Map<String, String> environment, List<String> arguments) {
        return new OptionDefaults(environment, arguments, Map.of());
    }

    /** Returns the defaults that a command was parsed with. */
    public static OptionDefaults of(CommandSpec command) {
        if (command.defaultValueProvider() instanceof OptionDefaults defaults) {
            return defaults;
        }
        throw new IllegalStateException(command.qualifiedName() + " has no defaults of its options");
    }

    /**
     * The same with the file, and beneath it the recipe, that the command line or a variable names for the command. Neither is read where
     * help is asked for.
     *
     * @param known the keys that the file may have, each with whether it takes several values
     * @throws IllegalArgumentException for a file, a recipe, a key or a value that cannot be
     */
    public OptionDefaults withFiles(CommandSpec command, Map<String, Boolean> known) throws IOException {
        if (arguments.stream().anyMatch(ASKS_FOR_HELP::contains)) {
            return this;
        }
        Map<String, List<String>> read = new HashMap<>();
        Optional<String> recipe = named(command, "--recipe");
        if (recipe.isPresent()) {
            read.putAll(Recipes.settings(recipe.get()));
        }
        Optional<String> file = named(command, "--config");
        if (file.isPresent()) {
            read.putAll(SettingsFile.read(Path.of(file.get()), known));
        }
        return new OptionDefaults(environment, arguments, read);
    }

    /**
     * Returns the value that the command line or else a variable gives an option, before the command line is parsed.
     */
    private Optional<String> named(CommandSpec command, String option) {
        if (command.findOption(option) == null) {
            return Optional.empty();
        }
        String prefix = option + "=";
        for (int i = arguments.size() - 1; i > 0; i--) {
            if (arguments.get(i).startsWith(prefix)) {
                return Optional.of(arguments.get(i).substring(prefix.length()));
            } else if (arguments.get(i - 1).equals(option)) {
                return Optional.of(arguments.get(i));
            }
        }
        return Optional.ofNullable(environment.get(variable(option)));
    }

    /**
     * Every value that is given for a key, whether the command has an option of that name or not; empty where none is. Commas part the
     * values of a variable, and belong to those of a file.
     *
     * @param list whether it takes several
     */
    public Optional<List<String>> values(String key, boolean list) {
        String variable = environment.get(variable(key));
        if (variable != null) {
            return Optional.of(list ? List.of(variable.split(",")) : List.of(variable));
        }
        return Optional.ofNullable(files.get(key));
    }

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
        if (!(argument instanceof OptionSpec option) || isSwitchedOn(option)) {
            return null;
        }
        String key = key(option.longestName());
        return NO_VARIABLES.contains(key)
                ? null
                : values(key, false).map(values -> String.join(",", values)).orElse(null);
    }

    /** Whether a switch is on the command line: it would turn a default of true to false. */
    private boolean isSwitchedOn(OptionSpec option) {
        return option.arity().max() == 0 && List.of(option.names()).stream().anyMatch(arguments::contains);
    }

    /** Returns an option's key in a file: {@code top_k} for {@code --top-k}. */
    public static String key(String option) {
        return option.replaceFirst("^--", "").replace('-', '_');
    }

    /** Returns the variable of an option, or of its key, in the environment: {@code LYNE_TOP_K} for {@code --top-k}. */
    public static String variable(String option) {
        return "LYNE_" + key(option).toUpperCase(Locale.ROOT);
    }
}
