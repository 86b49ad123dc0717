package dev.lyne.teacher.server;

import dev.lyne.teacher.http.HttpTeacher;
import dev.lyne.teacher.model.TextCodec;
import dev.lyne.teacher.rpc.ServedTeacher;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;

/**
 * Teachers as they are asked over HTTP, with their tokenizers where there is a door for that.
 *
 * @param wanted whether there is one
 */
record HttpTexts(boolean wanted) {
    HttpTeacher teacher(ServedTeacher served, MeterRegistry registry) {
        Optional<TextCodec> text = Optional.empty();
        if (wanted && !served.tokenizer().isEmpty()) {
            try {
                text = Optional.of(TextCodec.of(served.tokenizer()));
            } catch (IOException e) {
                throw new UncheckedIOException("a tokenizer cannot be loaded", e);
            }
        }
        return new HttpTeacher(served.description(), served.sequences(), text, registry);
    }
}
