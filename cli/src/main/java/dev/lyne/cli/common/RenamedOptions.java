package dev.lyne.cli.common;

import dev.lyne.student.train.Setting;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;

/** Option names of earlier versions: each is refused with the name that it has now. */
public final class RenamedOptions {
    private static final Map<String, String> NAMES = names();

    private RenamedOptions() {}

    private static Map<String, String> names() {
        Map<String, String> names = new HashMap<>(Setting.renamedFlags());
        names.put("--teacher-k", "--top-k");
        names.put("--window", "--in-flight");
        names.put("--think", "--think-ms");
        names.put("--seconds", "--duration");
        names.put("--max-p99", "--ramp-until-p99-ms");
        names.put("--losses", "--loss");
        names.put("--vocabulary", "--vocabulary-size");
        names.put("--svg", "--report");
        return Map.copyOf(names);
    }

    /** The present name of an option of the command; empty where the command has none that was called so. */
    public static Optional<String> of(CommandSpec command, String option) {
        return Optional.ofNullable(NAMES.get(option)).filter(name -> command.findOption(name) != null);
    }

    /** One line about the first of the arguments that is an old name; empty where none is. */
    public static Optional<String> explain(CommandSpec command, List<String> arguments) {
        return arguments.stream()
                .map(argument -> argument.replaceFirst("=.*", ""))
                .flatMap(argument ->
                        of(command, argument)
                                .map(name -> argument + " is an old name (expected: " + name + ")")
                                .stream())
                .findFirst();
    }
}
