package dev.lyne.student.train;

import dev.lyne.student.loss.Loss;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a training run: one table for the file's keys, the environment ({@code LYNE_} and the key in capitals) and
 * the flags ({@code --} and the key with hyphens).
 */
public enum Setting {
    NAME(Group.RUN, "student", "Name of the run, for the teacher's metrics and the report"),
    OUT(Group.RUN, null, "Directory that everything is written to"),
    STUDENT(Group.RUN, null, "A model directory to start from, or a config.json to make a new model of"),
    TOKENIZER(
            Group.DATA,
            "",
            "Directory with tokenizer.json; by default the student's, else the teacher's as its server sends it"),
    CORPUS(Group.DATA, null, "Text files, JSON Lines (either as .gz or .zst, too) or directories to train on", true),
    HELD_OUT(Group.DATA, "", "The same, to evaluate on", true),
    TEXT_FIELD(Group.DATA, "", "Field of a JSON line that holds the text; by default text, or prompt and response"),
    SKIP_INVALID(Group.DATA, "false", "Pass over documents that cannot be read, counting them and naming the first"),
    BOS(Group.DATA, "auto", "Token before each document: auto (as the tokenizer says), none, or an id"),
    EOS(Group.DATA, "auto", "Token after each document: auto (as the tokenizer says), none, or an id"),
    CACHE(Group.DATA, "", "Directory of tokenised corpora; by default tokens within out"),
    WINDOWS(Group.DATA, "0", "Windows of the corpus to take, a fixed sample in which smaller ones are held; 0: all"),
    CONTEXT(Group.DATA, "256", "Most tokens in a window"),
    BATCH(Group.DATA, "16", "Windows in an optimiser step"),
    MICRO_BATCH_TOKENS(Group.DATA, "4096", "Most tokens, padding included, in one forward and backward"),
    STEPS(Group.SCHEDULE, "0", "Optimiser steps; 0: as many as epochs says"),
    EPOCHS(Group.SCHEDULE, "1", "Passes over the corpus, where steps is 0"),
    TEACHER(Group.TEACHER, "", "Teacher servers, HOST:PORT or dns:///NAME:PORT", true),
    TEACHER_NAME(Group.TEACHER, "", "Name of the teacher on its server; by default its only one"),
    TEACHERS(
            Group.TEACHER,
            "",
            "Several teachers in place of one, each as name=NAME;address=HOST:PORT with source=PATH, an input of corpus that it is asked"
                    + " for, or with weight=NUMBER, its share of all windows; in a file, a list of mappings (docs/training.md)",
            true),
    TLS(Group.TEACHER, "false", "Speak TLS to teacher servers, and believe whom the Java runtime believes"),
    TLS_CA(Group.TEACHER, "", "Speak TLS to them, and believe the certificates in this PEM file"),
    TLS_SERVER_NAME(Group.TEACHER, "", "Name that their certificates must have; by default the host that is asked"),
    TLS_CLIENT_CERT(Group.TEACHER, "", "Certificate to show them, in PEM, where they know callers by it"),
    TLS_CLIENT_KEY(Group.TEACHER, "", "Its private key, in PEM and PKCS#8"),
    TOKEN_FILE(Group.TEACHER, "", "File with the bearer token that they are shown"),
    INSECURE(Group.TEACHER, "false", "Speak to them in plain text on other hosts, too"),
    PRIORITY(
            Group.TEACHER,
            "",
            "How urgent the work is to them: interactive, training or capture; by default what the server takes for usual"),
    ROUTING(
            Group.TEACHER,
            "rate",
            "Which of several replicas is asked for a sequence: rate, the one that should answer first, or hash, the one that the"
                    + " sequence belongs to, so that replicas keep different rows"),
    TARGETS(Group.TARGETS, "", "Directory of captured targets to learn from, in place of a teacher server"),
    TARGETS_KIND(
            Group.TARGETS,
            "data",
            "Kind of captured targets: data, of one finished model, or trajectory, of a model as it stood at each step of its"
                    + " own training"),
    TARGETS_STEPS(
            Group.TARGETS,
            "",
            "Steps of a trajectory to learn from, FIRST-LAST; the corpus is then the windows of those steps"),
    RECORD_TARGETS(
            Group.TARGETS,
            "",
            "Directory to record what the model in training says of each step's windows to (pretrain)"),
    EXPORT_INITIAL(
            Group.RUN,
            "",
            "Directory to write the student to as it stands before step 1, with the windows and scheduled values of each step, so that"
                    + " another trainer can begin and go alike"),
    SELECTION(Group.TARGETS, "top_k", "Which entries of a teacher row are kept: " + SelectionSettings.NAMED),
    TOP_K(Group.TARGETS, "64", "Entries a row with top_k, most entries a row with top_p_k, tokens a row with chosen"),
    TOP_P(Group.TARGETS, "0.95", "Probability that a row's entries reach with top_p_k, in (0, 1]"),
    TRUNCATE_AT(
            Group.TARGETS,
            "raw",
            "Temperature that top_p is taken at with top_p_k: raw (1) or tempered (teacher_temperature)"),
    TOP_FRACTION(Group.TARGETS, "0.05", "Share of the vocabulary that a row keeps with top_fraction, in (0, 1]"),
    DRAWS(Group.TARGETS, "50", "Tokens drawn a row with draws"),
    HEAD(
            Group.TARGETS,
            "0",
            "Most probable tokens kept exactly beside the draws, which are then from the others; 0: none"),
    DRAW_SEED(Group.TARGETS, "0", "Seed of the draws"),
    ROW_PRECISION(
            Group.TARGETS,
            "compact",
            "How teacher rows are coded: exact (8 bytes an entry), half (4) or compact (about 1.2, within 1e-4 nats of"
                    + " divergence); with targets, as they were captured"),
    LOSS(
            Group.LOSS,
            "forward_kl",
            "Distillation loss: " + String.join(", ", Loss.keys())
                    + ", or the full name of a loss of your own (docs/losses.md)"),
    MISSING_MASS(
            Group.LOSS,
            "",
            "What is made of the mass that a row does not keep: tail_bucket, which is the default, renormalised, zero,"
                    + " both_renormalised, uniform or residual_to_gold"),
    LOSS_PARAMETER(
            Group.LOSS,
            "",
            "The number of jsd (beta, default 0.5), skew_forward_kl and skew_reverse_kl (alpha, 0.1), akl (head, 0.5) and decoupled_top_k"
                    + " (temperature, 1)"),
    SLIM_RATIO(
            Group.LOSS,
            "teacher_over_student",
            "Ratio that slim weighs rows by: teacher_over_student or student_over_teacher"),
    TAID_START(Group.LOSS, "0.4", "Where taid's target begins between the student, 0, and the teacher, 1"),
    ALPHA(
            Group.SCHEDULE,
            "0",
            "Highest weight of the distillation loss; the cross-entropy on the labels has 1 - alpha"),
    ALPHA_SCHEDULE(Group.SCHEDULE, "constant", "constant, linear_up, linear_down, cosine, wsd or periodic"),
    ALPHA_WARMUP_STEPS(Group.SCHEDULE, "0", "Steps over which alpha rises from 0, or per cent of all as 10%"),
    ALPHA_DECAY_STEPS(Group.SCHEDULE, "0", "Steps of the decay at the end of wsd, or per cent of all"),
    ALPHA_PERIOD_STEPS(Group.SCHEDULE, "0", "Steps from one high to the next with periodic, or per cent of all"),
    FINAL_ALPHA(Group.SCHEDULE, "0", "Lowest alpha, that linear_up starts at, others end at, and periodic returns to"),
    TEACHER_TEMPERATURE(Group.LOSS, "1", "Temperature of the teacher's distribution, the highest with a schedule"),
    TEMPERATURE_SCHEDULE(
            Group.SCHEDULE,
            "constant",
            "Of the teacher's temperature, in 8 values: constant, linear_up, linear_down or cosine"),
    FINAL_TEMPERATURE(Group.SCHEDULE, "", "Lowest teacher temperature with a schedule; by default 1"),
    STUDENT_TEMPERATURE(
            Group.LOSS,
            "1",
            "Temperature of the student's distribution in the distillation loss; or teacher, for the same"),
    TEMPERATURE_SQUARED(
            Group.LOSS, "true", "Whether the distillation loss counts the square of the student's temperature times"),
    IN_FLIGHT(Group.TEACHER, "64", "Windows asked of the teacher ahead of training"),
    RETRY_SECONDS(Group.TEACHER, "600", "Seconds without any progress after which the teacher is given up"),
    STUCK_SECONDS(
            Group.TEACHER,
            "20",
            "Seconds that a replica's device may stand still before others get its sequences; more than one forward takes"),
    HEDGE_MILLIS(
            Group.TEACHER,
            "0",
            "Milliseconds that a window may go unanswered before another replica is asked for it, too, one at a time and at most one in"
                    + " twenty; 0: never"),
    MIN_COVERAGE(Group.TEACHER, "1.0", "Least share of a step's targets that must be there for it to be applied"),
    MAX_TAIL_ERROR(
            Group.TEACHER,
            "1e-5",
            "Greatest error of a teacher's tail masses, as it states it, that reverse_kl, akl, jsd at 1 and skew_reverse_kl at 0 are"
                    + " minimised with: an engine behind the server does not say what is left of 1"),
    ON_POLICY_SHARE(
            Group.ON_POLICY,
            "0",
            "Share of the steps that are on text which the student writes itself; 0: none, 1: all"),
    ON_POLICY_SCHEDULE(
            Group.ON_POLICY,
            "constant",
            "Of that share: constant, or adaptive (DistiLLM: it begins there and rises by on_policy_rise whenever the held-out loss is"
                    + " on_policy_tolerance above what it was at the last rise)"),
    ON_POLICY_RISE(Group.ON_POLICY, "0.1", "What the share rises by with on_policy_schedule=adaptive, up to 1"),
    ON_POLICY_TOLERANCE(Group.ON_POLICY, "0.1", "How far the held-out loss may go up before that, nats a token"),
    REPLAY_CAPACITY(
            Group.ON_POLICY, "0", "Newest responses of the student's that are kept to be trained on again; 0: none"),
    REPLAY_SCHEDULE(
            Group.ON_POLICY,
            "decreasing",
            "Share of the steps on own text whose responses are new, once so many are kept: decreasing (from 1 to 0 over the run),"
                    + " constant (half) or increasing (from 0 to 1)"),
    TEACHER_MIXING(Group.ON_POLICY, "0", "Share of the tokens of such a text that the teacher draws (MiniLLM's alpha)"),
    MIXING_FORM(
            Group.ON_POLICY,
            "coin",
            "Who decides whose draw a token is: coin (the student: one round trip for each of the teacher's draws) or step (the"
                    + " server, token by token, which takes any temperature and top_p)"),
    ROLLOUTS(Group.ON_POLICY, "0", "Responses that are written at a time, a multiple of batch; 0: batch"),
    PROMPT_TOKENS(
            Group.ON_POLICY,
            "32",
            "Tokens of a plain document that are a prompt, at most half of its window; records bring their own"),
    RESPONSE_TOKENS(Group.ON_POLICY, "128", "Most tokens of a response"),
    ROLLOUT_TEMPERATURE(Group.ON_POLICY, "1", "Temperature that responses are drawn at, by student and teacher"),
    ROLLOUT_TOP_P(
            Group.ON_POLICY,
            "1",
            "Probability that draws are from, by student and teacher: the smallest set that reaches it"),
    KV_CACHE_MIB(Group.ON_POLICY, "1024", "Most memory for keys and values of responses in the making, MiB"),
    POLICY(
            Group.ON_POLICY,
            "none",
            "What is minimised of the tokens of such a text beside the divergence of their rows: none; returns (MiniLLM: rewards of"
                    + " later tokens); k1_advantage (a token's own log-ratio as its advantage); k2_loss; k3_loss (forward KL)"),
    OWN_TEXT_LOSS(Group.ON_POLICY, "", "Divergence on rows of such a text; by default that of loss"),
    SINGLE_STEP(Group.ON_POLICY, "true", "Whether that divergence counts at all"),
    SINGLE_STEP_ROWS(
            Group.ON_POLICY,
            "top_k_tail",
            "Rows that it is taken on: top_k_tail (a lower bound of the reverse KL), student_ids (the student's top_k most probable"
                    + " ids) or whole (the vocabulary)"),
    MINILLM_VARIANT(
            Group.ON_POLICY,
            "paper",
            "With policy=returns: paper (a token's own reward is left to single_step where that is on; a row's divergence is weighted"
                    + " as the draw is; the weight stands outside the clip) or reference (as the official code: neither)"),
    LENGTH_NORMALISATION(Group.ON_POLICY, "true", "Whether a return is divided by the number of its rewards"),
    DISCOUNT(Group.ON_POLICY, "1", "Factor of each later reward in a return, above 0, at most 1"),
    WHITENING(
            Group.ON_POLICY,
            "none",
            "Of advantages: none, tokens (mean 0, variance 1 over all tokens) or padded (as MiniLLM's official code)"),
    RATIO_CLIP(
            Group.ON_POLICY, "0.2", "How far the ratio of new and old student may go from 1 and still teach; 0: any"),
    REWARD_SCALE(Group.ON_POLICY, "1", "What rewards are divided by"),
    REWARD_CLIP(Group.ON_POLICY, "0", "Greatest absolute reward after that; 0: any"),
    CORPUS_LOSS_WEIGHT(
            Group.ON_POLICY,
            "0",
            "Weight of the loss on as many windows of the corpus beside each step on such a text; 0: none"),
    PPO_EPOCHS(Group.ON_POLICY, "1", "Times that each response is trained on"),
    MAX_STALENESS(
            Group.ON_POLICY,
            "0",
            "Phases of responses that are written before their turn, so that the teacher scores them while others are trained on; 0:"
                    + " none, strictly on-policy"),
    LEARNING_RATE(Group.SCHEDULE, "1e-3", "Highest learning rate"),
    SCHEDULE(
            Group.SCHEDULE,
            "cosine",
            "Of the learning rate: constant, linear_up, linear_down, cosine, wsd or periodic"),
    WARMUP_STEPS(Group.SCHEDULE, "0", "Steps over which the learning rate rises from 0, or per cent of all as 10%"),
    DECAY_STEPS(Group.SCHEDULE, "0", "Steps of the decay at the end of wsd, or per cent of all"),
    PERIOD_STEPS(Group.SCHEDULE, "0", "Steps from one high to the next with periodic, or per cent of all"),
    FINAL_LEARNING_RATE(
            Group.SCHEDULE,
            "0",
            "Lowest learning rate, that linear_up starts at, others end at, and periodic returns to"),
    CLIP_NORM(Group.RUN, "1.0", "Global gradient norm to clip at; 0: none"),
    WEIGHT_DECAY(Group.RUN, "0.1", "Decoupled weight decay of matrices"),
    BETA1(Group.RUN, "0.9", "AdamW's beta 1"),
    BETA2(Group.RUN, "0.95", "AdamW's beta 2"),
    EPSILON(Group.RUN, "1e-8", "AdamW's epsilon"),
    SEED(Group.RUN, "0", "Seed of initialisation and of the order of windows"),
    DEVICE(Group.RUN, "cpu", "cpu or cuda:N"),
    PRECISION(Group.RUN, "float32", "Format of matrix products: float32 or bfloat16"),
    THREADS(Group.RUN, "0", "Threads of an operator and of tokenisation; 0: one for each processor"),
    DETERMINISTIC(
            Group.RUN,
            "true",
            "Whether a resumed run must repeat bit for bit: teacher fingerprint and threads may not change"),
    ROW_CHUNK(Group.RUN, "256", "Rows of logits that exist at a time"),
    RECOMPUTE(
            Group.RUN,
            "false",
            "Whether the way back computes each layer again, to the same bits: a third more time, and memory for one layer in place"
                    + " of all"),
    EVALUATE_EVERY(
            Group.RUN, "0", "Steps between evaluations on held_out; 0: before the first and after the last only"),
    HELD_OUT_WINDOWS(Group.RUN, "0", "Most held-out windows to evaluate, evenly spread; 0: all"),
    HELD_OUT_PART(
            Group.RUN,
            "all",
            "Documents of held_out that are evaluated on: all, validation (every third, from the first) or test (the others)"),
    CHECKPOINT_EVERY(Group.RUN, "0", "Steps between checkpoints, beside those of checkpoint_minutes; 0: none"),
    CHECKPOINT_MINUTES(Group.RUN, "5", "Minutes between checkpoints; 0: none"),
    KEEP_CHECKPOINTS(Group.RUN, "2", "Newest checkpoints that are kept"),
    EVALUATE_RESPONSES(
            Group.RUN,
            "0",
            "Held-out prompts that the student responds to after the last step, for Rouge-L, length and variety; 0: none"),
    LOG_EVERY(Group.RUN, "1", "Steps between lines of metrics.jsonl"),
    STORED_TYPE(Group.RUN, "float32", "Type that the student's weights are stored in: float32, bfloat16 or float16"),
    SAMPLES(Group.RUN, "3", "Continuations to sample from held-out beginnings after the last step");

    private final Group group;
    private final Optional<String> defaultValue;
    private final String description;
    private final boolean list;

    Setting(Group group, @Nullable String defaultValue, String description) {
        this(group, defaultValue, description, false);
    }

    Setting(Group group, @Nullable String defaultValue, String description, boolean list) {
        this.group = group;
        this.defaultValue = Optional.ofNullable(defaultValue);
        this.description = description;
        this.list = list;
    }

    /** Name in a configuration file. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Name on a command line. */
    public String flag() {
        return "--" + key().replace('_', '-');
    }

    /** Name in the environment. */
    public String environmentName() {
        return "LYNE_" + name();
    }

    /** Returns the description, for people. */
    public String description() {
        return description;
    }

    /** Value where none is given; absent where one must be. */
    public Optional<String> defaultValue() {
        return defaultValue;
    }

    /** Group of settings in help, by what they are about. */
    public enum Group {
        DATA("Data"),
        TEACHER("Teacher"),
        TARGETS("Targets"),
        LOSS("Loss"),
        ON_POLICY("On-policy"),
        SCHEDULE("Schedule"),
        RUN("Run");

        private final String heading;

        Group(String heading) {
            this.heading = heading;
        }

        /** Name for people. */
        public String heading() {
            return heading;
        }
    }

    /** Returns the group that the setting is in. */
    public Group group() {
        return group;
    }

    /** Returns whether the setting takes several values. */
    public boolean isList() {
        return list;
    }

    /** Whether naming it is enough to switch it on. */
    public boolean isSwitch() {
        return defaultValue.equals(Optional.of("false"));
    }

    private static final Map<String, Boolean> KEYS = Collections.unmodifiableMap(Arrays.stream(values())
            .collect(Collectors.toMap(Setting::key, Setting::isList, (one, other) -> one, LinkedHashMap::new)));

    /** Keys of earlier versions, and what they are called now. */
    private static final Map<String, Setting> RENAMED =
            Map.of("k", TOP_K, "p", TOP_P, "fraction", TOP_FRACTION, "target_precision", ROW_PRECISION);

    /** The setting that had that key in an earlier version; empty where none had. */
    public static Optional<Setting> renamed(String key) {
        return Optional.ofNullable(RENAMED.get(key));
    }

    /** Flags of earlier versions, and what they are called now. */
    public static Map<String, String> renamedFlags() {
        return RENAMED.entrySet().stream()
                .collect(Collectors.toMap(
                        entry -> "--" + entry.getKey().replace('_', '-'),
                        entry -> entry.getValue().flag()));
    }

    /** The setting of that key in a file; refuses any other, naming the nearest. */
    public static Setting ofKey(String key, String where) {
        requireKnown(key, where, KEYS.keySet());
        return valueOf(key.toUpperCase(Locale.ROOT));
    }

    /** Every key, with whether it takes several values. */
    public static Map<String, Boolean> keys() {
        return KEYS;
    }

    /** Refuses a key that is not known, naming the nearest that is, or the present name of an old one. */
    static void requireKnown(String key, String where, Set<String> known) {
        if (known.contains(key)) {
            return;
        }
        Optional<Setting> renamed = renamed(key).filter(setting -> known.contains(setting.key()));
        throw new IllegalArgumentException(where + ": "
                + renamed.map(setting -> key + " is an old name (expected: " + setting.key() + ")")
                        .orElseGet(() -> "unknown key " + key + " (expected: " + nearest(key, known) + "?)"));
    }

    /** The name that takes the fewest edits to reach; of several, the first that begins alike. */
    public static String nearest(String name, Collection<String> names) {
        return names.stream()
                .min(Comparator.<String>comparingInt(other -> editDistance(name, other))
                        .thenComparing(other -> name.isEmpty() || other.charAt(0) != name.charAt(0)))
                .orElseThrow();
    }

    /** Levenshtein's distance. */
    private static int editDistance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int above = row[j];
                int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(substituted, Math.min(above, row[j - 1]) + 1);
                diagonal = above;
            }
        }
        return row[b.length()];
    }
}
