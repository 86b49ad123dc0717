package dev.lyne.cli;

import dev.lyne.cli.common.OptionDefaults;
import dev.lyne.student.train.Setting;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** The variables named {@code LYNE_…} that some part of Lyne reads; any other is a slip, and is refused like an unknown key. */
final class EnvironmentNames {
    private static final String PREFIX = "LYNE_";

    /** Names of variables of the launcher, of a process that Lyne starts, and of faults. */
    private static final List<String> LAUNCHER = List.of(
            "LYNE_HEAP",
            "LYNE_DIRECT_MEMORY",
            "LYNE_CLASS_PATH",
            "LYNE_THREADS",
            "LYNE_LOG",
            "LYNE_STACK_TRACES",
            "LYNE_PARENT_PID");

    /** Levels that the logging library knows; it takes any other for its default. */
    private static final List<String> LEVELS = List.of("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF");

    /** Names of variables of the scripts in deploy/. */
    private static final List<String> SCRIPTS = List.of(
            "LYNE_HOME",
            "LYNE_RUNS",
            "LYNE_TEACHER_DIR",
            "LYNE_HOST",
            "LYNE_CREDENTIALS",
            "LYNE_SERVE",
            "LYNE_CONFIG",
            "LYNE_WAIT",
            "LYNE_PARTS",
            "LYNE_ENGINE",
            "LYNE_ENGINE_PORT",
            "LYNE_ENGINE_PRECISION",
            "LYNE_SCRIPTS",
            "LYNE_TOOLS");

    private EnvironmentNames() {}

    /** Every known variable: those above, and one for each option of each command. */
    static Set<String> known(CommandLine root) {
        Set<String> known = new TreeSet<>(LAUNCHER);
        known.addAll(SCRIPTS);
        addOptions(root, known);
        return known;
    }

    private static void addOptions(CommandLine command, Set<String> known) {
        for (OptionSpec option : command.getCommandSpec().options()) {
            String key = OptionDefaults.key(option.longestName());
            if (!OptionDefaults.NO_VARIABLES.contains(key)) {
                known.add(OptionDefaults.variable(option.longestName()));
            }
        }
        command.getSubcommands().values().forEach(subcommand -> addOptions(subcommand, known));
    }

    /**
     * Refuses a variable that nothing reads, and a level of the log that there is not.
     *
     * @throws IllegalArgumentException naming the nearest that something does, or the present name of an old one
     */
    static void requireKnown(Map<String, String> environment, CommandLine root) {
        Set<String> known = known(root);
        String level = environment.getOrDefault("LYNE_LOG", "INFO");
        if (!LEVELS.contains(level.toUpperCase(Locale.ROOT))) {
            throw new IllegalArgumentException(
                    "environment: LYNE_LOG: " + level + " (expected: " + String.join(", ", LEVELS) + ")");
        }
        for (String name : new TreeSet<>(environment.keySet())) {
            if (name.startsWith(PREFIX) && !known.contains(name)) {
                String key = name.substring(PREFIX.length()).toLowerCase(Locale.ROOT);
                if (OptionDefaults.NO_VARIABLES.contains(key)) {
                    throw new IllegalArgumentException("environment: " + name + " stands for no option (expected: --"
                            + key + " on the command line)");
                }
                Optional<Setting> renamed = Setting.renamed(key);
                String expected =
                        renamed.map(Setting::environmentName).orElseGet(() -> Setting.nearest(name, known) + "?");
                throw new IllegalArgumentException("environment: "
                        + (renamed.isPresent() ? name + " is an old name" : "unknown variable " + name) + " (expected: "
                        + expected + ")");
            }
        }
    }
}
