package dev.lyne.teacher.synthetic;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Settings of a synthetic teacher: what it says and costs. A batch of n tokens, padding included, takes
 * {@code (n + halfBatchTokens) / tokensPerSecond} seconds: the rate rises with the batch, reaches half of its limit at
 * {@code halfBatchTokens}, and is the limit for every batch where those are 0.
 *
 * @param vocabularySize token ids, 1 to 2^20
 * @param contextLength longest sequence, in tokens
 * @param tokensPerSecond limit of the rate; 0 for no cost at all
 * @param halfBatchTokens tokens of a batch that runs at half of the limit, 0 or more
 * @param seed seed of the rows
 * @param standstill a fault of the device
 * @param tokenizer directory of the tokenizer whose ids the rows are over, so that students of it can learn from them; empty: none
 */
public record SyntheticSettings(
        int vocabularySize,
        int contextLength,
        double tokensPerSecond,
        double halfBatchTokens,
        long seed,
        Standstill standstill,
        Optional<Path> tokenizer) {
    /**
     * A device that stands still once, while its server goes on answering.
     *
     * @param afterPositions positions after which it does; 0: never
     * @param seconds how long; 0: for good
     */
    public record Standstill(long afterPositions, double seconds) {
        /** None. */
        public static final Standstill NONE = new Standstill(0, 0);
    }

    /** Constructs the settings of a teacher without faults, whose ids are no tokenizer's. */
    public SyntheticSettings(
            int vocabularySize, int contextLength, double tokensPerSecond, double halfBatchTokens, long seed) {
        this(vocabularySize, contextLength, tokensPerSecond, halfBatchTokens, seed, Standstill.NONE, Optional.empty());
    }

    /** Prefix of the option value of a synthetic teacher. */
    public static final String PREFIX = "synthetic:";

    private static final String KEYS =
            "vocabulary=N, context=N, tokens_per_second=R, half_batch=N, seed=N, stuck_after=POSITIONS,"
                    + " stuck_seconds=S or tokenizer=DIR";

    public SyntheticSettings {
        require(vocabularySize >= 1 && vocabularySize <= 1 << 20, "vocabulary", vocabularySize, "1..1048576");
        require(contextLength >= 1 && contextLength <= 1 << 20, "context", contextLength, "1..1048576");
        require(tokensPerSecond >= 0 && tokensPerSecond <= 1e9, "tokens_per_second", tokensPerSecond, "0..1e9");
        require(standstill.afterPositions() >= 0, "stuck_after", standstill.afterPositions(), "0 or more");
        require(
                standstill.seconds() >= 0 && standstill.seconds() <= 1e6,
                "stuck_seconds",
                standstill.seconds(),
                "0..1e6");
        require(halfBatchTokens >= 0 && halfBatchTokens <= 1e9, "half_batch", halfBatchTokens, "0..1e9");
    }

    /** Whether an option value means a synthetic teacher. */
    public static boolean names(String teacher) {
        return teacher.startsWith(PREFIX);
    }

    /**
     * Reads {@code synthetic:key=value,…}; what is not stated is a vocabulary of 32,768 ids, a context of 2,048 tokens, 20,000 tokens
     * a second, a half batch of 0, seed 1, and a device that never stands still.
     *
     * @throws IllegalArgumentException naming the part that is wrong and the expectation
     */
    public static SyntheticSettings parse(String teacher) {
        if (!names(teacher)) {
            throw new IllegalArgumentException("teacher: " + teacher + " (expected: " + PREFIX + "key=value,…)");
        }
        Map<String, String> values = new LinkedHashMap<>();
        for (String part : teacher.substring(PREFIX.length()).split(",")) {
            int equals = part.indexOf('=');
            if (part.isEmpty()) {
                continue;
            }
            String key = equals < 0 ? part : part.substring(0, equals);
            if (equals < 0 || values.put(key, part.substring(equals + 1)) != null) {
                throw new IllegalArgumentException(
                        "teacher: " + PREFIX + "…" + part + " (expected: each once, " + KEYS + ")");
            }
        }
        Optional<Path> tokenizer =
                Optional.ofNullable(values.remove("tokenizer")).map(Path::of);
        if (tokenizer.isPresent() && values.containsKey("vocabulary")) {
            throw new IllegalArgumentException(
                    "teacher: " + PREFIX + "…vocabulary (expected: not beside tokenizer, which has one)");
        }
        var settings = new SyntheticSettings(
                (int) number(values, "vocabulary", 32_768, true),
                (int) number(values, "context", 2_048, true),
                number(values, "tokens_per_second", 20_000, false),
                number(values, "half_batch", 0, false),
                (long) number(values, "seed", 1, true),
                new Standstill(
                        (long) number(values, "stuck_after", 0, true), number(values, "stuck_seconds", 0, false)),
                tokenizer);
        if (!values.isEmpty()) {
            throw new IllegalArgumentException(
                    "teacher: " + PREFIX + "…" + values.keySet().iterator().next() + " (expected: " + KEYS + ")");
        }
        return settings;
    }

    /** Time of a batch of so many tokens, in nanoseconds. */
    public long batchNanos(long tokens) {
        return tokensPerSecond == 0 ? 0 : Math.round((tokens + halfBatchTokens) / tokensPerSecond * 1e9);
    }

    private static double number(Map<String, String> values, String key, double otherwise, boolean whole) {
        String text = values.remove(key);
        if (text == null) {
            return otherwise;
        }
        double value;
        try {
            value = Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw wrong(key, text, "a number", e);
        }
        if (!Double.isFinite(value) || whole && (value != Math.rint(value) || Math.abs(value) > 1L << 53)) {
            throw wrong(key, text, whole ? "a whole number" : "a finite number", null);
        }
        return value;
    }

    private static IllegalArgumentException wrong(
            String key, String text, String expectation, @Nullable Throwable cause) {
        return new IllegalArgumentException(
                "teacher: " + PREFIX + "…" + key + "=" + text + " (expected: " + expectation + ")", cause);
    }

    private static void require(boolean holds, String key, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(
                    "teacher: " + PREFIX + "…" + key + "=" + value + " (expected: " + expectation + ")");
        }
    }
}
