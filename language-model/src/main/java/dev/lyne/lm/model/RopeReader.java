package dev.lyne.lm.model;

import java.util.Optional;

/**
 * The rotary settings of a `config.json`, in either form: `rope_theta` with `rope_scaling`, or `rope_parameters`.
 *
 * @param share of a head's dimensions that turn
 */
record RopeReader(double theta, RopeScaling scaling, double share) {
    private static final double DEFAULT_BETA_FAST = 32;
    private static final double DEFAULT_BETA_SLOW = 1;

    /** @param outerShare where the settings do not name one themselves; 1 for families that know no other */
    static RopeReader read(ConfigurationFields fields, int contextLength, double defaultTheta, double outerShare) {
        Optional<ConfigurationFields> parameters = fields.optionalObject("rope_parameters");
        Optional<ConfigurationFields> older = fields.optionalObject("rope_scaling");
        if (parameters.isPresent() && older.isPresent()) {
            throw fields.refuse("rope_scaling", "absent beside rope_parameters");
        }
        double outerTheta = fields.optionalNumber("rope_theta").orElse(defaultTheta);
        double theta = parameters
                .map(block -> block.optionalNumber("rope_theta").orElse(outerTheta))
                .orElse(outerTheta);
        RopeScaling scaling = parameters
                .or(() -> older)
                .map(block -> scaling(block, contextLength))
                .orElseGet(RopeScaling.Default::new);
        double share = parameters
                .map(block -> block.optionalNumber("partial_rotary_factor").orElse(outerShare))
                .orElse(outerShare);
        if (!(share > 0 && share <= 1)) {
            throw new IllegalArgumentException(
                    "share of rotary dimensions: " + share + " (expected: above 0, at most 1)");
        }
        return new RopeReader(theta, scaling, share);
    }

    private static RopeScaling scaling(ConfigurationFields block, int contextLength) {
        String expectation = "default, linear, llama3 or yarn";
        for (String key : block.keys()) {
            if (block.isObject(key)) {
                throw block.refuse(key, "a value: rotary settings that differ by layer are not supported");
            }
        }
        String key = block.has("rope_type") ? "rope_type" : "type";
        String type = block.has(key)
                ? block.text(key, expectation)
                : block.has("factor") ? block.text("rope_type", expectation) : "default";
        return switch (type) {
            case "default" -> new RopeScaling.Default();
            case "linear" -> new RopeScaling.Linear(block.number("factor"));
            case "llama3" ->
                new RopeScaling.Llama3(
                        block.number("factor"),
                        block.number("low_freq_factor"),
                        block.number("high_freq_factor"),
                        block.integer("original_max_position_embeddings"));
            case "yarn" -> yarn(block, contextLength);
            default -> throw block.refuse(key, expectation);
        };
    }

    private static RopeScaling yarn(ConfigurationFields block, int contextLength) {
        int originalContext =
                block.optionalInteger("original_max_position_embeddings").orElse(contextLength);
        // A null factor stands for the ratio of the two lengths, as in the reference.
        double factor = block.has("factor") || !block.mentions("factor")
                ? block.number("factor")
                : (double) contextLength / originalContext;
        return new RopeScaling.Yarn(
                factor,
                block.optionalNumber("attention_factor"),
                block.optionalNumber("mscale"),
                block.optionalNumber("mscale_all_dim"),
                nonZero(block, "beta_fast", DEFAULT_BETA_FAST),
                nonZero(block, "beta_slow", DEFAULT_BETA_SLOW),
                originalContext,
                block.optionalBoolean("truncate").orElse(true));
    }

    /** The reference takes 0 as absent. */
    private static double nonZero(ConfigurationFields block, String key, double absent) {
        double value = block.optionalNumber(key).orElse(absent);
        return value == 0 ? absent : value;
    }
}
