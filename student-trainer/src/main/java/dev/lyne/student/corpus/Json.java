package dev.lyne.student.corpus;

import dev.lyne.files.JsonFaults;
import java.util.Locale;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.UnexpectedEndOfInputException;
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
        } catch (StreamConstraintsException e) {
            throw new BeyondLimits(JsonFaults.limit(e));
        } catch (JacksonException e) {
            String what = String.valueOf(e.getOriginalMessage()).startsWith("Duplicate")
                    ? "a name that comes twice"
                    : "no JSON";
            int column =
                    e.getLocation() == null ? 1 : Math.max(1, e.getLocation().getColumnNr());
            throw new InvalidDocumentException(what + " at column " + column);
        }
    }

    /** JSON that is deeper or longer than what is read. */
    private static final class BeyondLimits extends InvalidDocumentException {
        private static final long serialVersionUID = 1;

        BeyondLimits(String message) {
            super(message);
        }
    }

    /**
     * Whether a text begins as an object, an array of such, or an array of arrays that hold more than numbers: a reader accepts the
     * first name and value of it, or meets the text's end in them. Prose that has brackets, such as {@code [[Category:Ships]]}, does not.
     */
    static boolean begins(String text) {
        boolean object = text.startsWith("{");
        if (!object && !text.matches("(?s)\\[\\s*[{\\[].*")) {
            return false;
        }
        boolean told = false; // of more than brackets and numbers
        try (JsonParser parser = MAPPER.createParser(text)) {
            while (true) {
                JsonToken token = parser.nextToken();
                if (told || token == null) {
                    return told;
                }
                boolean value = token.isScalarValue() && !token.isNumeric();
                told = value && !parser.streamReadContext().inRoot()
                        || token.isNumeric() && parser.streamReadContext().inObject()
                        || token.isStructStart()
                                && parser.streamReadContext().getParent() != null
                                && parser.streamReadContext().getParent().inObject();
                object |= token == JsonToken.START_OBJECT;
                if (token == JsonToken.END_OBJECT && !told) {
                    return false; // of {} alone
                }
            }
        } catch (UnexpectedEndOfInputException e) {
            return object;
        } catch (StreamConstraintsException e) {
            return true;
        } catch (JacksonException e) {
            return false;
        }
    }

    /** Whether a text is one JSON object, be it a deeper or a longer one than is read. */
    static boolean isObject(String text) {
        try {
            return read(text).isObject();
        } catch (BeyondLimits e) {
            return text.stripLeading().startsWith("{");
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

    /** Returns the kind of a value, in words. */
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
