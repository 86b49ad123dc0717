package dev.lyne.row;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.lyne.v1.SelectionKind;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Rule by which entries of a row are kept, and the temperatures that it carries offsets for. Rows are at temperature 1.
 *
 * <p>A selection owns its rules, all of them here: its name and parameters, what it refuses, which selections its rows answer, how it is
 * widened and narrowed, what a model computes for it, and how it stands in a message, in a block's header, in a capture's manifest and
 * in an option. What others know of a selection they ask it; they tell kinds apart where a kind's own numbers matter, and nowhere else.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Selection.TopK.class, name = "top_k"),
    @JsonSubTypes.Type(value = Selection.TopPK.class, name = "top_p_k"),
    @JsonSubTypes.Type(value = Selection.TopFraction.class, name = "top_fraction"),
    @JsonSubTypes.Type(value = Selection.Draws.class, name = "draws"),
    @JsonSubTypes.Type(value = Selection.Chosen.class, name = "chosen"),
    @JsonSubTypes.Type(value = Selection.LabelOnly.class, name = "label_only"),
})
public sealed interface Selection {
    /** Largest vocabulary that blocks can carry. */
    int MAX_VOCABULARY_SIZE = 1 << 20;

    /** Most draws a row. */
    int MAX_DRAWS = 1 << 16;

    /** Smallest temperature: an error of a coded log-probability grows by 1/τ. */
    float MIN_TEMPERATURE = 0.01f;

    /** Largest temperature. */
    float MAX_TEMPERATURE = 1000f;

    /** Forms that {@link #parse} reads. */
    String FORMS = "top_k=K, top_p_k=P/K, top_fraction=F, draws=N, draws=N/HEAD, chosen=K or label_only";

    /** Most entries of a row over a vocabulary of this size. */
    int mostEntries(int vocabularySize);

    /**
     * Temperatures τ that each row carries c_τ = −log Σ_V exp(lp/τ) and the log tail mass for; none is needed for τ = 1. From
     * {@link #MIN_TEMPERATURE} to {@link #MAX_TEMPERATURE}, distinct.
     */
    List<Float> temperatures();

    /** Returns the selection of the same entries, with offsets for other temperatures. */
    Selection withTemperatures(List<Float> others);

    /** Whether every row keeps {@link #mostEntries}, no fewer. */
    default boolean keepsAlways() {
        return false;
    }

    /** Whether rows keep their most probable tokens down to some rank: prefixes of one order, which can be cut. */
    default boolean keepsPrefix() {
        return false;
    }

    /** Whether entries have draw counts. */
    default boolean keepsDraws() {
        return false;
    }

    /** Whether the student names each row's entries. */
    default boolean keepsChosen() {
        return false;
    }

    /** Whether a row may keep no entry at all. */
    default boolean mayKeepNothing() {
        return keepsChosen();
    }

    /** Refuses a selection that this vocabulary cannot answer. */
    default void checkFits(int vocabularySize) {
        if (mostEntries(vocabularySize) > vocabularySize) {
            throw new IllegalArgumentException("selection: k " + mostEntries(vocabularySize)
                    + " (expected: 1..vocabulary_size=" + vocabularySize + ")");
        }
    }

    /** A word for the selections whose rows may answer each other; those of two words never do. */
    default String family() {
        return "prefix"; // of one order, down to no entry at all
    }

    /**
     * Whether rows of this selection hold all that rows of another would: the temperatures asked for, and the
     * {@linkplain #containsEntries entries}.
     *
     * @param keptMass smallest kept mass of the rows at temperature 1; 0 where it is not known
     */
    default boolean contains(Selection wanted, int vocabularySize, double keptMass) {
        return new HashSet<>(temperatures()).containsAll(wanted.temperatures())
                && containsEntries(wanted, vocabularySize, keptMass);
    }

    /**
     * Whether rows hold the entries of another selection's. A prefix of the k most probable tokens holds every shorter one: top-k holds
     * top-k′ for k′ ≤ k, and top-p′-k′ where k′ ≤ k or where every row's kept mass reaches p′; top-p-k holds top-p′-k′ for p′ ≤ p and
     * k′ ≤ k, the mass taken at the same temperature. Draws and chosen ids hold their equals alone, chosen ids given that the same were
     * chosen, which the caller knows. A fraction of a vocabulary counts as the k that it is.
     */
    boolean containsEntries(Selection wanted, int vocabularySize, double keptMass);

    /**
     * Whether rows of another selection, which this one {@linkplain #contains contains}, are the first so many entries of rows of this
     * one, by a number that no probability decides.
     */
    default boolean differsInNumberAlone(Selection wanted) {
        return keepsPrefix() && keepsAlways() && wanted.keepsPrefix() && wanted.keepsAlways();
    }

    /**
     * The entries that a row of a selection which contains this one keeps when it is cut to this one.
     *
     * @param logProbabilities of the row, exact where probabilities decide, in descending order from {@code from} on
     * @param count entries of the row
     */
    default int narrowed(Selection held, float[] logProbabilities, int from, int count, int vocabularySize) {
        return Math.min(count, mostEntries(vocabularySize));
    }

    /** The selection of the same family whose rows answer this one and another, where there is one; temperatures aside. */
    default Selection widenedBy(Selection held, int vocabularySize) {
        int most = Math.max(held.mostEntries(vocabularySize), mostEntries(vocabularySize));
        if (held instanceof TopPK) {
            return mostEntries(vocabularySize) == 0 ? held : new TopK(most, temperatures());
        }
        return most > mostEntries(vocabularySize) ? held : this;
    }

    /** The selection that a teacher computes, whose rows the encoder cuts to this one by the numbers that stored rows are cut by. */
    default Selection computed() {
        return this;
    }

    /** The rule as the arithmetic of a model takes it. */
    Rule rule(int vocabularySize);

    /**
     * A rule as numbers, each 0 or 1 where it has none.
     *
     * @param kind the word of the selection script
     * @param k entries by rank
     * @param draws draws a row
     * @param p cumulative probability to reach; 1 switches the test off
     * @param temperature that the cumulative probability is taken at
     */
    record Rule(String kind, int k, int draws, double p, float temperature) {}

    /** The rule as a block's header has it. */
    Code code(int vocabularySize);

    /**
     * A rule in a block's header.
     *
     * @param kind the selection's number
     * @param k a number that the kind decides, as the next two
     */
    record Code(byte kind, int k, long eight, int four) {
        private static final long ONE = Double.doubleToRawLongBits(1.0);
        private static final int ONE_FLOAT = Float.floatToRawIntBits(1f);

        private static Code of(int kind, int k) {
            return new Code((byte) kind, k, ONE, ONE_FLOAT);
        }
    }

    /** The selection of a header's rule; refuses one of no kind or with parameters out of range. */
    static Selection of(Code code, List<Float> temperatures) {
        return switch (code.kind()) {
            case 1 -> new TopK(code.k(), temperatures);
            case 2 ->
                new TopPK(
                        Double.longBitsToDouble(code.eight()),
                        code.k(),
                        Float.intBitsToFloat(code.four()),
                        temperatures);
            case 3 -> new TopFraction(Double.longBitsToDouble(code.eight()), temperatures);
            case 4 -> new Draws(code.four(), code.k(), code.eight(), temperatures);
            case 5 -> new Chosen(code.k(), temperatures);
            case 6 -> new LabelOnly(temperatures);
            default -> throw new IllegalArgumentException("selection kind " + code.kind() + " (expected: 1..6)");
        };
    }

    /** The kind, as teachers list those that they answer: the number in a header is the contract's. */
    default SelectionKind kind() {
        return Objects.requireNonNull(
                SelectionKind.forNumber(code(MAX_VOCABULARY_SIZE).kind()));
    }

    /** The kinds of all selections. */
    static Set<SelectionKind> kinds() {
        return EnumSet.complementOf(EnumSet.of(SelectionKind.SELECTION_KIND_UNSPECIFIED, SelectionKind.UNRECOGNIZED));
    }

    /** The selection as a message of the contract. */
    dev.lyne.v1.Selection toMessage();

    /** The selection of a message; refuses one out of range, or without a rule, with the value and the expectation. */
    static Selection of(dev.lyne.v1.Selection message) {
        List<Float> temperatures = message.getTemperaturesList();
        return switch (message.getRuleCase()) {
            case TOP_K -> new TopK(count("top_k.k", message.getTopK().getK()), temperatures);
            case TOP_P_K -> {
                dev.lyne.v1.TopPK rule = message.getTopPK();
                float temperature = rule.getTruncationTemperature() == 0 ? 1f : rule.getTruncationTemperature();
                yield new TopPK(rule.getP(), count("top_p_k.k", rule.getK()), temperature, temperatures);
            }
            case TOP_FRACTION -> new TopFraction(message.getTopFraction().getFraction(), temperatures);
            case DRAWS -> {
                dev.lyne.v1.Draws rule = message.getDraws();
                yield new Draws(
                        count("draws.draws", rule.getDraws()),
                        count("draws.head", rule.getHead()),
                        rule.getSeed(),
                        temperatures);
            }
            case CHOSEN -> new Chosen(count("chosen.k", message.getChosen().getK()), temperatures);
            case LABEL_ONLY -> new LabelOnly(temperatures);
            case RULE_NOT_SET ->
                throw new IllegalArgumentException(
                        "selection: no rule (expected: top_k, top_p_k, top_fraction, draws, chosen or label_only)");
        };
    }

    /**
     * Reads one of {@link #FORMS}, without temperatures; empty where the text is none.
     *
     * @param seed seed of draws
     * @throws IllegalArgumentException where a parameter is out of range or no number, or the name an old one
     */
    static Optional<Selection> parse(String text, long seed) {
        int equals = text.indexOf('=');
        String name = equals < 0 ? text : text.substring(0, equals);
        String[] values =
                equals < 0 ? new String[0] : text.substring(equals + 1).split("/", -1);
        List<Float> none = List.of();
        return Optional.ofNullable(
                switch (name + " " + values.length) {
                    case "top_k 1" -> new TopK(whole(values[0]), none);
                    case "top_p_k 2" -> new TopPK(number(values[0]), whole(values[1]), 1f, none);
                    case "top_fraction 1" -> new TopFraction(number(values[0]), none);
                    case "draws 1" -> new Draws(whole(values[0]), 0, seed, none);
                    case "draws 2" -> new Draws(whole(values[0]), whole(values[1]), seed, none);
                    case "chosen 1" -> new Chosen(whole(values[0]), none);
                    case "label_only 0" -> new LabelOnly(none);
                    case "data_only 0" ->
                        throw new IllegalArgumentException(
                                "selection: data_only is an old name (expected: label_only)");
                    default -> null;
                });
    }

    /** The k most probable tokens; ties go to the lower id. */
    record TopK(int k, List<Float> temperatures) implements Selection {
        public TopK {
            temperatures = checked(k, temperatures);
        }

        @Override
        public TopK withTemperatures(List<Float> others) {
            return new TopK(k, others);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return k;
        }

        @Override
        public boolean keepsAlways() {
            return true;
        }

        @Override
        public boolean keepsPrefix() {
            return true;
        }

        @Override
        public boolean containsEntries(Selection wanted, int vocabularySize, double keptMass) {
            return prefixContains(k, wanted, vocabularySize, keptMass);
        }

        @Override
        public Rule rule(int vocabularySize) {
            return new Rule("top", k, 0, 1, 1);
        }

        @Override
        public Code code(int vocabularySize) {
            return Code.of(1, k);
        }

        @Override
        public dev.lyne.v1.Selection toMessage() {
            return message(this).setTopK(dev.lyne.v1.TopK.newBuilder().setK(k)).build();
        }

        @Override
        public String toString() {
            return "top_k top_k=" + k + offsets(temperatures);
        }
    }

    /**
     * The smallest prefix in descending order whose cumulative probability reaches p − 1e-12, capped at k entries
     * (top-p-k, arXiv 2410.16215).
     *
     * @param p cumulative probability, in (0, 1]
     * @param truncationTemperature temperature that the cumulative probability is taken at, {@link #MIN_TEMPERATURE} to {@link #MAX_TEMPERATURE}
     */
    record TopPK(double p, int k, float truncationTemperature, List<Float> temperatures) implements Selection {
        /** A cumulative probability reaches p within this. */
        private static final double REACHED = 1e-12;

        /** And within this part of 1 − p, since it is a sum of probabilities whose logarithms are rounded to 32 bits. */
        private static final double ROUNDED = 4e-7;

        public TopPK {
            temperatures = checked(k, temperatures);
            if (!(p > 0 && p <= 1)) {
                throw new IllegalArgumentException("selection: p " + p + " (expected: above 0, at most 1)");
            }
            checkTemperature("truncation_temperature", truncationTemperature);
        }

        @Override
        public TopPK withTemperatures(List<Float> others) {
            return new TopPK(p, k, truncationTemperature, others);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return k;
        }

        @Override
        public boolean keepsPrefix() {
            return true;
        }

        @Override
        public String family() {
            return truncationTemperature == 1f ? "prefix" : "prefix at " + truncationTemperature;
        }

        @Override
        public boolean containsEntries(Selection wanted, int vocabularySize, double keptMass) {
            return wanted instanceof LabelOnly
                    || wanted instanceof TopPK asked
                            && truncationTemperature == asked.truncationTemperature
                            && asked.k <= k
                            && (asked.p == p || (asked.p < p && asked.truncationTemperature == 1f));
        }

        @Override
        public boolean differsInNumberAlone(Selection wanted) {
            return wanted instanceof TopPK asked && asked.p == p;
        }

        @Override
        public int narrowed(Selection held, float[] logProbabilities, int from, int count, int vocabularySize) {
            int most = Math.min(count, k);
            return held instanceof TopPK wider && wider.p == p ? most : prefix(logProbabilities, from, most);
        }

        /**
         * Entries of the shortest prefix whose mass at temperature 1 reaches p, at most {@code most}: what fresh rows and those cut from
         * wider ones keep alike.
         */
        private int prefix(float[] logProbabilities, int from, int most) {
            double enough = reached();
            double mass = 0;
            int count = 0;
            while (count < most && mass < enough) {
                mass += Math.exp(logProbabilities[from + count++]);
            }
            return count;
        }

        /** The cumulative probability that counts as having reached p: above 0, so that the most probable token is always kept. */
        private double reached() {
            return Math.max(REACHED, p - REACHED - ROUNDED * (1 - p));
        }

        @Override
        public Selection widenedBy(Selection held, int vocabularySize) {
            if (held instanceof TopPK other) {
                return new TopPK(Math.max(p, other.p), Math.max(k, other.k), truncationTemperature, temperatures);
            }
            int most = held.mostEntries(vocabularySize);
            return most == 0 ? this : new TopK(Math.max(k, most), temperatures);
        }

        /**
         * Returns the selection that is computed: where p is taken at temperature 1, the k most probable, as the
         * log-probabilities that are sent decide how many reach p.
         */
        @Override
        public Selection computed() {
            return truncationTemperature == 1f ? new TopK(k, temperatures) : this;
        }

        /** A model reads p = 1 as "no test"; here it still ends a row whose mass is all there. */
        @Override
        public Rule rule(int vocabularySize) {
            return new Rule("top", k, 0, Math.min(p, Math.nextDown(1.0)), truncationTemperature);
        }

        @Override
        public Code code(int vocabularySize) {
            return new Code((byte) 2, k, Double.doubleToRawLongBits(p), Float.floatToRawIntBits(truncationTemperature));
        }

        @Override
        public dev.lyne.v1.Selection toMessage() {
            return message(this)
                    .setTopPK(dev.lyne.v1.TopPK.newBuilder()
                            .setP(p)
                            .setK(k)
                            .setTruncationTemperature(truncationTemperature))
                    .build();
        }

        @Override
        public String toString() {
            return "top_p_k top_p=" + p + " top_k=" + k + " truncated_at=" + truncationTemperature
                    + offsets(temperatures);
        }
    }

    /** The most probable tokens, a fraction of the vocabulary: ⌈fraction · vocabulary size⌉ of them (SLIM keeps 0.05). */
    record TopFraction(double fraction, List<Float> temperatures) implements Selection {
        public TopFraction {
            temperatures = checked(1, temperatures);
            if (!(fraction > 0 && fraction <= 1)) {
                throw new IllegalArgumentException(
                        "selection: fraction " + fraction + " (expected: above 0, at most 1)");
            }
        }

        @Override
        public TopFraction withTemperatures(List<Float> others) {
            return new TopFraction(fraction, others);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return Math.min(vocabularySize, (int) Math.ceil(fraction * vocabularySize));
        }

        @Override
        public boolean keepsAlways() {
            return true;
        }

        @Override
        public boolean keepsPrefix() {
            return true;
        }

        @Override
        public boolean containsEntries(Selection wanted, int vocabularySize, double keptMass) {
            return prefixContains(mostEntries(vocabularySize), wanted, vocabularySize, keptMass);
        }

        @Override
        public Rule rule(int vocabularySize) {
            return new Rule("top", mostEntries(vocabularySize), 0, 1, 1);
        }

        @Override
        public Code code(int vocabularySize) {
            return new Code(
                    (byte) 3, mostEntries(vocabularySize), Double.doubleToRawLongBits(fraction), Code.ONE_FLOAT);
        }

        @Override
        public dev.lyne.v1.Selection toMessage() {
            return message(this)
                    .setTopFraction(dev.lyne.v1.TopFraction.newBuilder().setFraction(fraction))
                    .build();
        }

        @Override
        public String toString() {
            return "top_fraction top_fraction=" + fraction + offsets(temperatures);
        }
    }

    /**
     * The distinct tokens of {@code draws} independent draws with replacement, with how often each came (random sampling KD, arXiv
     * 2503.16870); with a head, its tokens are kept exactly and the draws are from the tail alone. Draws are a function of seed,
     * sequence and position.
     *
     * @param head most probable tokens kept beside the draws, their draw count 0; 0 for none
     */
    record Draws(int draws, int head, long seed, List<Float> temperatures) implements Selection {
        public Draws {
            temperatures = checked(1, temperatures);
            if (draws < 1 || draws > MAX_DRAWS) {
                throw new IllegalArgumentException("selection: draws " + draws + " (expected: 1.." + MAX_DRAWS + ")");
            }
            if (head < 0 || head > MAX_VOCABULARY_SIZE) {
                throw new IllegalArgumentException("selection: head " + head + " (expected: 0..vocabulary_size)");
            }
        }

        @Override
        public Draws withTemperatures(List<Float> others) {
            return new Draws(draws, head, seed, others);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return (int) Math.min(vocabularySize, (long) draws + head);
        }

        @Override
        public boolean keepsDraws() {
            return true;
        }

        @Override
        public void checkFits(int vocabularySize) {
            if (head > vocabularySize) {
                throw new IllegalArgumentException(
                        "selection: head " + head + " (expected: 0..vocabulary_size=" + vocabularySize + ")");
            }
        }

        @Override
        public String family() {
            return "draws " + draws + " " + head + " " + seed;
        }

        @Override
        public boolean containsEntries(Selection wanted, int vocabularySize, double keptMass) {
            return wanted instanceof Draws asked && draws == asked.draws && head == asked.head && seed == asked.seed;
        }

        @Override
        public Rule rule(int vocabularySize) {
            return new Rule("draws", head, draws, 1, 1);
        }

        @Override
        public Code code(int vocabularySize) {
            return new Code((byte) 4, head, seed, draws);
        }

        @Override
        public dev.lyne.v1.Selection toMessage() {
            return message(this)
                    .setDraws(dev.lyne.v1.Draws.newBuilder()
                            .setDraws(draws)
                            .setHead(head)
                            .setSeed(seed))
                    .build();
        }

        @Override
        public String toString() {
            return "draws draws=" + draws + " head=" + head + " draw_seed=" + seed + offsets(temperatures);
        }
    }

    /** Tokens that the student names for each position, at most k; they come back in descending order of probability. */
    record Chosen(int k, List<Float> temperatures) implements Selection {
        public Chosen {
            temperatures = checked(k, temperatures);
        }

        @Override
        public Chosen withTemperatures(List<Float> others) {
            return new Chosen(k, others);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return k;
        }

        @Override
        public boolean keepsChosen() {
            return true;
        }

        @Override
        public String family() {
            return "chosen";
        }

        @Override
        public boolean containsEntries(Selection wanted, int vocabularySize, double keptMass) {
            return wanted instanceof Chosen asked && k == asked.k;
        }

        @Override
        public Rule rule(int vocabularySize) {
            return new Rule("chosen", 0, 0, 1, 1);
        }

        @Override
        public Code code(int vocabularySize) {
            return Code.of(5, k);
        }

        @Override
        public dev.lyne.v1.Selection toMessage() {
            return message(this)
                    .setChosen(dev.lyne.v1.Chosen.newBuilder().setK(k))
                    .build();
        }

        @Override
        public String toString() {
            return "chosen top_k=" + k + offsets(temperatures);
        }
    }

    /** No entries: the log-probability of the label alone. */
    record LabelOnly(List<Float> temperatures) implements Selection {
        public LabelOnly {
            temperatures = checked(1, temperatures);
        }

        @Override
        public LabelOnly withTemperatures(List<Float> others) {
            return new LabelOnly(others);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return 0;
        }

        @Override
        public boolean keepsAlways() {
            return true;
        }

        @Override
        public boolean mayKeepNothing() {
            return true;
        }

        @Override
        public boolean containsEntries(Selection wanted, int vocabularySize, double keptMass) {
            return wanted instanceof LabelOnly;
        }

        @Override
        public Rule rule(int vocabularySize) {
            return new Rule("none", 0, 0, 1, 1);
        }

        @Override
        public Code code(int vocabularySize) {
            return Code.of(6, 0);
        }

        @Override
        public dev.lyne.v1.Selection toMessage() {
            return message(this)
                    .setLabelOnly(dev.lyne.v1.LabelOnly.getDefaultInstance())
                    .build();
        }

        @Override
        public String toString() {
            return "label_only" + offsets(temperatures);
        }
    }

    /** Whether the k most probable tokens of each row hold another selection's entries. */
    private static boolean prefixContains(int k, Selection wanted, int vocabularySize, double keptMass) {
        if (wanted instanceof TopPK asked) {
            return asked.truncationTemperature() == 1f && (asked.k() <= k || keptMass >= asked.reached());
        }
        return wanted instanceof LabelOnly
                || wanted.keepsPrefix() && wanted.keepsAlways() && wanted.mostEntries(vocabularySize) <= k;
    }

    private static dev.lyne.v1.Selection.Builder message(Selection selection) {
        return dev.lyne.v1.Selection.newBuilder().addAllTemperatures(selection.temperatures());
    }

    /** A number that the contract has as an unsigned one, which Java has not. */
    private static int count(String name, int value) {
        if (value < 0) {
            throw new IllegalArgumentException(
                    name + ": " + Integer.toUnsignedString(value) + " (expected: at most " + Integer.MAX_VALUE + ")");
        }
        return value;
    }

    private static int whole(String text) {
        try {
            return Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("selection: " + text + " (expected: a whole number)", e);
        }
    }

    private static double number(String text) {
        try {
            return Double.parseDouble(text.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("selection: " + text + " (expected: a number)", e);
        }
    }

    private static String offsets(List<Float> temperatures) {
        return temperatures.isEmpty() ? "" : " temperatures=" + temperatures;
    }

    private static List<Float> checked(int k, List<Float> temperatures) {
        if (k < 1 || k > MAX_VOCABULARY_SIZE) {
            throw new IllegalArgumentException("selection: k " + k + " (expected: 1..vocabulary_size)");
        }
        temperatures.forEach(temperature -> checkTemperature("temperature", temperature));
        if (new HashSet<>(temperatures).size() != temperatures.size()) {
            throw new IllegalArgumentException("selection: temperatures " + temperatures + " (expected: distinct)");
        }
        return List.copyOf(temperatures);
    }

    private static void checkTemperature(String name, float temperature) {
        if (!(temperature >= MIN_TEMPERATURE && temperature <= MAX_TEMPERATURE)) {
            throw new IllegalArgumentException("selection: " + name + " " + temperature + " (expected: "
                    + MIN_TEMPERATURE + ".." + MAX_TEMPERATURE + ")");
        }
    }
}
