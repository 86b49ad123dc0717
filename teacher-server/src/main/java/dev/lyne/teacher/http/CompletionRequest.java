package dev.lyne.teacher.http;

import dev.lyne.row.Precision;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

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
        List<RequestBody.Prompt> prompts,
        Optional<Integer> k,
        Choice choice,
        boolean echo,
        Optional<Integer> logprobs,
        Show show) {
    /**
     * How the one token is generated.
     *
     * @param wanted whether one is
     * @param greedy the most probable; else drawn
     * @param seed of the draw
     */
    record Choice(boolean wanted, boolean greedy, long seed) {}

    /**
     * Parts of an answer that are shown, too.
     *
     * @param tokenIds whether the ids of prompt and answer are
     * @param tokensAsIds whether tokens in {@code logprobs} are written as {@code token_id:ID}
     * @param specialTokens whether text prompts get the tokens around a document
     * @param skipSpecial whether the generated token has no text where it is a special one
     * @param blocks whether rows are blocks in base64, in place of {@code prompt_logprobs}
     * @param precision of the rows; exact where they are not blocks
     * @param vouchedOnly whether rows wait until their teacher vouches for them
     */
    record Show(
            boolean tokenIds,
            boolean tokensAsIds,
            boolean specialTokens,
            boolean skipSpecial,
            boolean blocks,
            Precision precision,
            boolean vouchedOnly) {}

    /** Name of SGLang's for {@code max_tokens}, which clients send to any server. */
    private static final String MAX_NEW_TOKENS = "max_new_tokens";

    /** Place where SGLang has {@code max_tokens}. */
    private static final String SAMPLING = "sampling_params";

    /** Second name of {@code prompt_logprobs}, which clients send beside it. */
    private static final String TOP_LOGPROBS = "top_logprobs";

    private static final String SKIP_SPECIAL = "skip_special_tokens";
    private static final String ROW_PRECISION = "row_precision";
    private static final String VOUCHED_ONLY = "vouched_only";

    private static final Set<String> KNOWN = Set.of(
            "model",
            "max_tokens",
            MAX_NEW_TOKENS,
            SAMPLING,
            "temperature",
            "prompt_logprobs",
            TOP_LOGPROBS,
            "logprobs",
            "echo",
            "seed",
            "return_token_ids",
            "return_tokens_as_token_ids",
            "add_special_tokens",
            "format",
            SKIP_SPECIAL,
            ROW_PRECISION,
            VOUCHED_ONLY,
            "user",
            "request_id",
            "session_id");

    /** Parameters that may be stated with the value that changes nothing. */
    private static final Map<String, Predicate<JsonNode>> NEUTRAL = Map.ofEntries(
            Map.entry("n", CompletionRequest::isOne),
            Map.entry("best_of", CompletionRequest::isOne),
            Map.entry("top_p", CompletionRequest::isOne),
            Map.entry("top_k", value -> isZero(value) || (value.isInt() && value.asInt() == -1)),
            Map.entry("min_p", CompletionRequest::isZero),
            Map.entry("presence_penalty", CompletionRequest::isZero),
            Map.entry("frequency_penalty", CompletionRequest::isZero),
            Map.entry("repetition_penalty", CompletionRequest::isOne),
            Map.entry("length_penalty", CompletionRequest::isOne),
            Map.entry("min_tokens", CompletionRequest::isZero), // 1 would keep the end of the text from being the token
            Map.entry("ignore_eos", JsonNode::isBoolean),
            Map.entry("spaces_between_special_tokens", JsonNode::isBoolean), // of one generated token there are none
            Map.entry("stream", CompletionRequest::isFalse),
            Map.entry("use_beam_search", CompletionRequest::isFalse),
            Map.entry("include_stop_str_in_output", CompletionRequest::isFalse),
            Map.entry("watermarking", CompletionRequest::isFalse),
            Map.entry("return_token_offsets", CompletionRequest::isFalse),
            Map.entry("detokenize", CompletionRequest::isTrue),
            Map.entry("return_mm_kwargs", CompletionRequest::isTrue),
            Map.entry("stop", CompletionRequest::isNothing),
            Map.entry("stop_token_ids", CompletionRequest::isNothing),
            Map.entry("logit_bias", CompletionRequest::isNothing),
            Map.entry("bad_words", CompletionRequest::isNothing),
            Map.entry("logits_processors", CompletionRequest::isNothing),
            Map.entry("kv_transfer_params", CompletionRequest::isNothing),
            Map.entry("ec_transfer_params", CompletionRequest::isNothing),
            Map.entry("vllm_xargs", CompletionRequest::isNothing),
            Map.entry("suffix", CompletionRequest::isNothing),
            Map.entry("response_format", CompletionRequest::isPlainText),
            Map.entry("routed_experts_prompt_start", CompletionRequest::isZero),
            Map.entry("thinking_token_budget", value -> value.isInt() && value.asInt() == -1),
            Map.entry("stream_interval", value -> value.isInt() && value.asInt() >= 1), // of streams, which are refused
            Map.entry("priority", CompletionRequest::isZero));

    private static boolean isFalse(JsonNode value) {
        return value.isBoolean() && !value.asBoolean();
    }

    private static boolean isTrue(JsonNode value) {
        return value.isBoolean() && value.asBoolean();
    }

    private static boolean isPlainText(JsonNode value) {
        return value.size() == 1
                && value.path("type").isString()
                && value.path("type").asString().equals("text");
    }

    private static boolean isOne(JsonNode value) {
        return value.isNumber() && value.asDouble() == 1;
    }

    private static boolean isZero(JsonNode value) {
        return value.isNumber() && value.asDouble() == 0;
    }

    /** An empty list, object or text; a number or a flag says something. */
    private static boolean isNothing(JsonNode value) {
        return value.isContainer()
                ? value.isEmpty()
                : value.isString() && value.asString().isEmpty();
    }

    static CompletionRequest parse(RequestBody body) throws BadRequest {
        JsonNode json = body.others();
        for (Map.Entry<String, JsonNode> property : json.properties()) {
            requireKnown(property.getKey(), property.getValue());
        }
        Optional<Integer> k = optional(json, "prompt_logprobs", -1);
        Optional<Integer> logprobs = json.path("logprobs").isBoolean() && flag(json, "logprobs", false)
                ? Optional.of(1) // as vLLM reads it
                : optional(json, "logprobs", 0);
        Optional<Integer> again = optional(json, TOP_LOGPROBS, -1);
        if (again.isPresent() && !again.equals(k)) {
            throw new BadRequest(
                    TOP_LOGPROBS,
                    TOP_LOGPROBS + ": " + again.get() + " (expected: "
                            + k.map(most -> "prompt_logprobs, " + most).orElse("none, as there is no prompt_logprobs")
                            + "; it would be ignored here)");
        }
        boolean echo = flag(json, "echo", false);
        String format = text(json, "format").orElse("vllm");
        if (!format.equals("vllm") && !format.equals("lyne.block")) {
            throw new BadRequest("format", "format: " + format + " (expected: vllm or lyne.block)");
        }
        Choice choice = choice(json);
        if (!choice.wanted() && !echo && logprobs.isPresent()) {
            throw new BadRequest(
                    "max_tokens",
                    "max_tokens: 0 with logprobs: " + logprobs.get()
                            + " (expected: 1, or echo, as there is no token to show them of; prompt_logprobs are of prompts)");
        }
        if (body.prompts().isEmpty()) {
            throw new BadRequest("prompt", "prompt: none (expected: text, token ids, or a list of either)");
        }
        if (k.isEmpty() && logprobs.isPresent() && echo) {
            k = logprobs;
        }
        boolean blocks = format.equals("lyne.block");
        if (blocks && k.isEmpty()) {
            throw new BadRequest(
                    "prompt_logprobs",
                    "prompt_logprobs: none with format: lyne.block (expected: 0 or more, as blocks are of the prompts' rows)");
        }
        return new CompletionRequest(
                text(json, "model"),
                body.prompts(),
                k,
                choice,
                echo,
                logprobs,
                new Show(
                        flag(json, "return_token_ids", false),
                        flag(json, "return_tokens_as_token_ids", false),
                        flag(json, "add_special_tokens", true),
                        flag(json, SKIP_SPECIAL, true),
                        blocks,
                        precision(json, blocks, choice.wanted() || logprobs.isPresent()),
                        flag(json, VOUCHED_ONLY, false)));
    }

    /** @param read whether something of the rows is told or drawn here, for which they are to be exact */
    private static Precision precision(JsonNode json, boolean blocks, boolean read) throws BadRequest {
        String name = text(json, ROW_PRECISION).orElse("exact");
        Precision precision = switch (name) {
            case "exact" -> Precision.EXACT;
            case "half" -> Precision.HALF;
            case "compact" -> Precision.COMPACT;
            default ->
                throw new BadRequest(
                        ROW_PRECISION, ROW_PRECISION + ": " + name + " (expected: exact, half or compact)");
        };
        if (precision != Precision.EXACT && !blocks) {
            throw new BadRequest(
                    ROW_PRECISION,
                    ROW_PRECISION + ": " + name
                            + " (expected: exact, or format: lyne.block; numbers in text are exact)");
        }
        if (precision != Precision.EXACT && read) {
            throw new BadRequest(
                    ROW_PRECISION,
                    ROW_PRECISION + ": " + name
                            + " (expected: exact, or max_tokens: 0 without logprobs; a token is drawn of exact rows)");
        }
        return precision;
    }

    private static void requireKnown(String name, JsonNode value) throws BadRequest {
        if (KNOWN.contains(name) || value.isNull()) {
            return;
        }
        Predicate<JsonNode> neutral = NEUTRAL.get(name);
        if (neutral == null) {
            throw new BadRequest(
                    name, name + ": " + RequestBody.shown(value) + " (expected: a parameter that this door knows)");
        }
        if (!neutral.test(value)) {
            throw new BadRequest(
                    name,
                    name + ": " + RequestBody.shown(value)
                            + " (expected: its neutral value; it would be ignored here)");
        }
    }

    private static Choice choice(JsonNode json) throws BadRequest {
        JsonNode most = mostTokens(json);
        if (!most.isInt() || most.asInt() < 0 || most.asInt() > 1) {
            throw new BadRequest(
                    "max_tokens",
                    "max_tokens: " + (most.isMissingNode() ? "16, the default" : RequestBody.shown(most))
                            + " (expected: 0 or 1; this door scores prompts)");
        }
        JsonNode temperature = json.path("temperature");
        boolean drawn = temperature.isMissingNode() || temperature.isNull() || isOne(temperature);
        if (!drawn && !isZero(temperature)) {
            throw new BadRequest(
                    "temperature",
                    "temperature: " + RequestBody.shown(temperature)
                            + " (expected: 0, the most probable token, or 1, a drawn one;"
                            + " it decides the generated token alone and never reaches prompt rows, which are at 1)");
        }
        JsonNode seed = json.path("seed");
        boolean seeded = !seed.isMissingNode() && !seed.isNull();
        if (seeded && !(seed.isInt() || seed.isLong())) {
            throw new BadRequest("seed", "seed: " + RequestBody.shown(seed) + " (expected: a whole number of 64 bits)");
        }
        return new Choice(most.asInt() == 1, !drawn, seeded ? seed.asLong() : 0);
    }

    /** Returns how many tokens are to be generated, by whichever of its names that is said; all that say it have to agree. */
    private static JsonNode mostTokens(JsonNode json) throws BadRequest {
        JsonNode sampling = json.path(SAMPLING);
        boolean nothingElse = sampling.isMissingNode()
                || sampling.isNull()
                || (sampling.isObject()
                        && sampling.properties().stream()
                                .allMatch(property -> property.getKey().equals("max_tokens")));
        if (!nothingElse) {
            throw new BadRequest(
                    SAMPLING,
                    SAMPLING + ": " + RequestBody.shown(sampling)
                            + " (expected: max_tokens and nothing else, which would be ignored here)");
        }
        List<JsonNode> stated = Stream.of(
                        json.path("max_tokens"), json.path(MAX_NEW_TOKENS), sampling.path("max_tokens"))
                .filter(value -> !value.isMissingNode() && !value.isNull())
                .distinct()
                .toList();
        if (stated.size() > 1) {
            throw new BadRequest(
                    "max_tokens",
                    "max_tokens: " + stated.stream().map(RequestBody::shown).collect(Collectors.joining(" and "))
                            + " (expected: one number, by max_tokens, " + MAX_NEW_TOKENS + " or " + SAMPLING + ")");
        }
        return stated.isEmpty() ? json.path("max_tokens") : stated.get(0);
    }

    private static Optional<Integer> optional(JsonNode json, String name, int least) throws BadRequest {
        JsonNode value = json.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return Optional.empty();
        }
        if (!value.isInt() || value.asInt() < least) {
            throw new BadRequest(
                    name,
                    name + ": " + RequestBody.shown(value) + " (expected: a whole number, " + least + " or more)");
        }
        return Optional.of(value.asInt());
    }

    static Optional<String> text(JsonNode json, String name) throws BadRequest {
        JsonNode value = json.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return Optional.empty();
        }
        if (!value.isString()) {
            throw new BadRequest(name, name + ": " + RequestBody.shown(value) + " (expected: text)");
        }
        return Optional.of(value.asString());
    }

    static boolean flag(JsonNode json, String name, boolean otherwise) throws BadRequest {
        JsonNode value = json.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isBoolean()) {
            throw new BadRequest(name, name + ": " + RequestBody.shown(value) + " (expected: true or false)");
        }
        return value.asBoolean();
    }
}
