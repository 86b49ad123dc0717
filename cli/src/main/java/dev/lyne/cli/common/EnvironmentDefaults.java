package dev.lyne.cli.common;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Values of options that are not on the command line: variables named {@code LYNE_} and the option's name in capitals. */
public final class EnvironmentDefaults implements IDefaultValueProvider {
    /** Keys of options that only a command line has. */
    public static final Set<String> NO_VARIABLES = Set.of("help", "version");

    private final Map<String, String> environment;
    private final List<String> arguments;
    private final Set<String> readElsewhere;

    private EnvironmentDefaults(Map<String, String> environment, List<String> arguments, Set<String> readElsewhere) {
        this.environment = environment;
        this.arguments = List.copyOf(arguments);
        this.readElsewhere = readElsewhere;
    }

    /** @param arguments the whole command line */
    public static EnvironmentDefaults of(Map<String, String> environment, List<String> arguments) {
        return new EnvironmentDefaults(environment, arguments, Set.of());
    }

    /** The same for a command that reads the variables of some keys itself. */
    public EnvironmentDefaults without(Set<String> keys) {
        return new EnvironmentDefaults(environment, arguments, keys);
    }

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
        if (!(argument instanceof OptionSpec option) || isSwitchedOn(option)) {
            return null;
        }
        String key = key(option.longestName());
        return NO_VARIABLES.contains(key) || readElsewhere.contains(key)
                ? null
                : environment.get(variable(option.longestName()));
    }

    /** Whether a switch is on the command line: it would turn a default of true to false. */
    public boolean isSwitchedOn(OptionSpec option) {
        return option.arity().max() == 0 && List.of(option.names()).stream().anyMatch(arguments::contains);
    }

    /** What stands for an option in a file: {@code top_k} for {@code --top-k}. */
    public static String key(String option) {
        return option.replaceFirst("^--", "").replace('-', '_');
    }

    /** What stands for an option in the environment: {@code LYNE_TOP_K} for {@code --top-k}. */
    public static String variable(String option) {
        return "LYNE_" + key(option).toUpperCase(Locale.ROOT);
    }
}
