package dev.lyne.student.train;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.Trainable;
import dev.lyne.student.capture.Recorder;
import dev.lyne.student.tokens.Windows;
import dev.lyne.wire.RowFormat;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CapturedTeacher;
import dev.lyne.wire.capture.CapturedTrajectory;
import dev.lyne.wire.capture.StepRange;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The settings about targets of a model in training: recording them, and learning from them. */
final class TrajectorySettings {
    /** Steps of a shard where there are no checkpoints in between. */
    private static final long SHARD_STEPS = 100;

    private static final Pattern RANGE = Pattern.compile("([0-9]{1,15})-([0-9]{1,15})");

    private TrajectorySettings() {}

    /**
     * The steps whose rows are to be learnt from; empty for a capture of one finished model.
     *
     * @throws IllegalArgumentException where a kind has no steps, or steps have no kind
     */
    static Optional<StepRange> steps(Settings settings) {
        String kind = settings.choice(Setting.TARGETS_KIND, List.of(CaptureManifest.DATA, CaptureManifest.TRAJECTORY));
        String text = settings.text(Setting.TARGETS_STEPS);
        if (kind.equals(CaptureManifest.DATA)) {
            if (!text.isEmpty()) {
                throw Settings.refused(Setting.TARGETS_STEPS, text, "not given with targets_kind=data");
            }
            return Optional.empty();
        }
        Matcher range = RANGE.matcher(text);
        if (!range.matches() || Long.parseLong(range.group(1)) < 1) {
            throw Settings.refused(Setting.TARGETS_STEPS, text, "FIRST-LAST with targets_kind=trajectory, from 1");
        }
        return Optional.of(new StepRange(Long.parseLong(range.group(1)), Long.parseLong(range.group(2))));
    }

    /** Refuses a configuration whose rows cannot be recorded. */
    static void requireRecordable(TrainingConfig config) {
        TrainingConfig.Distillation form = config.distillation();
        if (!form.selection().keepsPrefix()) {
            throw Settings.refused(
                    Setting.SELECTION,
                    SelectionSettings.describe(form.selection()),
                    "top_k, top_p_k or top_fraction with record_targets");
        }
        if (!config.run().model().precision().torchName().equals("float32")) {
            throw Settings.refused(
                    Setting.PRECISION, config.run().model().precision().torchName(), "float32 with record_targets");
        }
    }

    /** The capture that a run records: its teacher is the run itself, by the digest of what decides it. */
    static CaptureManifest planned(
            TrainingConfig config,
            long steps,
            Windows windows,
            Tokenizer tokenizer,
            Trainable model,
            Map<String, String> run) {
        if (windows.hasTeacherPrompts()) {
            throw Settings.refused(
                    Setting.RECORD_TARGETS,
                    config.run().recordTargets().orElseThrow(),
                    "not given with a corpus that has teacher_prompt, as a model in training sees the student's prompts");
        }
        long every = config.run().checkpoints().every();
        TrainingConfig.Distillation form = config.distillation();
        return CaptureManifest.planned(
                new CapturedTeacher(
                        config.name(),
                        digest(config, run),
                        HexFormat.of().formatHex(tokenizer.digest()),
                        tokenizer.vocabularySize(),
                        model.configuration().sizes().contextLength(),
                        model.configuration().modelType(),
                        model.parameters(),
                        config.run().deterministic(),
                        0,
                        model.fingerprint()),
                new RowFormat(
                        form.selection(), form.precision(), form.loss().loss().needsLogits()),
                Recorder.packing(windows),
                new CapturedTrajectory(config.data().batch(), steps),
                (int) Math.min(steps, every > 0 ? every : SHARD_STEPS));
    }

    /** SHA-256 over everything that decides the run: its identity, which holds what its student computes, and its seed. */
    private static String digest(TrainingConfig config, Map<String, String> run) {
        TreeMap<String, String> all = new TreeMap<>(run);
        all.put("seed", Long.toString(config.run().seed()));
        String text = all.entrySet().stream()
                .map(entry -> entry.getKey() + " " + entry.getValue() + "\n")
                .collect(Collectors.joining("", "lyne training run 1\n", ""));
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: every JDK has it", e);
        }
    }
}
