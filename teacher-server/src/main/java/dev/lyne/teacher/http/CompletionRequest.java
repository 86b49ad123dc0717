package dev.lyne.teacher.http;

import dev.lyne.lm.files.JsonFaults;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A request of {@code /v1/completions}, checked. What would change the generated token or the rows in a way that is not done here is refused
 * by name; what changes nothing may be stated.
 *
 * @param model as the request names it; empty: not named
 * @param prompts token ids or text, one or more
 * @param k entries of each prompt row; empty: none are wanted
 * @param choice of the generated token
 * @param echo whether the text of the answer begins with the prompt's
 * @param logprobs entries of rows in the {@code logprobs} of a choice; empty: none
 * @param show what the answer says beside
 */
record CompletionRequest(
        Optional<String> model,
        List<Prompt> prompts,
        Optional<Integer> k,
        Choice choice,
        boolean echo,
        Optional<Integer> logprobs,
        Show show) {
    /** Most prompts of a request. */
    static final int MAX_PROMPTS = 4096;

    /**
     * A prompt.
     *
     * @param ids token ids, where it was sent so
     * @param text else
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
    record Prompt(int @Nullable [] ids, @Nullable String text) {}

    /**
     * How the one token is generated.
     *
     * @param wanted whether one is
     * @param greedy the most probable; else drawn
     * @param seed of the draw
     */
    record Choice(boolean wanted, boolean greedy, long seed) {}

    /**
     * What else is shown.
     *
     * @param tokenIds whether the ids of prompt and answer are
     * @param tokensAsIds whether tokens in {@code logprobs} are written as {@code token_id:ID}
     * @param specialTokens whether text prompts get the tokens around a document
     * @param blocks whether rows are blocks in base64, in place of {@code prompt_logprobs}
     */
    record Show(boolean tokenIds, boolean tokensAsIds, boolean specialTokens, boolean blocks) {}

    /** A key that stands twice would be taken at either of its values. */
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private static final Set<String> KNOWN = Set.of(
            "model",
            "prompt",
            "max_tokens",
            "temperature",
            "prompt_logprobs",
            "logprobs",
            "echo",
            "seed",
            "return_token_ids",
            "return_tokens_as_token_ids",
            "add_special_tokens",
            "format",
            "user",
            "request_id");

    /** Parameters that may be stated with the value that changes nothing. */
    private static final Map<String, Predicate<JsonNode>> NEUTRAL = Map.ofEntries(
            Map.entry("n", value -> value.asDouble(0) == 1),
            Map.entry("best_of", value -> value.asDouble(0) == 1),
            Map.entry("top_p", value -> value.asDouble(0) == 1),
            Map.entry("top_k", value -> value.isNumber() && (value.asInt() == 0 || value.asInt() == -1)),
            Map.entry("min_p", CompletionRequest::isZero),
            Map.entry("presence_penalty", CompletionRequest::isZero),
            Map.entry("frequency_penalty", CompletionRequest::isZero),
            Map.entry("repetition_penalty", value -> value.asDouble(0) == 1),
            Map.entry("length_penalty", value -> value.asDouble(0) == 1),
            Map.entry("min_tokens", CompletionRequest::isZero), // 1 would keep the end of the text from being the token
            Map.entry("ignore_eos", JsonNode::isBoolean),
            Map.entry("skip_special_tokens", JsonNode::isBoolean),
            Map.entry("spaces_between_special_tokens", JsonNode::isBoolean),
            Map.entry("stream", value -> value.isBoolean() && !value.asBoolean()),
            Map.entry("use_beam_search", value -> value.isBoolean() && !value.asBoolean()),
            Map.entry("include_stop_str_in_output", value -> value.isBoolean() && !value.asBoolean()),
            Map.entry("stop", CompletionRequest::isNothing),
            Map.entry("stop_token_ids", CompletionRequest::isNothing),
            Map.entry("logit_bias", CompletionRequest::isNothing),
            Map.entry("suffix", CompletionRequest::isNothing),
            Map.entry("priority", CompletionRequest::isZero));

    private static boolean isZero(JsonNode value) {
        return value.isNumber() && value.asDouble() == 0;
    }

    /** An empty list, object or text; a number or a flag says something. */
    private static boolean isNothing(JsonNode value) {
        return value.isContainer()
                ? value.isEmpty()
                : value.isString() && value.asString().isEmpty();
    }

    static CompletionRequest parse(byte[] body) throws BadRequest {
        JsonNode json = object(body);
        for (Map.Entry<String, JsonNode> property : json.properties()) {
            requireKnown(property.getKey(), property.getValue());
        }
        Optional<Integer> k = optional(json, "prompt_logprobs", -1);
        Optional<Integer> logprobs = optional(json, "logprobs", 0);
        boolean echo = flag(json, "echo", false);
        String format = text(json, "format").orElse("vllm");
        if (!format.equals("vllm") && !format.equals("lyne.block")) {
            throw new BadRequest("format", "format: " + format + " (expected: vllm or lyne.block)");
        }
        Choice choice = choice(json);
        if (k.isEmpty() && logprobs.isPresent() && echo) {
            k = logprobs;
        }
        return new CompletionRequest(
                text(json, "model"),
                prompts(json.path("prompt")),
                k,
                choice,
                echo,
                logprobs,
                new Show(
                        flag(json, "return_token_ids", false),
                        flag(json, "return_tokens_as_token_ids", false),
                        flag(json, "add_special_tokens", true),
                        format.equals("lyne.block")));
    }

    static JsonNode object(byte[] body) throws BadRequest {
        JsonNode json;
        try {
            json = JSON.readTree(body);
        } catch (JacksonException e) {
            throw new BadRequest("", "the body: " + JsonFaults.explain(e) + " (expected: one JSON object)");
        }
        if (!json.isObject()) {
            throw new BadRequest("", "the body: " + JsonFaults.kind(json) + " (expected: one JSON object)");
        }
        return json;
    }

    private static void requireKnown(String name, JsonNode value) throws BadRequest {
        if (KNOWN.contains(name) || value.isNull()) {
            return;
        }
        Predicate<JsonNode> neutral = NEUTRAL.get(name);
        if (neutral == null) {
            throw new BadRequest(name, name + ": " + shown(value) + " (expected: a parameter that this door knows)");
        }
        if (!neutral.test(value)) {
            throw new BadRequest(
                    name, name + ": " + shown(value) + " (expected: its neutral value; it would be ignored here)");
        }
    }

    private static Choice choice(JsonNode json) throws BadRequest {
        JsonNode most = json.path("max_tokens");
        if (!most.isIntegralNumber() || most.asInt() < 0 || most.asInt() > 1) {
            throw new BadRequest(
                    "max_tokens",
                    "max_tokens: " + (most.isMissingNode() ? "16, the default" : shown(most))
                            + " (expected: 0 or 1; this door scores prompts)");
        }
        JsonNode temperature = json.path("temperature");
        double value = temperature.isMissingNode() || temperature.isNull() ? 1 : temperature.asDouble(-1);
        if (value != 0 && value != 1) {
            throw new BadRequest(
                    "temperature",
                    "temperature: " + shown(temperature) + " (expected: 0, the most probable token, or 1, a drawn one;"
                            + " it decides the generated token alone and never reaches prompt rows, which are at 1)");
        }
        JsonNode seed = json.path("seed");
        if (!seed.isMissingNode() && !seed.isNull() && !seed.isIntegralNumber()) {
            throw new BadRequest("seed", "seed: " + shown(seed) + " (expected: a whole number)");
        }
        return new Choice(most.asInt() == 1, value == 0, seed.asLong(0));
    }

    private static Optional<Integer> optional(JsonNode json, String name, int least) throws BadRequest {
        JsonNode value = json.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return Optional.empty();
        }
        if (!value.isInt() || value.asInt() < least) {
            throw new BadRequest(
                    name, name + ": " + shown(value) + " (expected: a whole number, " + least + " or more)");
        }
        return Optional.of(value.asInt());
    }

    static Optional<String> text(JsonNode json, String name) throws BadRequest {
        JsonNode value = json.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return Optional.empty();
        }
        if (!value.isString()) {
            throw new BadRequest(name, name + ": " + shown(value) + " (expected: text)");
        }
        return Optional.of(value.asString());
    }

    private static boolean flag(JsonNode json, String name, boolean otherwise) throws BadRequest {
        JsonNode value = json.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isBoolean()) {
            throw new BadRequest(name, name + ": " + shown(value) + " (expected: true or false)");
        }
        return value.asBoolean();
    }

    private static List<Prompt> prompts(JsonNode prompt) throws BadRequest {
        if (prompt.isString()) {
            return List.of(new Prompt(null, prompt.asString()));
        }
        if (!prompt.isArray() || prompt.isEmpty()) {
            throw new BadRequest(
                    "prompt", "prompt: " + shown(prompt) + " (expected: text, token ids, or a list of either)");
        }
        if (prompt.path(0).isNumber()) {
            return List.of(new Prompt(ids(prompt), null));
        }
        if (prompt.size() > MAX_PROMPTS) {
            throw new BadRequest(
                    "prompt", "prompt: " + prompt.size() + " of them (expected: at most " + MAX_PROMPTS + ")");
        }
        List<Prompt> prompts = new ArrayList<>();
        for (JsonNode one : prompt) {
            prompts.add(one.isString() ? new Prompt(null, one.asString()) : new Prompt(ids(one), null));
        }
        return prompts;
    }

    private static int[] ids(JsonNode list) throws BadRequest {
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode id = list.path(i);
            if (!id.isInt()) {
                throw new BadRequest("prompt", "prompt: " + shown(id) + " (expected: a token id)");
            }
            ids[i] = id.asInt();
        }
        if (!list.isArray() || ids.length == 0) {
            throw new BadRequest("prompt", "prompt: " + shown(list) + " (expected: one token or more)");
        }
        return ids;
    }

    private static String shown(JsonNode value) {
        String text = value.isMissingNode() ? "none" : value.toString();
        return text.length() > 100 ? text.substring(0, 99) + "…" : text;
    }
}
