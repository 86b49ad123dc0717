package dev.lyne.teacher.server;

import dev.lyne.teacher.http.HttpTeacher;
import dev.lyne.teacher.model.TextCodec;
import dev.lyne.teacher.rpc.ServedTeacher;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The tokenizers of teachers that are asked over HTTP, where there is a door for that. */
final class HttpTexts implements AutoCloseable {
    private final boolean wanted;
    private final List<TextCodec> open = new ArrayList<>(); // filled while the server is made, then read

    HttpTexts(boolean wanted) {
        this.wanted = wanted;
    }

    HttpTeacher teacher(ServedTeacher served) {
        Optional<TextCodec> text = Optional.empty();
        if (wanted && !served.tokenizer().isEmpty()) {
            try {
                text = Optional.of(TextCodec.of(served.tokenizer()));
            } catch (IOException e) {
                throw new UncheckedIOException("a tokenizer cannot be loaded", e);
            }
            open.add(text.get());
        }
        return new HttpTeacher(served.description(), served.sequences(), text);
    }

    @Override
    public void close() {
        open.forEach(TextCodec::close);
    }
}
