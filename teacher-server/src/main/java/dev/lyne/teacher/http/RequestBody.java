package dev.lyne.teacher.http;

import dev.lyne.files.JsonFaults;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A request's JSON, read as a stream: the prompts as what they are, and beside them no more than a few values. What is neither is refused
 * where it stands, so that a body takes little more memory than its bytes.
 *
 * @param prompts empty: none are there
 * @param others all but the prompts
 */
record RequestBody(List<Prompt> prompts, ObjectNode others) {
    /** Most prompts of a request. */
    static final int MAX_PROMPTS = 4096;

    /**
     * Bytes that a body may take until it has been read, for each of its own: two make a token id of four, in an array
     * that grows.
     */
    static final int MEMORY_FACTOR = 6;

    private static final int MAX_KEYS = 256;

    /** Most values of everything but the prompts. */
    private static final int MAX_VALUES = 4096;

    private static final int MAX_DEPTH = 16;
    private static final int SHOWN = 100;

    /** A key that stands twice would be taken at either of its values. */
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .build();

    /**
     * A prompt.
     *
     * @param ids token ids, where it was sent so
     * @param text else
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
    record Prompt(int @Nullable [] ids, @Nullable String text) {}

    /**
     * Reads one.
     *
     * @param longest most token ids of a prompt
     */
    static RequestBody read(InputStream body, int longest) throws BadRequest {
        try (JsonParser json = JSON.createParser(body)) {
            return new Reader(json, longest).read();
        } catch (JacksonException e) {
            throw notAnObject(JsonFaults.explain(e));
        }
    }

    private static BadRequest notAnObject(String what) {
        return new BadRequest("", "the body: " + what + " (expected: one JSON object)");
    }

    /** Reads one body. */
    private static final class Reader {
        private final JsonParser json;
        private final int longest;
        private List<Prompt> prompts = List.of();
        private int values;

        Reader(JsonParser json, int longest) {
            this.json = json;
            this.longest = longest;
        }

        RequestBody read() throws BadRequest {
            JsonToken first = json.nextToken();
            if (first != JsonToken.START_OBJECT) {
                throw notAnObject(first == null ? "nothing" : shown());
            }
            ObjectNode others = JSON.createObjectNode();
            int keys = 0;
            while (json.nextToken() != JsonToken.END_OBJECT) {
                if (++keys > MAX_KEYS) {
                    throw notAnObject("more than " + MAX_KEYS + " keys");
                }
                String name = json.currentName();
                json.nextToken();
                if (name.equals("prompt")) {
                    prompts = prompts();
                } else {
                    others.set(name, value(name));
                }
            }
            if (json.nextToken() != null) {
                throw notAnObject("something behind its end");
            }
            return new RequestBody(prompts, others);
        }

        private List<Prompt> prompts() throws BadRequest {
            if (json.currentToken() == JsonToken.VALUE_STRING) {
                return List.of(text());
            }
            if (json.currentToken() != JsonToken.START_ARRAY) {
                throw noPrompt(shown());
            }
            JsonToken first = json.nextToken();
            if (first == JsonToken.END_ARRAY) {
                throw noPrompt("an empty list");
            }
            if (first.isNumeric()) {
                return List.of(ids());
            }
            List<Prompt> read = new ArrayList<>();
            for (JsonToken each = first; each != JsonToken.END_ARRAY; each = json.nextToken()) {
                if (read.size() == MAX_PROMPTS) {
                    throw new BadRequest(
                            "prompt", "prompt: more than " + MAX_PROMPTS + " (expected: at most " + MAX_PROMPTS + ")");
                }
                if (each == JsonToken.VALUE_STRING) {
                    read.add(text());
                } else if (each == JsonToken.START_ARRAY) {
                    json.nextToken();
                    read.add(ids());
                } else {
                    throw noPrompt(shown());
                }
            }
            return read;
        }

        private static BadRequest noPrompt(String what) {
            return new BadRequest("prompt", "prompt: " + what + " (expected: text, token ids, or a list of either)");
        }

        private Prompt text() {
            return new Prompt(null, json.getString());
        }

        /** Ids from the current token to the end of the list. */
        private Prompt ids() throws BadRequest {
            int[] ids = new int[Math.min(longest, 64)];
            int count = 0;
            for (JsonToken each = json.currentToken(); each != JsonToken.END_ARRAY; each = json.nextToken()) {
                if (each != JsonToken.VALUE_NUMBER_INT || json.getNumberType() != JsonParser.NumberType.INT) {
                    throw new BadRequest("prompt", "prompt: " + shown() + " (expected: a token id)");
                }
                if (count == longest) {
                    throw new BadRequest(
                            "prompt",
                            "prompt: more than " + longest + " token ids (expected: at most as many, the longest"
                                    + " context)");
                }
                if (count == ids.length) {
                    ids = Arrays.copyOf(ids, Math.min(longest, count + count / 2));
                }
                ids[count++] = json.getIntValue();
            }
            if (count == 0) {
                throw new BadRequest("prompt", "prompt: an empty list (expected: one token or more)");
            }
            return new Prompt(count == ids.length ? ids : Arrays.copyOf(ids, count), null);
        }

        private JsonNode value(String name) throws BadRequest {
            if (++values > MAX_VALUES) {
                throw new BadRequest(
                        name, name + ": more than " + MAX_VALUES + " values (expected: at most as many, all told)");
            }
            JsonNodeFactory nodes = JsonNodeFactory.instance;
            return switch (json.currentToken()) {
                case START_ARRAY -> {
                    ArrayNode list = nodes.arrayNode();
                    while (json.nextToken() != JsonToken.END_ARRAY) {
                        list.add(value(name));
                    }
                    yield list;
                }
                case START_OBJECT -> {
                    ObjectNode object = nodes.objectNode();
                    while (json.nextToken() != JsonToken.END_OBJECT) {
                        String key = json.currentName();
                        json.nextToken();
                        object.set(key, value(name));
                    }
                    yield object;
                }
                case VALUE_STRING -> nodes.stringNode(json.getString());
                case VALUE_TRUE -> nodes.booleanNode(true);
                case VALUE_FALSE -> nodes.booleanNode(false);
                case VALUE_NUMBER_FLOAT -> nodes.numberNode(json.getDoubleValue());
                case VALUE_NUMBER_INT ->
                    switch (json.getNumberType()) {
                        case INT -> nodes.numberNode(json.getIntValue());
                        case LONG -> nodes.numberNode(json.getLongValue());
                        default -> nodes.numberNode(json.getBigIntegerValue());
                    };
                default -> nodes.nullNode();
            };
        }

        private String shown() {
            return switch (json.currentToken()) {
                case START_ARRAY -> "a list";
                case START_OBJECT -> "keys and values";
                default -> cut(json.getString());
            };
        }
    }

    /** A value as a refusal shows it. */
    static String shown(JsonNode value) {
        return value.isMissingNode() ? "none" : cut(value.toString());
    }

    private static String cut(String text) {
        return text.length() > SHOWN ? text.substring(0, SHOWN - 1) + "…" : text;
    }
}
