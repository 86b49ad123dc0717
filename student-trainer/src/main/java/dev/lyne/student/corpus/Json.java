package dev.lyne.student.corpus;

import java.util.Locale;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** JSON as a corpus has it: one value a text, no name twice, strings of any length. */
final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxStringLength(Integer.MAX_VALUE)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    /** The one value of a text; {@link InvalidDocumentException} says where it is none. */
    static JsonNode read(String text) throws InvalidDocumentException {
        try {
            return MAPPER.readTree(text);
        } catch (JacksonException e) {
            String what = String.valueOf(e.getOriginalMessage()).startsWith("Duplicate")
                    ? "a name that comes twice"
                    : "no JSON";
            int column =
                    e.getLocation() == null ? 1 : Math.max(1, e.getLocation().getColumnNr());
            throw new InvalidDocumentException(what + " at column " + column);
        }
    }

    /** Whether a text is one JSON object. */
    static boolean isObject(String text) {
        try {
            return read(text).isObject();
        } catch (InvalidDocumentException e) {
            return false;
        }
    }

    /** Whether a text is one JSON array of more than numbers, such as prose has in brackets. */
    static boolean isArray(String text) {
        try {
            JsonNode node = read(text);
            return node.isArray() && node.valueStream().anyMatch(element -> !element.isNumber());
        } catch (InvalidDocumentException e) {
            return false;
        }
    }

    /** What a value is, in words. */
    static String kind(JsonNode node) {
        return switch (node.getNodeType()) {
            case OBJECT -> "an object";
            case ARRAY -> "an array";
            case STRING -> "a string";
            default ->
                node.isMissingNode()
                        ? "missing"
                        : "a " + node.getNodeType().name().toLowerCase(Locale.ROOT);
        };
    }
}
