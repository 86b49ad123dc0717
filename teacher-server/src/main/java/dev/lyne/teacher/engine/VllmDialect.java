package dev.lyne.teacher.engine;

import java.io.ByteArrayOutputStream;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * vLLM's {@code /v1/completions} with {@code prompt_logprobs}: for each prompt token a map from token id to log-probability and rank, the
 * actual token first. One token is generated, greedily; its {@code logprobs} are the row after the last token.
 */
final class VllmDialect implements Dialect {
    private static final String GENERATED_ID = "token_id:";

    @Override
    public Question health() {
        return Question.get("/health");
    }

    @Override
    public Question version() {
        return Question.get("/version");
    }

    @Override
    public String version(WholeAnswer answer) throws EngineException {
        String version = answer.json().path("version").asString("");
        if (version.isEmpty()) {
            throw EngineException.strange("/version without a version");
        }
        return version;
    }

    @Override
    public Question model() {
        return Question.get("/v1/models");
    }

    @Override
    public Facts facts(WholeAnswer whole) throws EngineException {
        JsonNode answer = whole.json();
        JsonNode first = answer.path("data").path(0);
        String model = first.path("id").asString("");
        if (model.isEmpty()) {
            throw EngineException.strange("/v1/models without a model");
        }
        return new Facts(model, first.path("max_model_len").asInt(0));
    }

    @Override
    public Question rows(RowsRequest request, String model) {
        ByteArrayOutputStream body = new ByteArrayOutputStream(64 + 6 * request.length());
        try (JsonGenerator json = JsonMapper.shared().createGenerator(body)) {
            json.writeStartObject();
            json.writeStringProperty("model", model);
            json.writeName("prompt");
            json.writeArray(request.item().tokens(), 0, request.length());
            json.writeNumberProperty("max_tokens", 1);
            // All that the model's generation_config.json would decide else, which may reach the row after the last
            // token.
            VllmTexts.writeNeutral(json, 0);
            json.writeNumberProperty("prompt_logprobs", promptK(request));
            if (request.wantsLast()) {
                json.writeNumberProperty("logprobs", request.k());
                json.writeBooleanProperty("return_tokens_as_token_ids", true);
            }
            json.writeEndObject();
        }
        return new Question("/v1/completions", body.toByteArray());
    }

    /** Entries of the prompt's rows, of which none may be wanted but those after the last token. */
    private static int promptK(RowsRequest request) {
        return request.wantsLast() && request.item().positions().length == 1 ? 0 : request.k();
    }

    @Override
    public Optional<TextDialect> texts() {
        return Optional.of(new VllmTexts());
    }

    @Override
    public RowsAnswer reader(RowsRequest request) {
        return new Answer(request);
    }

    /**
     * Reads {@code {"choices": [{"prompt_logprobs": [null, {"ID": {"logprob": …}}, …], "logprobs": {"top_logprobs": [{"token_id:ID": …}]}}]}};
     * whatever else stands there is passed over.
     */
    private static final class Answer extends RowsAnswer {
        private static final int CHOICE = 3;

        private enum Part {
            NONE,
            PROMPT,
            GENERATED
        }

        private final boolean wantsLast;
        private Part part = Part.NONE;
        private boolean inChoices;
        private int choices;
        private int id;
        private float logProbability;
        private boolean prompt;

        Answer(RowsRequest request) {
            super(request, promptK(request));
            this.wantsLast = request.wantsLast();
        }

        @Override
        void token(JsonToken token, int depth, JsonParser at) throws EngineException {
            switch (part) {
                case NONE -> outside(token, depth, at);
                case PROMPT -> inPrompt(token, depth - CHOICE, at);
                case GENERATED -> inGenerated(token, depth - CHOICE - 1, at);
            }
        }

        private void outside(JsonToken token, int depth, JsonParser at) throws EngineException {
            if (depth == CHOICE - 2 && (token == JsonToken.START_ARRAY || token == JsonToken.END_ARRAY)) {
                inChoices = token == JsonToken.START_ARRAY && "choices".equals(at.currentName());
            }
            if (!inChoices) {
                return;
            }
            if (token == JsonToken.START_OBJECT && depth == CHOICE - 1 && ++choices > 1) {
                throw EngineException.strange("a second choice (expected: one for one prompt)");
            }
            if (token != JsonToken.START_ARRAY) {
                return;
            }
            if (depth == CHOICE && "prompt_logprobs".equals(at.currentName())) {
                part = Part.PROMPT;
                prompt = true;
            } else if (wantsLast && depth == CHOICE + 1 && "top_logprobs".equals(at.currentName())) {
                part = Part.GENERATED;
            }
        }

        private void inPrompt(JsonToken token, int depth, JsonParser at) throws EngineException {
            switch (token) {
                case END_ARRAY -> part = depth == 0 ? Part.NONE : part;
                case VALUE_NULL -> {
                    if (depth == 1) {
                        rows.nothing();
                    }
                }
                case START_OBJECT -> {
                    if (depth == 1) {
                        rows.begin();
                    } else {
                        logProbability = Float.NaN;
                    }
                }
                case PROPERTY_NAME -> id = depth == 2 ? id(at.currentName()) : id;
                case VALUE_NUMBER_FLOAT, VALUE_NUMBER_INT -> {
                    if (depth == 3 && "logprob".equals(at.currentName())) {
                        logProbability = at.getFloatValue();
                    }
                }
                case END_OBJECT -> {
                    if (depth == 2) {
                        rows.entry(id, logProbability);
                    } else {
                        rows.end();
                    }
                }
                default -> {}
            }
        }

        private void inGenerated(JsonToken token, int depth, JsonParser at) throws EngineException {
            switch (token) {
                case END_ARRAY -> part = Part.NONE;
                case START_OBJECT -> rows.beginLast();
                case VALUE_NUMBER_FLOAT, VALUE_NUMBER_INT -> {
                    String name = at.currentName();
                    if (depth != 2 || name == null || !name.startsWith(GENERATED_ID)) {
                        throw EngineException.strange("token " + name + " (expected: " + GENERATED_ID + "ID)");
                    }
                    rows.entry(id(name.substring(GENERATED_ID.length())), at.getFloatValue());
                }
                case END_OBJECT -> rows.end();
                default -> {}
            }
        }

        private static int id(@Nullable String text) throws EngineException {
            try {
                return Integer.parseInt(String.valueOf(text));
            } catch (NumberFormatException e) {
                throw EngineException.strange("token " + text + " (expected: an id)");
            }
        }

        @Override
        void whole() throws EngineException {
            if (!prompt) {
                throw EngineException.strange("no prompt_logprobs (expected: one for each token)");
            }
        }
    }
}
