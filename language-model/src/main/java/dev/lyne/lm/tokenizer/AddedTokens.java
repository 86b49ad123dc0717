package dev.lyne.lm.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.util.Arrays;
import tools.jackson.databind.JsonNode;

/** The added tokens of a `tokenizer.json`: each declares an id, and the library gives one, from the order they stand in. */
final class AddedTokens {
    private AddedTokens() {}

    /** Refuses an added token whose text is encoded as another id than it declares. */
    static void requireDeclaredIds(TokenizerDefinition definition, long tokenizer) {
        for (JsonNode token : definition.root().path("added_tokens")) {
            String content = token.path("content").asString();
            int declared = token.path("id").intValue();
            long encoding = TokenizersLibrary.LIB.encode(tokenizer, content, false);
            try {
                long[] ids = TokenizersLibrary.LIB.getTokenIds(encoding);
                int place =
                        Arrays.asList(TokenizersLibrary.LIB.getTokens(encoding)).indexOf(content);
                if (place >= 0 && ids[place] != declared) {
                    throw new IllegalArgumentException(definition.file() + ": added token " + token.path("content")
                            + ": id " + declared + " (expected: " + ids[place] + ", as which it is encoded)");
                }
            } finally {
                TokenizersLibrary.LIB.deleteEncoding(encoding);
            }
        }
    }
}
