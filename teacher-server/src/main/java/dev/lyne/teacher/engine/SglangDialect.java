package dev.lyne.teacher.engine;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * SGLang's {@code /generate} with {@code return_logprob}: the labels' log-probabilities as a list, the k best of all positions as two flat
 * little-endian arrays in base64. Where it cannot flatten, SGLang falls back to nested lists in silence; that is refused by name.
 */
final class SglangDialect implements Dialect {
    @Override
    public Question health() {
        return Question.get("/health");
    }

    @Override
    public Question version() {
        return Question.get("/server_info");
    }

    @Override
    public String version(WholeAnswer answer) throws EngineException {
        String version = answer.json().path("version").asString("");
        if (version.isEmpty()) {
            throw EngineException.strange("/server_info without a version");
        }
        return version;
    }

    @Override
    public Question model() {
        return Question.get("/server_info");
    }

    @Override
    public Facts facts(WholeAnswer whole) throws EngineException {
        JsonNode answer = whole.json();
        String model = answer.path("served_model_name")
                .asString(answer.path("model_path").asString(""));
        if (model.isEmpty()) {
            throw EngineException.strange("/server_info without a model");
        }
        return new Facts(model, answer.path("context_length").asInt(0));
    }

    @Override
    public Question rows(RowsRequest request, String model) {
        ByteArrayOutputStream body = new ByteArrayOutputStream(64 + 6 * request.length());
        try (JsonGenerator json = JsonMapper.shared().createGenerator(body)) {
            json.writeStartObject();
            json.writeName("input_ids");
            json.writeArray(request.item().tokens(), 0, request.length());
            json.writeName("sampling_params");
            json.writeStartObject();
            json.writeNumberProperty("max_new_tokens", request.wantsLast() ? 1 : 0);
            json.writeNumberProperty("temperature", 0);
            json.writeEndObject();
            json.writeBooleanProperty("return_logprob", true);
            json.writeNumberProperty("logprob_start_len", 0);
            json.writeNumberProperty("top_logprobs_num", request.k());
            if (request.k() > 0) {
                json.writeBooleanProperty("return_flat_raw_top_logprobs", true);
                json.writeBooleanProperty("return_flat_raw_top_logprobs_b64", true);
            }
            json.writeEndObject();
        }
        return new Question("/generate", body.toByteArray());
    }

    @Override
    public RowsAnswer reader(RowsRequest request) {
        return new Answer(request);
    }

    /** Reads {@code {"meta_info": {…}}}. The parts of a row stand apart, so they are put together at the end. */
    private static final class Answer extends RowsAnswer {
        private static final int IN_META = 2;

        private final RowsRequest request;
        private final List<float[]> drawn = new ArrayList<>();
        private final float[] labels;
        private final int[] labelIds;
        private int labelCount;
        private @Nullable String list;
        private boolean inMeta;
        private boolean nested;
        private int place;
        private int rowsStated = -1;
        private int k = -1;
        private int nullPrefix = -1;
        private @Nullable ByteBuffer values;
        private @Nullable ByteBuffer ids;
        private float entry;

        Answer(RowsRequest request) {
            super(request, request.k());
            this.request = request;
            this.labels = new float[request.length()];
            this.labelIds = new int[request.length()];
        }

        @Override
        void token(JsonToken token, int depth, JsonParser at) throws EngineException {
            if (depth == 1 && (token == JsonToken.START_OBJECT || token == JsonToken.END_OBJECT)) {
                inMeta = token == JsonToken.START_OBJECT && "meta_info".equals(at.currentName());
            }
            if (!inMeta) {
                return;
            }
            if (depth == IN_META) {
                field(token, at);
            } else if (list != null) {
                element(token, depth - IN_META, at);
            }
        }

        private void field(JsonToken token, JsonParser at) throws EngineException {
            String name = String.valueOf(at.currentName());
            switch (token) {
                case START_ARRAY -> {
                    list = name;
                    place = -1;
                    nested |= name.equals("input_top_logprobs");
                }
                case END_ARRAY -> list = null;
                case VALUE_STRING -> {
                    if (name.equals("input_top_logprobs_val_flat_b64")) {
                        values = decoded(at.getString());
                    } else if (name.equals("input_top_logprobs_idx_flat_b64")) {
                        ids = decoded(at.getString());
                    } else if (name.equals("input_top_logprobs_val_flat_b64_dtype")) {
                        requireType(name, at.getString(), "float32");
                    } else if (name.equals("input_top_logprobs_idx_flat_b64_dtype")) {
                        requireType(name, at.getString(), "int32");
                    }
                }
                case VALUE_NUMBER_INT -> {
                    if (name.equals("input_top_logprobs_null_prefix")) {
                        nullPrefix = at.getIntValue();
                    }
                }
                default -> {}
            }
        }

        private static ByteBuffer decoded(String text) throws EngineException {
            try {
                return ByteBuffer.wrap(Base64.getDecoder().decode(text)).order(ByteOrder.LITTLE_ENDIAN);
            } catch (IllegalArgumentException e) {
                throw EngineException.strange("log-probabilities that are no base64");
            }
        }

        private static void requireType(String name, String type, String expected) throws EngineException {
            if (!type.equals(expected)) {
                throw EngineException.strange(name + ": " + type + " (expected: " + expected + ")");
            }
        }

        private void element(JsonToken token, int depth, JsonParser at) throws EngineException {
            switch (String.valueOf(list)) {
                case "input_top_logprobs_shape" -> {
                    if (token == JsonToken.VALUE_NUMBER_INT) {
                        if (++place == 0) {
                            rowsStated = at.getIntValue();
                        } else {
                            k = at.getIntValue();
                        }
                    }
                }
                case "input_token_logprobs" -> label(token, depth, at);
                case "output_top_logprobs" -> generated(token, depth, at);
                default -> {}
            }
        }

        /** {@code [[log-probability or null, id, text or null], …]}. */
        private void label(JsonToken token, int depth, JsonParser at) throws EngineException {
            if (depth == 1 && token == JsonToken.START_ARRAY) {
                place = -1;
                if (labelCount == labels.length) {
                    throw EngineException.strange(
                            "labels of more than " + labels.length + " tokens (expected: as many as were sent)");
                }
            } else if (depth == 1 && token == JsonToken.END_ARRAY) {
                labelCount++;
            } else if (depth == 2 && ++place == 0) {
                labels[labelCount] = token == JsonToken.VALUE_NULL ? Float.NaN : number(token, at);
            } else if (depth == 2 && place == 1) {
                labelIds[labelCount] = (int) number(token, at);
            }
        }

        /** The k best after the last token, nested. */
        private void generated(JsonToken token, int depth, JsonParser at) throws EngineException {
            if (depth == 2 && token == JsonToken.START_ARRAY) {
                place = -1;
            } else if (depth == 3 && ++place == 0) {
                entry = number(token, at);
            } else if (depth == 3 && place == 1) {
                drawn.add(new float[] {number(token, at), entry});
            }
        }

        private static float number(JsonToken token, JsonParser at) throws EngineException {
            if (token != JsonToken.VALUE_NUMBER_FLOAT && token != JsonToken.VALUE_NUMBER_INT) {
                throw EngineException.strange(token + " (expected: a number)");
            }
            return at.getFloatValue();
        }

        @Override
        void whole() throws EngineException {
            if (nested && request.k() > 0) {
                throw EngineException.strange(
                        "input_top_logprobs as nested lists (expected: flat arrays, as asked for)");
            }
            if (labelCount != request.length()) {
                throw EngineException.strange(
                        "input_token_logprobs of " + labelCount + " tokens (expected: " + request.length() + ")");
            }
            int covered = request.length() - 1;
            if (request.k() > 0) {
                requireFlat(covered);
            }
            rows.nothing();
            for (int i = 1; i <= covered; i++) {
                rows.begin();
                rows.entry(labelIds[i], labels[i]);
                for (int j = 0; j < request.k(); j++) {
                    int at = 4 * ((i - nullPrefix) * request.k() + j);
                    rows.entry(buffer(ids).getInt(at), buffer(values).getFloat(at));
                }
                rows.end();
            }
            if (request.wantsLast() && (request.k() == 0 || !drawn.isEmpty())) {
                rows.beginLast();
                for (float[] pair : drawn) {
                    rows.entry((int) pair[0], pair[1]); // ids are below 2^20, which a float holds
                }
                rows.end();
            }
        }

        private static ByteBuffer buffer(@Nullable ByteBuffer there) throws EngineException {
            if (there == null) {
                throw EngineException.strange("no flat log-probabilities (expected: as asked for)");
            }
            return there;
        }

        /** One row for each token but the first, which is null; each of k entries. */
        private void requireFlat(int covered) throws EngineException {
            int expected = 4 * covered * request.k();
            if (rowsStated != covered || nullPrefix != 1 || k != request.k()) {
                throw EngineException.strange("input_top_logprobs of shape [" + rowsStated + ", " + k + "] after "
                        + nullPrefix + " nulls (expected: [" + covered + ", " + request.k() + "] after 1)");
            }
            if (buffer(values).capacity() != expected || buffer(ids).capacity() != expected) {
                throw EngineException.strange(
                        "input_top_logprobs of " + buffer(values).capacity() + " and "
                                + buffer(ids).capacity() + " bytes (expected: " + expected + ")");
            }
        }
    }
}
