package dev.lyne.lm.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.row.TextConventions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;

/** A Hugging Face `tokenizer.json`, without truncation or padding. Safe for several threads. */
public final class Tokenizer implements AutoCloseable {
    /** The file that defines it. */
    public static final String FILE_NAME = "tokenizer.json";

    /** The file that names bos and eos. */
    public static final String CONFIGURATION_FILE_NAME = "tokenizer_config.json";

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final TokenizerDefinition definition;
    private final HuggingFaceTokenizer tokenizer;
    private final SpecialTokens specialTokens;
    private final Optional<SpecialTokens.Around> overruled;
    private final Set<Integer> specialIds;
    private final byte[] digest;
    private final int vocabularySize;

    /** Held for reading while native code runs, for writing while it is freed. */
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    @GuardedBy("lock")
    private boolean closed;

    private Tokenizer(TokenizerDefinition definition, HuggingFaceTokenizer tokenizer, SpecialTokens specialTokens) {
        this.definition = definition;
        this.tokenizer = tokenizer;
        this.specialTokens = specialTokens;
        this.overruled = specialTokens.overruled();
        this.specialIds = definition.specialIds();
        this.digest = definition.digest();
        this.vocabularySize = definition.vocabularySize();
    }

    /**
     * Reads `tokenizer.json` of a directory, and what the files beside it say of the tokens around a document.
     */
    public static Tokenizer load(Path directory) {
        Path file = directory.resolve(FILE_NAME);
        try {
            TokenizerDefinition definition = TokenizerDefinition.read(file);
            SpecialTokens special = SpecialTokens.read(directory, definition);
            byte[] json = JSON.writeValueAsString(definition.root()).getBytes(StandardCharsets.UTF_8);
            HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(json),
                    Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false"));
            Tokenizer loaded = new Tokenizer(definition, tokenizer, special);
            try {
                AddedTokens.requireDeclaredIds(
                        definition,
                        tokenizer.getHandle(),
                        directory.resolve(CONFIGURATION_FILE_NAME),
                        special.configuration());
                return loaded;
            } catch (IllegalArgumentException e) {
                loaded.close();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Token ids of a text, as many as it has, without special tokens around it. A special token spelled out in the text becomes
     * that token.
     */
    public int[] encode(String text) {
        return encode(text, false);
    }

    /**
     * Token ids of a text, with the special tokens around it that {@code transformers} puts there: those of the post-processor of
     * {@code tokenizer.json}, unless the files beside it overrule that, as with {@code add_bos_token: false}. Documents that are trained on
     * have {@link #wrapping} in their place.
     */
    public int[] encodeWithSpecialTokens(String text) {
        if (overruled.isEmpty()) {
            return encode(text, true);
        }
        SpecialTokens.Around around = overruled.get();
        return Stream.of(
                        around.before().stream().mapToInt(Integer::intValue),
                        Arrays.stream(encode(text, false)),
                        around.after().stream().mapToInt(Integer::intValue))
                .flatMapToInt(ids -> ids)
                .toArray();
    }

    private int[] encode(String text, boolean special) {
        UnicodeText.requireValid(text);
        lock.readLock().lock();
        try {
            requireOpen();
            // The library's own encode also makes tokens, masks and an object a character span, of which nothing is
            // used.
            long encoding = TokenizersLibrary.LIB.encode(tokenizer.getHandle(), text, special);
            try {
                return narrow(TokenizersLibrary.LIB.getTokenIds(encoding));
            } finally {
                TokenizersLibrary.LIB.deleteEncoding(encoding);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Text of token ids, special tokens left out; bytes that are not UTF-8 become U+FFFD. */
    public String decode(int[] ids) {
        return decode(ids, true);
    }

    /** The same, special tokens as the vocabulary writes them. */
    public String decodeWithSpecialTokens(int[] ids) {
        return decode(ids, false);
    }

    private String decode(int[] ids, boolean skipSpecialTokens) {
        long[] wide = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            token(ids[i]);
            wide[i] = ids[i];
        }
        lock.readLock().lock();
        try {
            requireOpen();
            return tokenizer.decode(wide, skipSpecialTokens);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** The token of an id as the vocabulary writes it. */
    public String token(int id) {
        String token = definition.tokens().get(id);
        if (token == null) {
            throw new IllegalArgumentException(
                    "token id: " + id + " (expected: 0.." + (vocabularySize() - 1) + ", of " + definition.file() + ")");
        }
        return token;
    }

    /** Whether a token is marked as special, as those are that {@link #decode} leaves out. */
    public boolean isSpecial(int id) {
        return specialIds.contains(id);
    }

    /** Id of a token as the vocabulary writes it, where it has one. */
    public OptionalInt id(String token) {
        Integer id = definition.ids().get(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** Number of ids: the highest one, added tokens among them, plus one. */
    public int vocabularySize() {
        return vocabularySize;
    }

    /** Characters of the longest token, as the vocabulary writes it. */
    public int longestToken() {
        return definition.tokens().values().stream()
                .mapToInt(String::length)
                .max()
                .orElse(0);
    }

    /** Refuses a model whose vocabulary is smaller than this one's. A larger one is padded: its further columns mean nothing. */
    public void checkFits(ModelConfiguration configuration) {
        if (vocabularySize() > configuration.sizes().vocabulary()) {
            throw new IllegalArgumentException(definition.file() + ": vocabulary size " + vocabularySize()
                    + " (expected: at most vocab_size=" + configuration.sizes().vocabulary() + " of the model's "
                    + ModelConfiguration.FILE_NAME + ")");
        }
    }

    /** The tokens around a document, as the tokenizer's files say. */
    public DocumentWrapping wrapping() {
        return wrapping(TokenChoice.AUTO, TokenChoice.AUTO, List.of());
    }

    /**
     * The tokens around a document.
     *
     * @param student ids that end a text for the model to be trained, which count where the tokenizer's directory names none
     * @throws IllegalArgumentException where a chosen id is no token, or the files name one that cannot be
     */
    public DocumentWrapping wrapping(TokenChoice bos, TokenChoice eos, List<Integer> student) {
        return new DocumentWrapping(specialTokens.bos(bos), specialTokens.eos(eos, student));
    }

    /** Ids that end generation: the one after a document, and every other that the model's files name. */
    public Set<Integer> stopIds(DocumentWrapping wrapping) {
        return specialTokens.stopIds(wrapping.eosId());
    }

    /**
     * Ids that end generation as a user chose: those named, or what the files say.
     *
     * @param name of the option, for messages
     * @throws IllegalArgumentException where a chosen id is no token, or it is left to files that name none
     */
    public Set<Integer> stopIds(String name, StopChoice choice) {
        if (!choice.auto()) {
            for (int id : choice.ids()) {
                if (!definition.tokens().containsKey(id)) {
                    throw new IllegalArgumentException(name + ": " + id + " (expected: ids of tokens, 0.."
                            + (vocabularySize() - 1) + " of " + definition.file() + ")");
                }
            }
            return choice.ids();
        }
        Set<Integer> ids = stopIds(wrapping());
        if (ids.isEmpty()) {
            throw new IllegalArgumentException(name + ": auto, but "
                    + wrapping().eos().from() + " (expected: ids of the tokens that end a text, or none)");
        }
        return ids;
    }

    /**
     * Returns the conventions of texts with that wrapping: how they begin and end, and the chat template, as the files
     * say.
     */
    public TextConventions conventions(DocumentWrapping wrapping) {
        return new TextConventions(
                wrapping.bosId(), wrapping.eosId(), stopIds(wrapping), specialTokens.chatTemplateSha256());
    }

    /** SHA-256 of the canonical form: id to token, merges, added tokens, normaliser, pre-tokenizer. 32 bytes. */
    public byte[] digest() {
        return digest.clone();
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            closed = true;
            tokenizer.close();
        } finally {
            lock.writeLock().unlock();
        }
    }

    private static int[] narrow(long[] ids) {
        int[] result = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            result[i] = (int) ids[i];
        }
        return result;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(definition.file() + ": the tokenizer is closed (expected: open)");
        }
    }
}
