package dev.lyne.lm.tokenizer;

import java.nio.file.Path;
import java.util.OptionalInt;

/** A Hugging Face `tokenizer.json`, without truncation or padding. Safe for several threads. */
public final class Tokenizer implements AutoCloseable {
    private Tokenizer() {}

    /** Reads `tokenizer.json` (and `tokenizer_config.json`, where present, for the special tokens) of a directory. */
    public static Tokenizer load(Path directory) {
        throw new UnsupportedOperationException(directory.toString());
    }

    /** Token ids of a text, without special tokens. */
    public int[] encode(String text) {
        throw new UnsupportedOperationException(text);
    }

    /** Text of token ids, special tokens left out. */
    public String decode(int[] ids) {
        throw new UnsupportedOperationException(ids.length + " ids");
    }

    /** The token of an id as the vocabulary writes it. */
    public String token(int id) {
        throw new UnsupportedOperationException("" + id);
    }

    /** Number of ids: the highest one, added tokens among them, plus one. */
    public int vocabularySize() {
        throw new UnsupportedOperationException();
    }

    /** Token that begins a document, where the tokenizer has one. */
    public OptionalInt bosId() {
        throw new UnsupportedOperationException();
    }

    /** Token that ends a document, where the tokenizer has one. */
    public OptionalInt eosId() {
        throw new UnsupportedOperationException();
    }

    /** SHA-256 of the canonical form: id to token, merges, added tokens, normaliser, pre-tokenizer. 32 bytes. */
    public byte[] digest() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
