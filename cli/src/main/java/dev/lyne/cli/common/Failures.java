package dev.lyne.cli.common;

import dev.lyne.files.JsonFaults;
import dev.lyne.student.corpus.CorpusException;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnknownHostException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;
import tools.jackson.core.JacksonException;

/** Turns what went wrong into one line on stderr and an exit code. */
public final class Failures {
    private static final int FAILED = 1;
    private static final int WRONG_USAGE = 2;

    private Failures() {}

    public static int wrongUsage(ParameterException e, String[] arguments) {
        var err = e.getCommandLine().getErr();
        if (e instanceof UnmatchedArgumentException unmatched) {
            Optional<String> renamed =
                    RenamedOptions.explain(e.getCommandLine().getCommandSpec(), unmatched.getUnmatched());
            if (renamed.isPresent()) {
                err.println("lyne: " + renamed.get());
                return WRONG_USAGE;
            }
        }
        err.println("lyne: " + explain(e));
        if (!UnmatchedArgumentException.printSuggestions(e, err)) {
            err.println("Try '" + e.getCommandLine().getCommandSpec().qualifiedName(" ") + " --help'.");
        }
        return WRONG_USAGE;
    }

    /** A value of the wrong kind is told with what is expected, not with the class that it was to become. */
    public static String explain(ParameterException e) {
        String message = String.valueOf(e.getMessage());
        if (e.getArgSpec() == null || !message.startsWith("Invalid value for ")) {
            return message;
        }
        ArgSpec argument = e.getArgSpec();
        Class<?> type = argument.typeInfo().isCollection() ? argument.auxiliaryTypes()[0] : argument.type();
        String name = argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
        return name + ": " + e.getValue() + " (expected: " + kind(type) + ")";
    }

    private static String kind(Class<?> type) {
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants())
                    .map(constant -> ((Enum<?>) constant).name().toLowerCase(Locale.ROOT))
                    .collect(Collectors.joining(", "));
        } else if (type == int.class || type == Integer.class || type == long.class || type == Long.class) {
            return "a whole number";
        } else if (type == boolean.class || type == Boolean.class) {
            return "true or false";
        } else if (type == Instant.class) {
            return "a time such as 2026-01-31T12:00:00Z";
        } else if (type == Path.class) {
            return "a path";
        }
        return Number.class.isAssignableFrom(type) || type.isPrimitive() ? "a number" : "another value";
    }

    public static int failed(Exception e, CommandLine commandLine, @Nullable ParseResult parsed) {
        var err = commandLine.getErr();
        err.println("lyne: " + describe(e));
        if (System.getenv("LYNE_STACK_TRACES") != null) {
            e.printStackTrace(err);
        }
        return e instanceof IllegalArgumentException || e instanceof CorpusException ? WRONG_USAGE : FAILED;
    }

    /**
     * Returns in words what went wrong, without the name of any class; a bug, which has no message of ours, says how to
     * see more.
     */
    public static String describe(Throwable e) {
        if (e instanceof FileSystemException file) {
            return file.getFile() + ": " + reason(file);
        }
        if (e instanceof UncheckedIOException wrapped && wrapped.getCause() != null) {
            return describe(wrapped.getCause());
        }
        if (e instanceof JacksonException json) {
            return "a file of JSON that cannot be read: " + JsonFaults.explain(json);
        }
        if (e instanceof CharacterCodingException) {
            return "a file that is not UTF-8 text (expected: UTF-8)";
        }
        if (e instanceof UnknownHostException) {
            return e.getMessage() + ": unknown host";
        }
        if (e instanceof EOFException) {
            return "a file ends too early" + (e.getMessage() == null ? "" : ": " + e.getMessage());
        }
        boolean ours = e instanceof IllegalArgumentException
                || e instanceof IllegalStateException
                || e instanceof IOException
                || e.getClass().getName().startsWith("dev.lyne.");
        if (ours && e.getMessage() != null) {
            return e.getMessage();
        }
        return "an internal fault of Lyne (set LYNE_STACK_TRACES=1 to see where, and report it)";
    }

    /**
     * Returns in words which memory was out, and the variable that raises its limit. The heap's end, where the launcher
     * started Java, is the VM's to tell.
     */
    public static String outOfMemory(OutOfMemoryError e) {
        String message = String.valueOf(e.getMessage());
        return message.toLowerCase(Locale.ROOT).contains("direct")
                ? "out of direct memory: " + message + " (expected: a larger LYNE_DIRECT_MEMORY, or less at a time)"
                : "out of memory (expected: a larger LYNE_HEAP, or less at a time)";
    }

    /** Why a file could not be read or written. */
    private static String reason(FileSystemException e) {
        if (e.getReason() != null) {
            return e.getReason();
        } else if (e instanceof NoSuchFileException) {
            return "no such file or directory";
        } else if (e instanceof AccessDeniedException) {
            return "permission denied";
        } else if (e instanceof FileAlreadyExistsException) {
            return "exists already, and is no directory";
        }
        if (e instanceof NotDirectoryException) {
            return "no directory";
        }
        return e instanceof DirectoryNotEmptyException ? "a directory that is not empty" : "cannot be used";
    }
}
