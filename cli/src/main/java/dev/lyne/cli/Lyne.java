package dev.lyne.cli;

import java.util.List;
import java.util.Objects;
import org.slf4j.bridge.SLF4JBridgeHandler;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Entry point: {@code ./lyne COMMAND}. Exits 0 when done, 1 when it failed, 2 on wrong usage. */
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
            LoadCommand.class,
            PlanCommand.class,
            BenchCommand.class,
            DoctorCommand.class,
        })
public final class Lyne implements Runnable {
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
        System.exit(execute(List.of(arguments)));
    }

    static int execute(List<String> arguments) {
        CommandLine commandLine = commandLine();
        CommandLine serve = Objects.requireNonNull(commandLine.getSubcommands().get("serve"));
        try {
            serve.setDefaultValueProvider(
                    arguments.isEmpty() || !arguments.get(0).equals("serve")
                            ? FileDefaults.none()
                            : FileDefaults.of(serve.getCommandSpec(), arguments, System.getenv()));
        } catch (IllegalArgumentException e) {
            return Failures.failed(e, commandLine, null);
        }
        return commandLine.execute(arguments.toArray(String[]::new));
    }

    static CommandLine commandLine() {
        return new CommandLine(new Lyne())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler(Failures::wrongUsage)
                .setExecutionExceptionHandler(Failures::failed);
    }

    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"lyne 0.1.0"};
        }
    }
}
