package dev.lyne.cli.serve;

import dev.lyne.cli.common.Failures;
import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.cli.common.OptionDefaults;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.teacher.engine.EngineSettings;
import dev.lyne.teacher.server.TeacherEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * An entry of a file's list of teachers: its keys are options. What it does not say of itself is as the server's
 * options have it.
 */
@Command(name = "teachers")
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class TeacherEntryOptions {
    private static final long MOST_MIB = Long.MAX_VALUE >> 20;

    /** Options of the server that stand for what an entry does not say. */
    private static final Set<String> AS_THE_SERVER =
            Set.of("--device", "--precision", "--deterministic", "--kv-cache-mib");

    /** The same, of entries that are engines alone. */
    private static final Set<String> ENGINE_AS_THE_SERVER = Set.of(
            "--probe-seconds",
            "--probe-tolerance",
            "--engine-in-flight",
            "--engine-timeout-seconds",
            "--engine-wait-seconds");

    @Option(names = "--name", defaultValue = "")
    private String name;

    @Option(names = "--teacher")
    private @Nullable String teacher;

    @Option(names = "--replay")
    private @Nullable Path replay;

    @Option(names = "--device")
    private String device;

    @Option(names = "--precision")
    private String precision;

    @Option(names = "--deterministic", arity = "1")
    private boolean deterministic;

    @Option(names = "--cache-mib")
    private @Nullable Long cacheMib;

    @Option(names = "--kv-cache-mib")
    private @Nullable Long keyValueMib;

    @Mixin
    private EngineOptions engine;

    /** The keys that an entry may have, each with whether it takes several values. */
    static Map<String, Boolean> keys() {
        return ServeCommand.keys(new CommandLine(new TeacherEntryOptions()).getCommandSpec());
    }

    /**
     * The entry of these values.
     *
     * @param server whose options stand for what they do not say
     * @throws IllegalArgumentException where one cannot be
     */
    static TeacherEntry entry(
            Map<String, List<String>> values, CommandSpec server, ModelRuntimeOptions runtime, int encodeThreads)
            throws IOException {
        TeacherEntryOptions options = new TeacherEntryOptions();
        List<String> arguments = new ArrayList<>();
        values.forEach((key, all) -> all.forEach(value -> arguments.add("--" + key.replace('_', '-') + "=" + value)));
        try {
            new CommandLine(options)
                    .setDefaultValueProvider(asTheServer(server, isEngine(values)))
                    .parseArgs(arguments.toArray(String[]::new));
        } catch (ParameterException e) {
            throw new IllegalArgumentException(Failures.explain(e), e);
        }
        return options.wanted(runtime, encodeThreads).entry();
    }

    private static boolean isEngine(Map<String, List<String>> values) {
        return values.getOrDefault("teacher", List.of()).stream().anyMatch(EngineSettings::names);
    }

    private static IDefaultValueProvider asTheServer(CommandSpec server, boolean engine) {
        return argument -> argument instanceof OptionSpec option
                        && (AS_THE_SERVER.contains(option.longestName())
                                || (engine && ENGINE_AS_THE_SERVER.contains(option.longestName())))
                ? text(server.findOption(option.longestName()).getValue())
                : null;
    }

    private static @Nullable String text(@Nullable Object value) {
        return value == null ? null : value.toString();
    }

    private WantedTeacher wanted(ModelRuntimeOptions runtime, int encodeThreads) {
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,62}") || name.startsWith("lyne.v1.")) {
            throw new IllegalArgumentException(
                    "name: " + name + " (expected: letters, digits and ._-, at most 63 of them)");
        }
        if (cacheMib != null && (cacheMib < 0 || cacheMib > MOST_MIB)) {
            throw new IllegalArgumentException("cache_mib: " + cacheMib + " (expected: 0.." + MOST_MIB + ")");
        }
        List<String> devices = List.of(device.split(",", -1));
        return new WantedTeacher(
                Optional.of(name),
                Optional.ofNullable(teacher),
                Optional.ofNullable(replay),
                devices.stream()
                        .map(one -> new ModelOptions(
                                one,
                                ComputePrecision.of(precision),
                                runtime.on(one).threads()))
                        .toList(),
                deterministic,
                engine,
                Optional.ofNullable(cacheMib).map(mib -> mib << 20),
                DecodeServingOptions.cacheBytes(
                        OptionDefaults.key("--kv-cache-mib"), Optional.ofNullable(keyValueMib), devices.get(0)),
                encodeThreads);
    }
}
