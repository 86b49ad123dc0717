package dev.lyne.teacher.model;

import dev.lyne.lm.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.IntStream;

/** A teacher's tokenizer, for those who send text. Safe for several threads. */
public final class TextCodec implements AutoCloseable {
    private static final String NO_CHARACTER = "\uFFFD";

    /** Tokens after which bytes that are no character yet are told as they are. */
    private static final int MOST_OF_A_CHARACTER = 8;

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

    /** Token ids of a text, with those that the tokenizer's files put around it where they are wanted. */
    public int[] encode(String text, boolean special) {
        return special ? tokenizer.encodeWithSpecialTokens(text) : tokenizer.encode(text);
    }

    /** Whether a token is none of a text's own, such as its beginning or its end. */
    public boolean isSpecial(int id) {
        return tokenizer.isSpecial(id);
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

    /**
     * Returns the piece that each token adds to the text of them all, which the pieces make when they are joined: a
     * tokenizer may write a token otherwise at the beginning, and a character of several tokens stands with the last of
     * them. Special tokens are as the vocabulary writes them.
     */
    public List<String> pieces(int[] ids) {
        List<String> alone = IntStream.of(ids).mapToObj(this::decode).toList();
        if (String.join("", alone).equals(tokenizer.decodeWithSpecialTokens(ids))) {
            return alone;
        }
        List<String> pieces = new ArrayList<>(ids.length);
        int context = 0; // tokens from here to the next one stand before those that are to be told, and are told
        int next = 0;
        String told = "";
        for (int i = 0; i < ids.length; i++) {
            String text = tokenizer.decodeWithSpecialTokens(Arrays.copyOfRange(ids, context, i + 1));
            boolean last = i == ids.length - 1 || i - next == MOST_OF_A_CHARACTER;
            if (!last && (text.length() <= told.length() || text.endsWith(NO_CHARACTER))) {
                pieces.add("");
                continue;
            }
            pieces.add(text.substring(Math.min(told.length(), text.length())));
            context = next;
            next = i + 1;
            told = tokenizer.decodeWithSpecialTokens(Arrays.copyOfRange(ids, context, next));
        }
        return List.copyOf(pieces);
    }

    /** Returns the piece of text that a token adds to the tokens before it. */
    public String piece(int[] before, int id) {
        int from = Math.max(0, before.length - MOST_OF_A_CHARACTER);
        int[] ids = Arrays.copyOf(Arrays.copyOfRange(before, from, before.length), before.length - from + 1);
        ids[ids.length - 1] = id;
        return pieces(ids).get(ids.length - 1);
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
