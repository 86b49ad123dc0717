package dev.lyne.student.loss;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The text of a script that stands beside a class. */
final class ScriptText {
    private ScriptText() {}

    /** The text of {@code NAME.py} beside the class. */
    static String beside(Class<?> owner, String name) {
        try (InputStream in = owner.getResourceAsStream(name + ".py")) {
            if (in == null) {
                throw new IllegalStateException(
                        name + ".py is missing from the program (expected: beside " + owner.getName() + ")");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
