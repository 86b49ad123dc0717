package dev.lyne.cli;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.cli.common.Failures;
import dev.lyne.cli.common.FiniteDouble;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.OptionDefaults;
import dev.lyne.cli.demo.DemoCommand;
import dev.lyne.cli.measure.BenchCommand;
import dev.lyne.cli.measure.ChaosCommand;
import dev.lyne.cli.measure.LoadCommand;
import dev.lyne.cli.measure.PlanCommand;
import dev.lyne.cli.measure.StudyCommand;
import dev.lyne.cli.serve.GenerateCommand;
import dev.lyne.cli.serve.HealthCommand;
import dev.lyne.cli.serve.ScoreCommand;
import dev.lyne.cli.serve.ServeCommand;
import dev.lyne.cli.serve.TokenCommand;
import dev.lyne.cli.train.CaptureCommand;
import dev.lyne.cli.train.EvaluateCommand;
import dev.lyne.cli.train.PretrainCommand;
import dev.lyne.cli.train.SettingOptions;
import dev.lyne.cli.train.TokenizerCommand;
import dev.lyne.cli.train.TrainCommand;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.student.train.Setting;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.slf4j.bridge.SLF4JBridgeHandler;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** Entry point: {@code ./lyne COMMAND}. Exits 0 when done, 1 when it failed, 2 on wrong usage, 3 when out of memory. */
@Command(
        name = "lyne",
        description = "A teacher-logit service and the student trainers that learn from it.",
        mixinStandardHelpOptions = true,
        versionProvider = Lyne.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            DemoCommand.class,
            EvaluateCommand.class,
            ServeCommand.class,
            HealthCommand.class,
            TrainCommand.class,
            PretrainCommand.class,
            CaptureCommand.class,
            StudyCommand.class,
            StudyCommand.Student.class,
            TokenizerCommand.class,
            ScoreCommand.class,
            TokenCommand.class,
            GenerateCommand.class,
            LoadCommand.class,
            PlanCommand.class,
            BenchCommand.class,
            ChaosCommand.class,
            DoctorCommand.class,
            CompletionCommand.class,
        })
public final class Lyne implements Runnable {
    private static final List<String> COMMANDS_OF_SETTINGS = List.of("train", "pretrain", "capture");

    @Spec
    private CommandSpec spec;

    @SuppressWarnings("NullAway.Init") // picocli sets the spec
    Lyne() {}

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command given (expected: one of those below)");
    }

    /** Runs the command line and ends the process with its exit code. */
    public static void main(String[] arguments) {
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install(); // gRPC logs by java.util.logging
        ChildProcess.endWithParent();
        int code;
        try {
            code = execute(List.of(arguments));
        } catch (OutOfMemoryError e) {
            System.err.println("lyne: " + Failures.outOfMemory(e));
            code = 3;
        } catch (Throwable e) { // a command's Error: one line, as for everything else
            System.err.println("lyne: " + Failures.describe(e));
            if (System.getenv("LYNE_STACK_TRACES") != null) {
                e.printStackTrace(System.err);
            }
            code = 1;
        }
        System.exit(code);
    }

    static int execute(List<String> arguments) {
        return execute(commandLine(), arguments);
    }

    static int execute(CommandLine commandLine, List<String> arguments) {
        try {
            readDefaults(commandLine, arguments, System.getenv());
        } catch (IllegalArgumentException | IOException e) {
            return Failures.failed(e, commandLine, null);
        }
        return commandLine.execute(arguments.toArray(String[]::new));
    }

    /** Lets variables, and a file where the command has one, stand for what is not on the command line. */
    static void readDefaults(CommandLine commandLine, List<String> arguments, Map<String, String> environment)
            throws IOException {
        OptionDefaults defaults = OptionDefaults.of(environment, arguments);
        commandLine.setDefaultValueProvider(defaults);
        String name = arguments.isEmpty() ? "" : arguments.get(0);
        if (COMMANDS_OF_SETTINGS.contains(name)) {
            CommandLine command = subcommand(commandLine, name);
            command.setDefaultValueProvider(defaults.withFiles(command.getCommandSpec(), Setting.keys()));
        } else if (name.equals("serve")) {
            CommandLine serve = subcommand(commandLine, name);
            serve.setDefaultValueProvider(
                    defaults.withFiles(serve.getCommandSpec(), ServeCommand.fileKeys(serve.getCommandSpec())));
        }
    }

    private static CommandLine subcommand(CommandLine commandLine, String name) {
        return Objects.requireNonNull(commandLine.getSubcommands().get(name));
    }

    static CommandLine commandLine() {
        CommandLine commandLine = new CommandLine(new Lyne())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler(Failures::wrongUsage)
                .setExecutionStrategy(Lyne::run)
                .setExecutionExceptionHandler(Failures::failed)
                .registerConverter(double.class, new FiniteDouble())
                .registerConverter(Double.class, new FiniteDouble());
        commandLine.setDefaultValueProvider(OptionDefaults.of(System.getenv(), List.of()));
        for (String ofSettings : COMMANDS_OF_SETTINGS) {
            SettingOptions.group(subcommand(commandLine, ofSettings));
        }
        return commandLine;
    }

    /** Runs the command that was parsed, in an environment that has no slip in it. */
    private static int run(ParseResult parsed) {
        CommandLine root = parsed.commandSpec().commandLine();
        if (!isHelp(parsed)) {
            try {
                EnvironmentNames.requireKnown(System.getenv(), root);
                requirePossible(parsed);
            } catch (IllegalArgumentException e) {
                return Failures.failed(e, root, parsed);
            }
        }
        return new CommandLine.RunLast().execute(parsed);
    }

    /**
     * Refuses what can be told wrong before anything is done: counts of benchmarks, and where figures are to be
     * written.
     */
    private static void requirePossible(ParseResult parsed) {
        ParseResult command = parsed;
        while (command.hasSubcommand()) {
            command = command.subcommand();
        }
        if (command.commandSpec().qualifiedName().startsWith("lyne bench ")) {
            AtLeast.requireCounts(command.commandSpec());
        }
        for (CommandSpec mixin : command.commandSpec().mixins().values()) {
            if (mixin.userObject() instanceof JsonReport json) {
                json.requireWritable();
            }
        }
    }

    private static boolean isHelp(ParseResult parsed) {
        return parsed.isUsageHelpRequested()
                || parsed.isVersionHelpRequested()
                || (parsed.hasSubcommand() && isHelp(parsed.subcommand()));
    }

    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"lyne 0.1.0"};
        }
    }
}
