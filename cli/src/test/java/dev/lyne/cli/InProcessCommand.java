package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A command that ran to its end in this process, for tests that say nothing of its process, which takes seconds to start.
 *
 * @param code that a process would exit with
 * @param err what it wrote to stderr
 */
record InProcessCommand(int code, String err) {
    static InProcessCommand run(List<String> arguments) {
        PrintStream err = System.err;
        PrintStream out = System.out;
        var bytes = new ByteArrayOutputStream();
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        System.setOut(new PrintStream(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8));
        try {
            return new InProcessCommand(Lyne.execute(arguments), bytes.toString(StandardCharsets.UTF_8));
        } finally {
            System.setErr(err);
            System.setOut(out);
        }
    }

    /** Runs a command that must do what it is asked. */
    static InProcessCommand succeed(List<String> arguments) {
        InProcessCommand command = run(arguments);
        assertThat(command.code()).as(command.err()).isZero();
        return command;
    }
}
