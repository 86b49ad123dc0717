package dev.lyne.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Turns what went wrong into one line on stderr and an exit code. */
final class Failures {
    private static final int FAILED = 1;
    private static final int WRONG_USAGE = 2;

    private Failures() {}

    static int wrongUsage(ParameterException e, String[] arguments) {
        var err = e.getCommandLine().getErr();
        if (e instanceof UnmatchedArgumentException unmatched) {
            Optional<String> renamed =
                    RenamedOptions.explain(e.getCommandLine().getCommandSpec(), unmatched.getUnmatched());
            if (renamed.isPresent()) {
                err.println("lyne: " + renamed.get());
                return WRONG_USAGE;
            }
        }
        err.println("lyne: " + e.getMessage());
        if (!UnmatchedArgumentException.printSuggestions(e, err)) {
            err.println("Try '" + e.getCommandLine().getCommandSpec().qualifiedName(" ") + " --help'.");
        }
        return WRONG_USAGE;
    }

    static int failed(Exception e, CommandLine commandLine, @Nullable ParseResult parsed) {
        var err = commandLine.getErr();
        err.println("lyne: " + describe(e));
        if (System.getenv("LYNE_STACK_TRACES") != null) {
            e.printStackTrace(err);
        }
        return e instanceof IllegalArgumentException ? WRONG_USAGE : FAILED;
    }

    /** One line that says what went wrong; a bug, which has no message of ours, shows its type and place. */
    static String describe(Throwable e) {
        if (e instanceof NoSuchFileException missing) {
            return missing.getFile() + ": no such file or directory";
        }
        if (e instanceof FileSystemException file && file.getReason() != null) {
            return file.getFile() + ": " + file.getReason();
        }
        if (e instanceof UncheckedIOException wrapped && wrapped.getCause() != null) {
            return describe(wrapped.getCause());
        }
        boolean ours = e instanceof IllegalArgumentException
                || e instanceof IllegalStateException
                || e instanceof IOException
                || e.getClass().getName().startsWith("dev.lyne.");
        if (ours && e.getMessage() != null) {
            return e.getMessage();
        }
        StackTraceElement[] trace = e.getStackTrace();
        return e + (trace.length == 0 ? "" : " at " + trace[0]) + " (set LYNE_STACK_TRACES=1 for the whole trace)";
    }
}
