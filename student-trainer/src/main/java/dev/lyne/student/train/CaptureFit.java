package dev.lyne.student.train;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.wire.RowFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntSupplier;

/** The comparison of a capture that is planned with a run that will learn from it: what the run would be refused, before either begins. */
public final class CaptureFit {
    /** Settings that decide which windows there are. */
    private static final List<Setting> PACKING =
            List.of(Setting.CORPUS, Setting.TEXT_FIELD, Setting.TOKENIZER, Setting.BOS, Setting.EOS, Setting.CONTEXT);

    private CaptureFit() {}

    /**
     * Why the run could not learn from the capture; empty where it can.
     *
     * @param capture settings of the capture, or of the run that records a model in training
     * @param temperatures τ that the capture carries offsets for, beside those of its settings
     * @param trajectory whether the capture is of a model in training
     * @param vocabularySize asked only where a share of the vocabulary has to be counted
     */
    public static Optional<String> refusal(
            Settings run, Settings capture, List<Float> temperatures, boolean trajectory, IntSupplier vocabularySize) {
        TrainingConfig.Distillation asked = TrainingConfig.distillation(run);
        if (asked.steps().isPresent() != trajectory) {
            return Optional.of("targets_kind: " + run.text(Setting.TARGETS_KIND) + " (expected: "
                    + (trajectory ? "trajectory" : "data") + ", as they are recorded)");
        }
        for (Setting setting : PACKING) {
            List<String> held = capture.list(setting);
            if (!held.equals(run.list(setting))) {
                return Optional.of(setting.key() + ": " + String.join(", ", run.list(setting)) + " (expected: "
                        + String.join(", ", held) + ", as captured)");
            }
        }
        Optional<String> extent = trajectory ? steps(asked, capture) : windows(run, capture);
        return extent.isPresent()
                ? extent
                : rows(
                        asked,
                        TrainingConfig.distillation(capture),
                        temperatures,
                        vocabularySize,
                        narrows(run, capture, trajectory));
    }

    /** A server that a study starts is not deterministic; a model that is recorded in training is by default. */
    private static boolean narrows(Settings run, Settings capture, boolean trajectory) {
        return !trajectory || !run.flag(Setting.DETERMINISTIC) || !capture.flag(Setting.DETERMINISTIC);
    }

    private static Optional<String> windows(Settings run, Settings capture) {
        long held = capture.whole(Setting.WINDOWS, 0, 1L << 48);
        long wanted = run.whole(Setting.WINDOWS, 0, 1L << 48);
        return held == 0 || (wanted > 0 && wanted <= held)
                ? Optional.empty()
                : Optional.of("windows: " + (wanted == 0 ? "all" : wanted) + " (expected: at most " + held
                        + ", as are captured)");
    }

    private static Optional<String> steps(TrainingConfig.Distillation asked, Settings capture) {
        long held = capture.whole(Setting.STEPS, 0, 1L << 40);
        return asked.steps()
                .filter(steps -> held > 0 && steps.last() > held)
                .map(steps ->
                        "targets_steps: up to " + steps.last() + " (expected: at most " + held + ", as are recorded)");
    }

    private static Optional<String> rows(
            TrainingConfig.Distillation asked,
            TrainingConfig.Distillation captured,
            List<Float> temperatures,
            IntSupplier vocabularySize,
            boolean narrowing) {
        List<Float> all = new ArrayList<>(captured.selection().temperatures());
        temperatures.stream().filter(one -> one != 1f && !all.contains(one)).forEach(all::add);
        var held = new RowFormat(
                captured.selection().withTemperatures(all),
                captured.precision(),
                captured.loss().loss().needsLogits());
        boolean logits = asked.loss().loss().needsLogits();
        if (logits && !held.rawLogits()) {
            return Optional.of("loss: " + asked.loss().loss().key()
                    + " (expected: one that takes no logits, as targets hold rows of " + held + ")");
        }
        Precision precision = asked.asCaptured() ? held.precision() : asked.precision();
        var wanted = new RowFormat(asked.selection(), precision, asked.asCaptured() ? held.rawLogits() : logits);
        boolean counts = isShare(held.selection()) != isShare(wanted.selection());
        return held.refusal(wanted, counts ? vocabularySize.getAsInt() : Selection.MAX_VOCABULARY_SIZE, narrowing)
                .map(refusal -> "asked for " + refusal);
    }

    private static boolean isShare(Selection selection) {
        return selection instanceof Selection.TopFraction;
    }
}
