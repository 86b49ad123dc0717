package dev.lyne.student.train;

import dev.lyne.client.TeacherDescription;
import dev.lyne.row.Proposal;
import dev.lyne.row.Selection;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.Loss;
import dev.lyne.student.loss.OwnText;
import dev.lyne.student.policy.Advantages;
import dev.lyne.student.policy.MixedProposal;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;

/**
 * How a student trains on text that it writes itself.
 *
 * @param sharing which steps are on such text, some of them
 * @param proposal what tokens are drawn from
 * @param tellsAll whether the teacher is told each token as it is taken, and says how probable it is under its own proposal
 * @param writing how responses are written
 * @param phase how many there are at a time, and how often each is trained on
 * @param policy what is minimised of their tokens
 * @param singleStep the divergence of their rows
 * @param corpusWeight weight of the corpus's windows beside them; 0: none
 * @param identity what must be the same for a run to go on, by name
 */
public record OnPolicySettings(
        OwnTextSharing sharing,
        MixedProposal proposal,
        boolean tellsAll,
        Writing writing,
        Phase phase,
        Policy policy,
        SingleStep singleStep,
        double corpusWeight,
        Map<String, String> identity) {
    /** Settings that say nothing where no step is on the student's own text. */
    private static final Set<Setting> OWN = EnumSet.copyOf(Arrays.stream(Setting.values())
            .filter(setting -> setting.group() == Setting.Group.ON_POLICY && setting != Setting.ON_POLICY_SHARE)
            .toList());

    /** Name of the rule by which prompts are taken of the corpus; another rule has another name. */
    private static final String PROMPTS = "beginnings of records and of full windows";

    private static final String RETURNS = "returns";

    /** Policies whose gradient is not that of a divergence, and why. */
    private static final Map<String, String> MEANINGLESS = Map.of(
            "k1_loss", "its gradient has mean 0",
            "k2_advantage", "its gradient is no divergence's",
            "k3_advantage", "its gradient is no divergence's");

    /**
     * How responses are written.
     *
     * @param promptTokens tokens of a plain document that are a prompt
     * @param responseTokens most tokens of a response
     * @param cacheBytes most memory of keys and values
     */
    public record Writing(int promptTokens, int responseTokens, double temperature, double topP, long cacheBytes) {
        /** Settings that are its own. */
        private static final Set<Setting> OWN = EnumSet.of(
                Setting.PROMPT_TOKENS,
                Setting.RESPONSE_TOKENS,
                Setting.ROLLOUT_TEMPERATURE,
                Setting.ROLLOUT_TOP_P,
                Setting.KV_CACHE_MIB);

        static Writing of(Settings settings) {
            return new Writing(
                    settings.integer(Setting.PROMPT_TOKENS, 1, 1 << 24),
                    settings.integer(Setting.RESPONSE_TOKENS, 1, 1 << 24),
                    settings.number(Setting.ROLLOUT_TEMPERATURE, Temperatures.LEAST, 100, true),
                    settings.number(Setting.ROLLOUT_TOP_P, 0, 1, false),
                    (long) settings.integer(Setting.KV_CACHE_MIB, 1, 1 << 24) << 20);
        }

        /** Returns the distribution that the student draws from. */
        Proposal student() {
            return new Proposal(temperature, topP);
        }
    }

    /**
     * Responses that are written at a time.
     *
     * @param rollouts how many
     * @param epochs times that each is trained on
     * @param ahead phases that are written before their turn, so that the teacher scores them meanwhile
     */
    public record Phase(int rollouts, int epochs, int ahead) {
        private static Phase of(Settings settings) {
            int batch = settings.integer(Setting.BATCH, 1, 1 << 20);
            int rollouts = settings.integer(Setting.ROLLOUTS, 0, 1 << 20);
            if (rollouts % batch != 0) {
                throw Settings.refused(Setting.ROLLOUTS, rollouts, "a multiple of batch=" + batch);
            }
            return new Phase(
                    rollouts == 0 ? batch : rollouts,
                    settings.integer(Setting.PPO_EPOCHS, 1, 1000),
                    settings.integer(Setting.MAX_STALENESS, 0, 16));
        }

        /** Steps of so many responses each. */
        int steps(int batch) {
            return rollouts / batch * epochs;
        }
    }

    /** The term of the drawn tokens, and where its advantages come from; absent where it reads none. */
    public record Policy(OwnText.Policy term, Optional<Advantages> advantages) {
        /** Whether its gradient is the same whatever draws were made from, or it has none. */
        boolean weighsDraws() {
            return term instanceof OwnText.ClippedRatio || term instanceof OwnText.None;
        }
    }

    /**
     * The divergence of own text's rows.
     *
     * @param counts whether it does
     * @param rows which rows it is taken on
     * @param k ids a row, where they are the student's
     */
    public record SingleStep(boolean counts, Rows rows, int k) {
        /** Kinds of rows. */
        public enum Rows {
            /** Rows of the run's selection; with a tail bucket a lower bound of the reverse KL. */
            TOP_K_TAIL,
            /** The student's own most probable ids. */
            STUDENT_IDS,
            /** The whole vocabulary. */
            WHOLE
        }

        private static SingleStep of(Settings settings) {
            List<String> names = Arrays.stream(Rows.values())
                    .map(rows -> rows.name().toLowerCase(Locale.ROOT))
                    .toList();
            return new SingleStep(
                    settings.flag(Setting.SINGLE_STEP),
                    Rows.valueOf(
                            settings.choice(Setting.SINGLE_STEP_ROWS, names).toUpperCase(Locale.ROOT)),
                    settings.integer(Setting.TOP_K, 1, Selection.MAX_VOCABULARY_SIZE));
        }

        /** Whether the student names the ids of each row. */
        boolean choosesIds() {
            return counts && rows == Rows.STUDENT_IDS;
        }

        /** The rows that are asked for, where those of data are of this selection. */
        Selection selection(Selection onData, int vocabularySize) {
            if (!counts) {
                return new Selection.LabelOnly(onData.temperatures());
            }
            return switch (rows) {
                case TOP_K_TAIL -> onData;
                case STUDENT_IDS -> new Selection.Chosen(k, onData.temperatures());
                case WHOLE -> new Selection.TopK(vocabularySize, onData.temperatures());
            };
        }
    }

    /** Reads them; absent where every step is on data. */
    static Optional<OnPolicySettings> of(Settings settings) {
        if (settings.number(Setting.ON_POLICY_SHARE, 0, 1, true) == 0
                && settings.text(Setting.ON_POLICY_SCHEDULE).equals("constant")) {
            requireNoneGiven(settings);
            return Optional.empty();
        }
        OnPolicySettings found = new OnPolicySettings(
                OwnTextSharing.of(settings),
                new MixedProposal(settings.number(Setting.TEACHER_MIXING, 0, 1, true)),
                settings.choice(Setting.MIXING_FORM, List.of("coin", "step")).equals("step"),
                Writing.of(settings),
                Phase.of(settings),
                policy(settings),
                SingleStep.of(settings),
                settings.number(Setting.CORPUS_LOSS_WEIGHT, 0, 1000, true),
                identity(settings));
        found.requireTogether(settings);
        return Optional.of(found);
    }

    private static void requireNoneGiven(Settings settings) {
        boolean evaluated = settings.integer(Setting.EVALUATE_RESPONSES, 0, 1 << 20) > 0;
        for (Setting setting : OWN) {
            // A server's bound has the same name in the environment, which both may be given.
            boolean meantForServer = setting == Setting.KV_CACHE_MIB;
            if (settings.isGiven(setting) && !meantForServer && !(evaluated && Writing.OWN.contains(setting))) {
                throw Settings.refused(
                        setting,
                        settings.text(setting),
                        "not given with on_policy_share=0, where the student writes nothing");
            }
        }
    }

    private void requireTogether(Settings settings) {
        if (policy.term() instanceof OwnText.None && !singleStep.counts()) {
            throw Settings.refused(
                    Setting.SINGLE_STEP, false, "true with policy=none, where nothing else is minimised");
        }
        if (!policy.weighsDraws() && !drawsFromStudent()) {
            throw Settings.refused(
                    Setting.POLICY,
                    settings.text(Setting.POLICY),
                    "none, returns or k1_advantage where teacher_mixing is not 0 or rollout_temperature or rollout_top_p not 1, as it"
                            + " does not make up for draws that are not the student's");
        }
        boolean coin =
                settings.choice(Setting.MIXING_FORM, List.of("coin", "step")).equals("coin");
        if (coin && proposal.mixing() > 0 && (writing.temperature() != 1 || writing.topP() != 1)) {
            throw Settings.refused(
                    Setting.MIXING_FORM,
                    "coin",
                    "step where rollout_temperature and rollout_top_p are not 1, since the student's coin mixes whole distributions");
        }
    }

    /** Refuses a teacher that is to draw and does not, before anything is evaluated. */
    static void requireDecodes(OnPolicySettings settings, TeacherDescription teacher) {
        if (settings.proposal.mixing() > 0 && !teacher.abilities().decodes()) {
            throw Settings.refused(
                    Setting.TEACHER_MIXING,
                    settings.proposal.mixing(),
                    "0 with the teacher " + teacher.name() + ", which does not decode");
        }
    }

    /** Whether tokens are drawn from the student's whole distribution. */
    private boolean drawsFromStudent() {
        return proposal.mixing() == 0 && writing.temperature() == 1 && writing.topP() == 1;
    }

    private static Map<String, String> identity(Settings settings) {
        Map<String, String> identity = new TreeMap<>();
        for (Setting setting : OWN) {
            String text = settings.text(setting);
            if (!OwnTextSharing.LATER.contains(setting)
                    || !setting.defaultValue().equals(Optional.of(text))) {
                identity.put(setting.key(), text);
            }
        }
        if (!settings.flag(Setting.DETERMINISTIC)) {
            // Room decides how many responses share a step, and with it nothing but last bits.
            identity.remove(Setting.KV_CACHE_MIB.key());
        }
        identity.put(Setting.ON_POLICY_SHARE.key(), settings.text(Setting.ON_POLICY_SHARE));
        identity.put("prompts", PROMPTS);
        return identity;
    }

    private static Policy policy(Settings settings) {
        String name = settings.text(Setting.POLICY);
        if (MEANINGLESS.containsKey(name)) {
            throw Settings.refused(
                    Setting.POLICY, name, "none, returns, k1_advantage, k2_loss or k3_loss: " + MEANINGLESS.get(name));
        }
        boolean singleStep = settings.flag(Setting.SINGLE_STEP);
        boolean paper = settings.choice(Setting.MINILLM_VARIANT, List.of("paper", "reference"))
                .equals("paper");
        // Read whatever the policy is, so that a wrong value is refused even where nothing is made of it.
        double clip = orInfinite(settings.number(Setting.RATIO_CLIP, 0, 1, true));
        Advantages own = advantages(settings, true, false);
        Advantages later = advantages(settings, !(paper && singleStep), true);
        return switch (settings.choice(
                Setting.POLICY, List.of("none", RETURNS, "k1_advantage", "k2_loss", "k3_loss"))) {
            case "none" -> new Policy(new OwnText.None(), Optional.empty());
            case "k2_loss" -> new Policy(new OwnText.SquaredLogRatio(), Optional.empty());
            case "k3_loss" -> new Policy(new OwnText.ForwardEstimator(), Optional.empty());
            case "k1_advantage" -> new Policy(new OwnText.ClippedRatio(clip, true, false), Optional.of(own));
            default -> new Policy(new OwnText.ClippedRatio(clip, !paper, paper), Optional.of(later));
        };
    }

    private static double orInfinite(double value) {
        return value == 0 ? Double.POSITIVE_INFINITY : value;
    }

    private static Advantages advantages(Settings settings, boolean includesOwn, boolean wholeReturn) {
        return new Advantages(
                includesOwn,
                wholeReturn,
                settings.number(Setting.DISCOUNT, 0, 1, false),
                settings.flag(Setting.LENGTH_NORMALISATION),
                Advantages.Whitening.valueOf(settings.choice(Setting.WHITENING, List.of("none", "tokens", "padded"))
                        .toUpperCase(Locale.ROOT)),
                settings.number(Setting.REWARD_SCALE, 1e-6, 1e6, true),
                orInfinite(settings.number(Setting.REWARD_CLIP, 0, 1e6, true)));
    }

    /**
     * The loss with what is minimised on own text.
     *
     * @param selection of the rows of data
     */
    DistillationLoss loss(Settings settings, DistillationLoss onData, Selection selection) {
        Optional<String> name = settings.optional(Setting.OWN_TEXT_LOSS);
        Loss own = name.map(OnPolicySettings::ownLoss).orElse(onData.loss());
        requireDefined(settings, name.isEmpty() ? Setting.LOSS : Setting.OWN_TEXT_LOSS, own, selection);
        return onData.with(
                new OwnText(own, name.isEmpty() ? onData.parameter() : parameter(own, onData), policy.term()));
    }

    /** Refuses rows of own text that their divergence says something else on. */
    private void requireDefined(Settings settings, Setting named, Loss own, Selection onData) {
        if (singleStep.choosesIds() && onData.keepsDraws()) { // a run has one treatment of what rows leave out
            throw Settings.refused(
                    Setting.SINGLE_STEP_ROWS,
                    settings.text(Setting.SINGLE_STEP_ROWS),
                    "top_k_tail or whole with selection=" + settings.text(Setting.SELECTION)
                            + ", whose shares of draws have no tail");
        }
        Setting rows = singleStep.choosesIds() ? Setting.SINGLE_STEP_ROWS : Setting.SELECTION;
        LossSettings.requireHead(
                settings, rows, singleStep.selection(onData, Selection.MAX_VOCABULARY_SIZE), named, own);
    }

    private static Loss ownLoss(String name) {
        try {
            return Loss.of(name);
        } catch (IllegalArgumentException e) {
            // It names the setting that most losses come from.
            throw new IllegalArgumentException("own_text_" + e.getMessage(), e);
        }
    }

    /** A loss's number; that of the data's loss where both are the same quantity, as the skew of DistiLLM-2 is. */
    private static OptionalDouble parameter(Loss own, DistillationLoss onData) {
        Optional<String> name = own.parameter().map(Loss.Parameter::name);
        return name.isPresent() && name.equals(onData.loss().parameter().map(Loss.Parameter::name))
                ? onData.parameter()
                : OptionalDouble.empty();
    }
}
