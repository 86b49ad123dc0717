package dev.lyne.teacher.engine;

import dev.lyne.teacher.model.Continuation;
import dev.lyne.teacher.model.Continued;
import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import tools.jackson.core.JsonGenerator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * vLLM's {@code /v1/completions} that draws: at temperature 1 from all tokens, by a generator of the request's own that {@code seed} starts. Its
 * {@code logprobs} are of the model's own distribution, before any sampling parameter. Every such parameter is named, since the model's
 * {@code generation_config.json} counts where one is not.
 */
final class VllmTexts implements TextDialect {
    @Override
    public Question question(TextRequest request, String model) {
        Continuation owed = request.owed();
        boolean draws = owed.draws() > 0;
        ByteArrayOutputStream body = new ByteArrayOutputStream(512 + 6 * owed.tokens().length);
        try (JsonGenerator json = JsonMapper.shared().createGenerator(body)) {
            json.writeStartObject();
            json.writeStringProperty("model", model);
            json.writeName("prompt");
            json.writeArray(owed.tokens(), 0, owed.tokens().length);
            json.writeNumberProperty("max_tokens", Math.max(1, owed.draws())); // one at least is generated
            writeNeutral(json, draws ? 1 : 0);
            json.writeNumberProperty("seed", owed.seed());
            json.writeBooleanProperty("ignore_eos", true); // a run ends at the session's tokens, no others
            json.writeName("stop_token_ids");
            int[] stops =
                    owed.stopIds().stream().mapToInt(Integer::intValue).sorted().toArray();
            json.writeArray(stops, 0, stops.length);
            json.writeBooleanProperty("return_token_ids", true);
            if (draws) {
                json.writeNumberProperty("logprobs", 0);
                json.writeBooleanProperty("return_tokens_as_token_ids", true);
            }
            if (owed.taken() > 0) {
                json.writeNumberProperty("prompt_logprobs", 0);
            }
            json.writeEndObject();
        }
        return new Question("/v1/completions", body.toByteArray());
    }

    /** Every sampling parameter that would be the model's own where it is not named. */
    static void writeNeutral(JsonGenerator json, int temperature) {
        json.writeNumberProperty("temperature", temperature);
        json.writeNumberProperty("top_p", 1);
        json.writeNumberProperty("top_k", 0);
        json.writeNumberProperty("min_p", 0);
        json.writeNumberProperty("repetition_penalty", 1);
        json.writeNumberProperty("presence_penalty", 0);
        json.writeNumberProperty("frequency_penalty", 0);
    }

    @Override
    public ValueReader<Continued> reader(TextRequest request) {
        return new Answer(request);
    }

    /**
     * Reads {@code {"choices": [{"prompt_token_ids": […], "token_ids": […], "logprobs": {"token_logprobs": […]}, "prompt_logprobs": [null,
     * {"ID": {"logprob": …}}, …]}]}}.
     */
    private static final class Answer implements ValueReader<Continued> {
        private final TextRequest request;
        private final Continuation owed;
        private final WholeAnswer whole = WholeAnswer.large();

        Answer(TextRequest request) {
            this.request = request;
            this.owed = request.owed();
        }

        @Override
        public void take(ByteBuf part) throws EngineException {
            whole.take(part);
        }

        @Override
        public void end() {
            whole.end();
        }

        @Override
        public Continued value() throws EngineException {
            JsonNode choices = whole.json().path("choices");
            if (choices.size() != 1) {
                throw strange(choices.size() + " choices", "one for one prompt");
            }
            JsonNode choice = choices.path(0);
            requirePrompt(choice.path("prompt_token_ids"));
            double[] taken = taken(choice.path("prompt_logprobs"));
            if (owed.draws() == 0) {
                return new Continued(taken, new int[0], new double[0]);
            }
            int[] drawn = drawn(choice.path("token_ids"), choice.path("finish_reason"));
            return new Continued(
                    taken,
                    drawn,
                    drawnLogProbabilities(drawn, choice.path("logprobs").path("token_logprobs")));
        }

        /** The text is the one that was sent: not cut, and nothing before it. */
        private void requirePrompt(JsonNode ids) throws EngineException {
            int[] tokens = owed.tokens();
            if (ids.size() != tokens.length) {
                throw strange(
                        "prompt_token_ids of " + ids.size() + " tokens", tokens.length + ", as many as were sent");
            }
            for (int i = 0; i < tokens.length; i++) {
                if (id(ids.path(i)) != tokens[i]) {
                    throw strange("token " + ids.path(i) + " at " + i, tokens[i] + ", which was sent");
                }
            }
        }

        private double[] taken(JsonNode rows) throws EngineException {
            double[] taken = new double[owed.taken()];
            if (taken.length > 0 && rows.size() != owed.tokens().length) {
                throw strange(
                        "prompt_logprobs of " + rows.size() + " tokens", owed.tokens().length + ", all that were sent");
            }
            for (int i = 0; i < taken.length; i++) {
                int at = owed.from() + i;
                JsonNode row = rows.path(at);
                String actual = Integer.toString(owed.tokens()[at]);
                if (!row.has(actual)) {
                    throw strange(
                            "log-probabilities of tokens " + row.propertyNames() + " at token " + at,
                            "token " + actual + ", which was sent");
                }
                taken[i] = logProbability(row.path(actual).path("logprob"), owed.tokens()[at]);
            }
            return taken;
        }

        private int[] drawn(JsonNode ids, JsonNode reason) throws EngineException {
            int[] drawn = new int[ids.size()];
            for (int i = 0; i < drawn.length; i++) {
                drawn[i] = id(ids.path(i));
                if (drawn[i] < 0 || drawn[i] >= request.vocabularySize()) {
                    throw strange("token " + ids.path(i) + " drawn", "an id below " + request.vocabularySize());
                }
                if (i >= owed.draws() || (i < drawn.length - 1 && owed.stopIds().contains(drawn[i]))) {
                    throw strange(
                            drawn.length + " tokens drawn",
                            "at most " + owed.draws() + ", and none behind a stop token");
                }
            }
            boolean stopped = drawn.length > 0 && owed.stopIds().contains(drawn[drawn.length - 1]);
            if (drawn.length < owed.draws() && !stopped) {
                throw strange(
                        drawn.length + " tokens drawn, then " + reason.asString("no reason"),
                        owed.draws() + ", or a stop token as the last");
            }
            return drawn;
        }

        private double[] drawnLogProbabilities(int[] drawn, JsonNode numbers) throws EngineException {
            if (numbers.size() != drawn.length) {
                throw strange("token_logprobs of " + numbers.size() + " tokens", drawn.length + ", one for each");
            }
            double[] logProbabilities = new double[drawn.length];
            for (int i = 0; i < drawn.length; i++) {
                logProbabilities[i] = logProbability(numbers.path(i), drawn[i]);
            }
            return logProbabilities;
        }

        private static double logProbability(JsonNode number, int id) throws EngineException {
            if (!number.isNumber()) {
                throw strange("log-probability " + number + " of token " + id, "a number");
            }
            return AnsweredRows.requireLogProbability(number.floatValue(), id, "");
        }

        private static int id(JsonNode node) throws EngineException {
            if (!node.isInt()) {
                throw strange("token " + node, "an id");
            }
            return node.intValue();
        }

        private static EngineException strange(String found, String expected) {
            return EngineException.strange(found + " (expected: " + expected + ")");
        }
    }
}
