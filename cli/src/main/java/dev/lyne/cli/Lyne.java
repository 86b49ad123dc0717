package dev.lyne.cli;

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
        subcommands = {})
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
        ChildProcess.endWithParent();
        System.exit(commandLine().execute(arguments));
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
