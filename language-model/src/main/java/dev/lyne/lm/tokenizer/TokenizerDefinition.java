package dev.lyne.lm.tokenizer;

import dev.lyne.files.JsonFaults;
import dev.lyne.lm.files.LfsPointers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Contents of a `tokenizer.json`: the ids of its tokens, and the canonical form that its digest covers.
 *
 * @param tokens by id, added ones among them
 * @param root the file, without truncation and padding
 */
record TokenizerDefinition(Path file, Map<Integer, String> tokens, Map<String, Integer> ids, ObjectNode root) {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    static TokenizerDefinition read(Path file) throws IOException {
        LfsPointers.refuse(file);
        JsonNode node;
        try {
            node = JSON.readTree(Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException(file + ": no such file (expected: a Hugging Face tokenizer.json)", e);
        } catch (JacksonException e) {
            throw refuse(file, JsonFaults.explain(e), "one JSON object");
        }
        if (!(node instanceof ObjectNode root) || !root.path("model").isObject()) {
            throw refuse(file, "model: missing", "an object with type and vocab");
        }
        JsonNode dropout = root.path("model").path("dropout");
        if (dropout.isNumber() ? dropout.doubleValue() != 0 : !dropout.isMissingNode() && !dropout.isNull()) {
            throw refuse(
                    file,
                    "model.dropout: " + dropout,
                    "0, null, or absent: merges left out at random give no text its tokens");
        }
        // A stored limit would cut texts short without a word.
        root.putNull("truncation");
        root.putNull("padding");
        Map<Integer, String> tokens = new TreeMap<>();
        readVocabulary(file, root.path("model").path("vocab"), tokens);
        for (JsonNode added : root.path("added_tokens")) {
            if (!added.path("id").canConvertToInt() || !added.path("content").isString()) {
                throw refuse(file, "added_tokens: " + added, "objects with id and content");
            }
            putToken(file, tokens, added.get("id"), added.get("content").stringValue());
        }
        Map<String, Integer> ids = new HashMap<>();
        tokens.forEach((id, token) -> ids.put(token, id));
        return new TokenizerDefinition(file, Collections.unmodifiableMap(tokens), Map.copyOf(ids), root);
    }

    private static void readVocabulary(Path file, JsonNode vocabulary, Map<Integer, String> tokens) {
        if (vocabulary.isObject()) {
            vocabulary.properties().forEach(entry -> putToken(file, tokens, entry.getValue(), entry.getKey()));
        } else if (vocabulary.isArray()) { // unigram: [token, score] in the order of ids
            for (int id = 0; id < vocabulary.size(); id++) {
                JsonNode token = vocabulary.path(id).path(0);
                if (!token.isString()) {
                    throw refuse(file, "model.vocab[" + id + "]: " + vocabulary.path(id), "a token and its score");
                }
                tokens.put(id, token.stringValue());
            }
        } else {
            throw refuse(file, "model.vocab: " + JsonFaults.kind(vocabulary), "an object of token to id");
        }
        if (tokens.isEmpty()) {
            throw refuse(file, "model.vocab: empty", "at least one token");
        }
    }

    private static void putToken(Path file, Map<Integer, String> tokens, JsonNode id, String token) {
        if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
            throw refuse(file, "id of token " + token + ": " + id, "an integer of at least 0");
        }
        String other = tokens.put(id.intValue(), token);
        if (other != null && !other.equals(token)) {
            throw refuse(file, "id " + id + ": " + other + " and " + token, "one token an id");
        }
    }

    /** Ids of the added tokens that are marked as special. */
    Set<Integer> specialIds() {
        Set<Integer> ids = new HashSet<>();
        for (JsonNode added : root.path("added_tokens")) {
            if (added.path("special").asBoolean(false)) {
                ids.add(added.path("id").intValue());
            }
        }
        return Set.copyOf(ids);
    }

    int vocabularySize() {
        return Collections.max(tokens.keySet()) + 1;
    }

    /** SHA-256 of the canonical form. */
    byte[] digest() {
        try {
            return MessageDigest.getInstance("SHA-256").digest(canonical().getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: every JDK has it", e);
        }
    }

    /** Tokens by id, merges as pairs, added tokens by id, normaliser, pre-tokenizer, model options; keys sorted. */
    private String canonical() {
        ObjectNode canonical = JSON.createObjectNode();
        canonical.set("added_tokens", addedTokens());
        canonical.set("merges", merges());
        ObjectNode options = JSON.createObjectNode();
        for (Map.Entry<String, JsonNode> option : root.path("model").properties()) {
            JsonNode value = option.getValue();
            // Files of different ages write an option that is off as null, as false, as "" or not at all.
            boolean off = value.isNull()
                    || (value.isBoolean() && !value.booleanValue())
                    || (value.isString() && value.stringValue().isEmpty());
            if (!off && !option.getKey().equals("vocab") && !option.getKey().equals("merges")) {
                options.set(option.getKey(), sorted(value));
            }
        }
        canonical.set("model", sorted(options));
        canonical.set("normalizer", sorted(root.path("normalizer")));
        canonical.set("pre_tokenizer", sorted(root.path("pre_tokenizer")));
        ArrayNode vocabulary = canonical.putArray("tokens");
        tokens.forEach((id, token) -> vocabulary.addArray().add(id).add(token));
        JsonNode scores = root.path("model").path("vocab");
        if (scores.isArray()) {
            canonical.set("scores", scores);
        }
        return JSON.writeValueAsString(canonical);
    }

    private ArrayNode addedTokens() {
        List<JsonNode> added = new ArrayList<>();
        root.path("added_tokens").forEach(added::add);
        added.sort(Comparator.comparingInt(token -> token.path("id").intValue()));
        ArrayNode list = JSON.createArrayNode();
        added.forEach(token -> list.add(sorted(token)));
        return list;
    }

    /** Merges stand as "a b" in older files, as ["a", "b"] in newer ones. */
    private ArrayNode merges() {
        ArrayNode list = JSON.createArrayNode();
        for (JsonNode merge : root.path("model").path("merges")) {
            if (merge.isString()) {
                String text = merge.stringValue();
                int space = text.indexOf(' ', 1);
                if (space < 0) {
                    throw refuse(file, "model.merges: " + text, "two tokens with a space between");
                }
                list.addArray().add(text.substring(0, space)).add(text.substring(space + 1));
            } else {
                list.add(merge);
            }
        }
        return list;
    }

    private static JsonNode sorted(JsonNode node) {
        if (node.isObject()) {
            ObjectNode result = JSON.createObjectNode();
            Map<String, JsonNode> properties = new TreeMap<>();
            node.properties().forEach(entry -> properties.put(entry.getKey(), entry.getValue()));
            properties.forEach((key, value) -> result.set(key, sorted(value)));
            return result;
        }
        if (node.isArray()) {
            ArrayNode result = JSON.createArrayNode();
            node.forEach(element -> result.add(sorted(element)));
            return result;
        }
        return node.isMissingNode() ? JSON.nullNode() : node;
    }

    private static IllegalArgumentException refuse(Path file, String value, String expectation) {
        return new IllegalArgumentException(file + ": " + value + " (expected: " + expectation + ")");
    }
}
