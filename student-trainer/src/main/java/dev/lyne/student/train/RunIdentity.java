package dev.lyne.student.train;

import dev.lyne.client.TeacherDescription;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.student.checkpoint.Checkpoint;
import dev.lyne.student.checkpoint.CheckpointMismatchException;
import dev.lyne.student.evaluate.HeldOutLoss;
import dev.lyne.student.tokens.PackingDigest;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Identity of a run, by name: all that has to be the same for it to go on from a checkpoint as if it had never stopped.
 */
final class RunIdentity {
    private static final String TEACHER = "teacher.";
    private static final String FINGERPRINT = ".fingerprint";
    static final String STEPS = "steps";
    static final String PARENT = "parent.";
    private static final String STUDENT = "student.";
    private static final String HELD_OUT_CORPUS = "held_out.corpus";

    /** Names of what is found in the world and is no setting: another value is not wrong usage. */
    private static final List<String> FOUND = List.of(
            "packing.tokenizer", "packing.corpus", "packing.digest", HELD_OUT_CORPUS, "teacher.", "fingerprint");

    /** Names of what bits depend on beside the settings: given up together by a run that is not deterministic. */
    private static final Set<String> BITS = Set.of("deterministic", "device", "threads", "fingerprint");

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private RunIdentity() {}

    private static boolean isOfBits(String name) {
        return BITS.contains(name) || name.startsWith(TEACHER) && name.endsWith(FINGERPRINT);
    }

    /**
     * The name that a teacher's model digest has.
     *
     * @param teacher its name among several; empty: it is the only one
     */
    static String teacherModel(String teacher) {
        return ofTeacher(teacher) + "model_digest";
    }

    private static String ofTeacher(String teacher) {
        return teacher.isEmpty() ? TEACHER : TEACHER + teacher + ".";
    }

    /**
     * Refuses to go on where what must be equal differs, naming every difference with both values. The number of steps may differ; a
     * run may stop being deterministic.
     *
     * @throws IllegalArgumentException where a setting differs
     * @throws CheckpointMismatchException where the world does: the corpus, the teacher, the machine
     */
    static void requireSame(Map<String, String> now, Checkpoint checkpoint) throws CheckpointMismatchException {
        Map<String, String> before = checkpoint.run().identity();
        TreeSet<String> names = new TreeSet<>(now.keySet());
        names.addAll(before.keySet());
        names.remove(STEPS);
        if ("false".equals(now.get("deterministic"))) {
            names.removeIf(RunIdentity::isOfBits);
        }
        TreeMap<String, String> differences = differences(names, now, before);
        if (differences.isEmpty()) {
            return;
        }
        boolean bits = differences.keySet().stream().anyMatch(RunIdentity::isOfBits);
        String message = "cannot resume from " + checkpoint.directory() + ", which was written with other settings; "
                + String.join("; ", differences.values())
                + (bits ? "; --deterministic false goes on with other bits" : "");
        if (differences.keySet().stream().allMatch(name -> FOUND.stream().anyMatch(name::startsWith))) {
            throw new CheckpointMismatchException(message);
        }
        throw new IllegalArgumentException(message);
    }

    /**
     * Refuses to begin with the weights of another run whose student computes something else with them.
     *
     * @throws IllegalArgumentException names every key that differs, with both values
     */
    static void requireSameStudent(Map<String, String> now, Checkpoint parent) {
        Map<String, String> before = parent.run().identity();
        TreeSet<String> names = new TreeSet<>(now.keySet());
        names.addAll(before.keySet());
        names.removeIf(name -> !name.startsWith(STUDENT));
        TreeMap<String, String> differences = differences(names, now, before);
        if (!differences.isEmpty()) {
            throw new IllegalArgumentException("fork: " + parent.directory() + " is of another student; "
                    + String.join("; ", differences.values()));
        }
    }

    /** By name, each as "name: value now (expected: value before)". */
    private static TreeMap<String, String> differences(
            Set<String> names, Map<String, String> now, Map<String, String> before) {
        TreeMap<String, String> differences = new TreeMap<>();
        for (String name : names) {
            String expected = before.getOrDefault(name, "absent");
            String current = now.getOrDefault(name, "absent");
            if (!expected.equals(current)) {
                differences.put(name, name + ": " + current + " (expected: " + expected + ")");
            }
        }
        return differences;
    }

    /** @param teachers by their names among several; an only one by the empty name */
    static TreeMap<String, String> of(
            TrainingConfig config,
            long steps,
            PackingDigest packing,
            ModelConfiguration student,
            String studentFingerprint,
            Map<String, TeacherDescription> teachers) {
        TreeMap<String, String> identity = new TreeMap<>();
        identity.put("packing.tokenizer", packing.tokenizerSha256());
        identity.put("packing.corpus", packing.corpusSha256());
        identity.put("packing.document_rule", packing.documentRule());
        identity.put("packing.window_rule", packing.windowRule());
        identity.put("packing.context", Integer.toString(packing.context()));
        identity.put("packing.overlap", Integer.toString(packing.overlap()));
        identity.put("packing.order_seed", Long.toString(packing.orderSeed()));
        identity.put("packing.digest", packing.sha256());
        identity.put("windows", Long.toString(config.data().windows()));
        identity.put(STEPS, Long.toString(steps));
        identity.put("batch", Integer.toString(config.data().batch()));
        identity.put("micro_batch_tokens", Integer.toString(config.data().microBatchTokens()));
        identity.put("row_chunk", Integer.toString(config.run().memory().rowChunk()));
        identity.put("deterministic", Boolean.toString(config.run().deterministic()));
        identity.put("precision", config.run().model().precision().torchName());
        putStudent(identity, STUDENT, JSON.readTree(student.canonicalArithmetic()));
        putOptimization(identity, config.optimization());
        putDistillation(identity, config.distillation());
        config.onPolicy().ifPresent(settings -> identity.putAll(settings.identity()));
        teachers.forEach((name, described) -> {
            identity.put(teacherModel(name), described.modelDigest());
            identity.put(ofTeacher(name) + "tokenizer_digest", described.tokenizerDigest());
            if (config.run().deterministic()) {
                identity.put(ofTeacher(name) + "fingerprint", bits(described));
            }
        });
        if (config.run().deterministic()) {
            identity.put("device", config.run().model().device());
            identity.put("threads", Integer.toString(config.run().model().threads()));
            identity.put("fingerprint", studentFingerprint);
        }
        return identity;
    }

    /** Returns in words what a teacher's last bits depend on, or that it promises none. */
    private static String bits(TeacherDescription teacher) {
        return teacher.fingerprint() + (teacher.deterministic() ? "" : ", not deterministic");
    }

    /**
     * Returns what the held-out loss is of and when it is taken, where the share of steps on own text follows it; else
     * nothing.
     */
    static Map<String, String> ofEvaluation(TrainingConfig config, Optional<HeldOutLoss> heldOut) {
        boolean followed =
                config.onPolicy().flatMap(own -> own.sharing().adaptation()).isPresent();
        if (!followed || heldOut.isEmpty()) {
            return Map.of();
        }
        TrainingConfig.HeldOut settings = config.data().heldOut();
        return Map.of(
                HELD_OUT_CORPUS,
                heldOut.get().windows().packing(0).corpusSha256(),
                Setting.HELD_OUT_PART.key(),
                settings.part().name().toLowerCase(Locale.ROOT),
                Setting.HELD_OUT_WINDOWS.key(),
                Integer.toString(settings.windows()),
                Setting.EVALUATE_EVERY.key(),
                Long.toString(config.run().evaluateEvery()));
    }

    /** Adds the student's arithmetic, a name for each key: {@code student.rope_scaling.factor}. */
    private static void putStudent(TreeMap<String, String> identity, String prefix, JsonNode arithmetic) {
        for (Map.Entry<String, JsonNode> entry : arithmetic.properties()) {
            String name = prefix + entry.getKey();
            if (entry.getValue().isObject()) {
                putStudent(identity, name + ".", entry.getValue());
            } else {
                JsonNode value = entry.getValue();
                identity.put(name, value.isString() ? value.stringValue() : value.toString());
            }
        }
    }

    private static void putOptimization(TreeMap<String, String> identity, TrainingConfig.Optimization optimization) {
        identity.put("learning_rate", Double.toString(optimization.learningRate()));
        identity.put("schedule", optimization.schedule().describe());
        identity.put("clip_norm", Double.toString(optimization.clipNorm()));
        identity.put("weight_decay", Double.toString(optimization.weightDecay()));
        identity.put("beta1", Double.toString(optimization.beta1()));
        identity.put("beta2", Double.toString(optimization.beta2()));
        identity.put("epsilon", Double.toString(optimization.epsilon()));
    }

    private static void putDistillation(TreeMap<String, String> identity, TrainingConfig.Distillation distillation) {
        identity.put("alpha", Double.toString(distillation.alpha()));
        if (!distillation.enabled()) {
            return;
        }
        identity.put("selection", SelectionSettings.describe(distillation.selection()));
        identity.put("row_precision", SelectionSettings.describePrecision(distillation));
        identity.putAll(LossSettings.identity(distillation.loss()));
        distillation.steps().ifPresent(steps -> identity.put("targets_steps", steps.first() + "-" + steps.last()));
        identity.put("alpha_schedule", distillation.alphaSchedule().describe());
        identity.put("temperatures", distillation.temperatures().describe());
        identity.put("min_coverage", Double.toString(distillation.minCoverage()));
    }
}
