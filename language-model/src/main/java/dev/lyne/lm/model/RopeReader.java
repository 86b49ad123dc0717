package dev.lyne.lm.model;

import dev.lyne.lm.model.ModelConfiguration.Rotation;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Reads the rotary settings of a `config.json` as `transformers` 5 does: one block, called `rope_parameters` or before that
 * `rope_scaling`, and keys beside it that count where the block lacks them. What stands twice must agree.
 */
final class RopeReader {
    private static final double DEFAULT_THETA = 10_000;
    private static final double DEFAULT_BETA_FAST = 32;
    private static final double DEFAULT_BETA_SLOW = 1;
    private static final String BLOCK = "rope_parameters";
    private static final String OLDER_BLOCK = "rope_scaling";
    private static final String SHARE = "partial_rotary_factor";
    private static final String ORIGINAL = "original_max_position_embeddings";
    private static final String TYPES = "default, linear, dynamic, llama3 or yarn";

    /** Keys that each type takes from its block, beside type, theta and share. */
    private static final Map<String, Set<String>> KEYS = Map.of(
            "default", Set.of(),
            "dynamic", Set.of("factor"),
            "linear", Set.of("factor"),
            "proportional", Set.of("factor"),
            "llama3", Set.of("factor", "low_freq_factor", "high_freq_factor", ORIGINAL),
            "yarn",
                    Set.of(
                            "factor",
                            "attention_factor",
                            "beta_fast",
                            "beta_slow",
                            "mscale",
                            "mscale_all_dim",
                            "truncate",
                            ORIGINAL));

    /** Names that a family gives to the keys beside the block, and the values that it takes where there are none. */
    private record Names(String theta, String share, double defaultShare, boolean shareAlways) {}

    private static final Names LLAMA = new Names("rope_theta", SHARE, 1, false);
    private static final Names NEOX = new Names("rotary_emb_base", "rotary_pct", 0.25, true);

    private final ConfigurationFields fields;
    private final Names names;
    private final int contextLength;
    private final int headSize;
    private final Set<String> layerTypes;

    /** @param layerTypes kinds of layers that a block may have settings of its own for, which is not supported */
    RopeReader(ConfigurationFields fields, Family family, int contextLength, int headSize, Set<String> layerTypes) {
        this.fields = fields;
        this.names = family == Family.GPT_NEOX ? NEOX : LLAMA;
        this.contextLength = contextLength;
        this.headSize = headSize;
        this.layerTypes = layerTypes;
    }

    Rotation read() {
        Optional<ConfigurationFields> newer = block(BLOCK);
        Optional<ConfigurationFields> older = block(OLDER_BLOCK);
        Rotation rope = rope(older.or(() -> newer));
        if (newer.isPresent() && older.isPresent() && !rope(newer).equals(rope)) {
            throw fields.disagree(OLDER_BLOCK, fields, BLOCK);
        }
        return rope;
    }

    private Optional<ConfigurationFields> block(String key) {
        // Nothing in it counts as nothing there; under the older name even an empty list.
        boolean empty = fields.node(key)
                .filter(node -> node.isObject() || (key.equals(OLDER_BLOCK) && node.isArray()))
                .filter(JsonNode::isEmpty)
                .isPresent();
        return empty ? Optional.empty() : fields.optionalObject(key);
    }

    private Rotation rope(Optional<ConfigurationFields> block) {
        String type = block.map(RopeReader::type).orElse("default");
        double theta = theta(block);
        int rotary = rotarySize(block, type);
        boolean originalCounts = KEYS.getOrDefault(type, Set.of()).contains(ORIGINAL);
        if (!originalCounts) {
            fields.ignore(ORIGINAL);
        }
        if (block.isEmpty()) {
            return new Rotation(rotary, theta, new RopeScaling.Default());
        }
        ConfigurationFields inner = block.get();
        Set<String> taken = KEYS.getOrDefault(type, Set.of());
        for (String key : inner.keys()) {
            if (layerTypes.contains(key)) {
                throw inner.refuse(key, "absent: rotary settings that differ by layer are not supported");
            }
            if (!taken.contains(key)
                    && !List.of("rope_type", "type", "rope_theta", SHARE).contains(key)) {
                inner.ignore(key);
            }
        }
        return new Rotation(rotary, theta, scaling(inner, type, rotary));
    }

    private static String type(ConfigurationFields block) {
        if (block.mentions("rope_type")
                && block.mentions("type")
                && !block.node("rope_type").equals(block.node("type"))) {
            throw block.disagree("rope_type", block, "type");
        }
        String key = block.mentions("rope_type") ? "rope_type" : "type";
        String type = block.text(key, TYPES, "default");
        if (!KEYS.containsKey(type)) {
            throw block.refuse(key, TYPES);
        }
        return type;
    }

    private double theta(Optional<ConfigurationFields> block) {
        Optional<ConfigurationFields> inner = block.filter(one -> one.mentions("rope_theta"));
        if (inner.isEmpty()) {
            return fields.number(names.theta(), DEFAULT_THETA);
        }
        double theta = inner.get().number("rope_theta", DEFAULT_THETA);
        if (fields.optionalNumber(names.theta()).orElse(theta) != theta) {
            throw inner.get().disagree("rope_theta", fields, names.theta());
        }
        return theta;
    }

    private int rotarySize(Optional<ConfigurationFields> block, String type) {
        if (type.equals("default") && !names.shareAlways()) {
            fields.ignore(SHARE);
            block.ifPresent(inner -> inner.ignore(SHARE));
            return headSize;
        }
        Optional<ConfigurationFields> inner = block.filter(one -> one.mentions(SHARE));
        double outer = fields.optionalNumber(names.share()).orElse(names.defaultShare());
        double share = inner.isPresent() ? inner.get().number(SHARE, outer) : outer;
        if (inner.isPresent() && fields.has(names.share()) && share != outer) {
            throw inner.get().disagree(SHARE, fields, names.share());
        }
        ConfigurationFields holder = inner.orElse(fields);
        String key = inner.isPresent() ? SHARE : names.share();
        if (!(share > 0 && share <= 1)) {
            throw holder.refuse(key, "above 0, at most 1");
        }
        int rotary = (int) (headSize * share);
        if (!names.shareAlways() && rotary != headSize) {
            throw holder.refuse(key, "1.0, or absent: other values are not supported with rope type " + type);
        }
        if (rotary < 2 || rotary % 2 != 0) {
            throw holder.refuse(
                    key,
                    "an even number of turning dimensions, at least 2 of a head's " + headSize + "; this makes "
                            + rotary);
        }
        return rotary;
    }

    private RopeScaling scaling(ConfigurationFields block, String type, int rotary) {
        return switch (type) {
            case "linear" -> new RopeScaling.Linear(block.number("factor"));
            case "llama3" ->
                new RopeScaling.Llama3(
                        block.number("factor"),
                        block.number("low_freq_factor"),
                        block.number("high_freq_factor"),
                        originalContext(block));
            case "yarn" -> yarn(block);
            case "dynamic" -> {
                block.number("factor");
                if (rotary == 2) {
                    throw block.refuse("rope_type", "another type: dynamic is not defined for 2 turning dimensions");
                }
                yield new RopeScaling.Default(); // frequencies change past the context length alone
            }
            case "proportional" -> {
                if (rotary != headSize) {
                    throw block.refuse("rope_type", TYPES);
                }
                double factor = block.number("factor", 1);
                yield factor == 1 ? new RopeScaling.Default() : new RopeScaling.Linear(factor);
            }
            default -> new RopeScaling.Default();
        };
    }

    /** The one beside the block has precedence in the reference; here they must agree. */
    private int originalContext(ConfigurationFields block) {
        int inner = block.integer(ORIGINAL, contextLength);
        int outer = fields.integer(ORIGINAL, inner);
        if (block.mentions(ORIGINAL) && inner != outer) {
            throw block.disagree(ORIGINAL, fields, ORIGINAL);
        }
        return outer;
    }

    private RopeScaling yarn(ConfigurationFields block) {
        int originalContext = originalContext(block);
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
                block.optionalBoolean("truncate").orElse(!block.mentions("truncate"))); // null is off in the reference
    }

    /** The reference takes 0 as absent. */
    private static double nonZero(ConfigurationFields block, String key, double absent) {
        double value = block.optionalNumber(key).orElse(absent);
        return value == 0 ? absent : value;
    }
}
