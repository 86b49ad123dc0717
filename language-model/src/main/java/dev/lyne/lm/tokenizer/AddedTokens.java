package dev.lyne.lm.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * The added tokens of a tokenizer: each declares an id, in `tokenizer.json` and often once more in `tokenizer_config.json`, and the
 * library gives one, from the order they stand in.
 */
final class AddedTokens {
    private AddedTokens() {}

    /**
     * Refuses an added token whose text is encoded as another id than it declares.
     *
     * @param configuration of the file {@code configurationFile}, which may declare added tokens, too
     */
    static void requireDeclaredIds(
            TokenizerDefinition definition, long tokenizer, Path configurationFile, JsonNode configuration) {
        for (JsonNode token : definition.root().path("added_tokens")) {
            String content = token.path("content").asString();
            int declared = token.path("id").intValue();
            int encoded = encoded(tokenizer, content).orElse(declared);
            if (encoded != declared) {
                throw new IllegalArgumentException(definition.file() + ": added token " + token.path("content")
                        + ": id " + declared + " (expected: " + encoded + ", as which it is encoded)");
            }
        }
        for (Map.Entry<String, JsonNode> token :
                configuration.path("added_tokens_decoder").properties()) {
            JsonNode content = token.getValue().path("content");
            OptionalInt encoded = content.isString() ? encoded(tokenizer, content.stringValue()) : OptionalInt.empty();
            if (encoded.isEmpty() || !token.getKey().equals(Integer.toString(encoded.getAsInt()))) {
                throw new IllegalArgumentException(configurationFile + ": added_tokens_decoder." + token.getKey() + ": "
                        + content + " (expected: "
                        + (encoded.isEmpty() ? "a token of " + definition.file() : "id " + encoded.getAsInt())
                        + ", as which it is encoded)");
            }
        }
    }

    /** The id that a token's own text gets, where it becomes that token. */
    private static OptionalInt encoded(long tokenizer, String content) {
        UnicodeText.requireValid(content);
        long encoding = TokenizersLibrary.LIB.encode(tokenizer, content, false);
        try {
            int place = Arrays.asList(TokenizersLibrary.LIB.getTokens(encoding)).indexOf(content);
            return place < 0
                    ? OptionalInt.empty()
                    : OptionalInt.of((int) TokenizersLibrary.LIB.getTokenIds(encoding)[place]);
        } finally {
            TokenizersLibrary.LIB.deleteEncoding(encoding);
        }
    }
}
