package dev.lyne.cli.serve;

import dev.lyne.teacher.access.TokenFile;
import dev.lyne.teacher.access.TokenFile.Grant;
import dev.lyne.wire.access.AccessToken;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Bearer tokens. */
@Command(
        name = "token",
        description = "Makes bearer tokens of tenants.",
        mixinStandardHelpOptions = true,
        subcommands = TokenCommand.New.class)
@SuppressWarnings("NullAway.Init") // picocli sets the spec
public final class TokenCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command given (expected: new)");
    }

    /** Makes one. */
    @Command(
            name = "new",
            description =
                    "Makes a token and prints it, once: it is stored nowhere. Its hash goes into the file of serve"
                            + " --token-file, which running servers read again by themselves.",
            mixinStandardHelpOptions = true)
    @SuppressWarnings("NullAway.Init") // picocli sets the options
    static final class New implements Callable<Integer> {
        @Parameters(paramLabel = "TENANT", description = "Whose it is: letters, digits and ._-")
        private String tenant;

        @Option(
                names = "--expires",
                paramLabel = "DATE",
                required = true,
                description =
                        "First day that it does not open any more, UTC, as 2027-01-31, or a time of it; never: for good.")
        private String expires;

        @Option(
                names = "--token-file",
                paramLabel = "FILE",
                defaultValue = "tokens",
                description = "File of hashes to add it to, made where it is not there (default: ${DEFAULT-VALUE}).")
        private Path file;

        @Option(
                names = "--teachers",
                paramLabel = "NAME",
                split = ",",
                description = "Teachers that it opens (default: all).")
        private @Nullable List<String> teachers;

        @Option(
                names = "--priority",
                paramLabel = "CLASS",
                defaultValue = "training",
                description =
                        "Most urgent class that it opens: interactive, training or capture (default: ${DEFAULT-VALUE}).")
        private String priority;

        @Override
        public Integer call() throws Exception {
            Grant grant = Grant.of(tenant, expires, teachers == null ? List.of() : teachers, priority);
            AccessToken token = AccessToken.random(tenant, new SecureRandom());
            TokenFile.add(file, grant, token);
            System.err.println("added a token of " + tenant + " to " + file + ", by its hash; the token itself:");
            System.out.println(token.text());
            return 0;
        }
    }
}
