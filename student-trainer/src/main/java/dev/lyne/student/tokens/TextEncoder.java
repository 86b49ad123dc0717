package dev.lyne.student.tokens;

import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.Tokenizer;
import java.util.OptionalInt;

/** A tokenizer, as the token store needs it. Safe for several threads. */
public interface TextEncoder {
    /** Token ids of a text, without special tokens. */
    int[] encode(String text);

    /** Token put before each document, where there is one. */
    OptionalInt bosId();

    /** Token put after each document, where there is one. */
    OptionalInt eosId();

    /** SHA-256 of the tokenizer's canonical form. 32 bytes. */
    byte[] digest();

    /** A tokenizer as an encoder, with the tokens around a document. */
    static TextEncoder of(Tokenizer tokenizer, DocumentWrapping wrapping) {
        return new TextEncoder() {
            @Override
            public int[] encode(String text) {
                return tokenizer.encode(text);
            }

            @Override
            public OptionalInt bosId() {
                return wrapping.bosId();
            }

            @Override
            public OptionalInt eosId() {
                return wrapping.eosId();
            }

            @Override
            public byte[] digest() {
                return tokenizer.digest();
            }
        };
    }
}
