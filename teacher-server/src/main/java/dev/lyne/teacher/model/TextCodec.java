package dev.lyne.teacher.model;

import dev.lyne.lm.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** A teacher's tokenizer, for those who send text. Safe for several threads. */
public final class TextCodec implements AutoCloseable {
    private final Tokenizer tokenizer;
    private final AtomicReferenceArray<String> decoded;
    private final int longestToken;

    private TextCodec(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        this.decoded = new AtomicReferenceArray<>(tokenizer.vocabularySize());
        this.longestToken = tokenizer.longestToken();
    }

    /** Loads one from the files that a teacher has. */
    public static TextCodec of(List<TokenizerFile> files) throws IOException {
        Path directory = Files.createTempDirectory("lyne-tokenizer");
        try {
            for (TokenizerFile file : files) {
                Files.write(directory.resolve(file.name()), file.bytes());
            }
            return new TextCodec(Tokenizer.load(directory));
        } finally {
            for (TokenizerFile file : files) {
                Files.deleteIfExists(directory.resolve(file.name()));
            }
            Files.deleteIfExists(directory);
        }
    }

    /** Characters of the longest token: a text of more than as many for each of so many tokens has more tokens. */
    public int longestToken() {
        return longestToken;
    }

    /** Token ids of a text, with those that {@code tokenizer.json} puts around it where they are wanted. */
    public int[] encode(String text, boolean special) {
        return special ? tokenizer.encodeWithSpecialTokens(text) : tokenizer.encode(text);
    }

    /** The text of one token; a special one as the vocabulary writes it. */
    public String decode(int id) {
        String known = decoded.get(id);
        if (known == null) {
            String text = tokenizer.decode(new int[] {id});
            known = text.isEmpty() ? tokenizer.token(id) : text;
            decoded.set(id, known);
        }
        return known;
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
