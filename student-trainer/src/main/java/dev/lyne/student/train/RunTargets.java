package dev.lyne.student.train;

import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.capture.CaptureSource;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.capture.Recorder;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.Loss;
import dev.lyne.student.tokens.Windows;
import dev.lyne.wire.RowFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** Source of a run's targets, and what is asked of it. */
final class RunTargets {
    private RunTargets() {}

    /** Teachers, or a capture of what they said of these very windows. */
    static TargetSource open(TrainingConfig config, TrainingSession.TrainingResources resources, Windows windows)
            throws IOException {
        Optional<Path> captured = config.distillation().targets();
        if (captured.isEmpty()) {
            return resources.openTeachers(config);
        }
        int inFlight = config.distillation().inFlight();
        CaptureSource source = CaptureSource.open(
                captured.get(),
                new CaptureSource.Options(
                        inFlight,
                        (long) inFlight * config.data().context(),
                        config.distillation().steps(),
                        !config.run().deterministic()));
        source.requirePacking(Recorder.packing(windows));
        return source;
    }

    /**
     * Returns the request of a run with these settings to its teacher, or to a capture.
     *
     * @param sameBits whether replicas have to agree on the last bits
     */
    static TargetRequest request(
            TrainingConfig.Distillation settings,
            TargetSource source,
            Tokenizer tokenizer,
            @Nullable String teacherDigest,
            boolean sameBits) {
        TeacherExpectation expectation = expectation(tokenizer, teacherDigest);
        requireTails(settings, source.describe().tailError());
        boolean logits = settings.loss().loss().needsLogits();
        if (settings.asCaptured() && source instanceof CaptureSource capture) {
            RowFormat held = capture.manifest().rows();
            if (logits && !held.rawLogits()) {
                throw Settings.refused(
                        Setting.LOSS,
                        settings.loss().loss().key(),
                        "one that takes no logits, as targets hold rows of " + held);
            }
            return new TargetRequest(settings.selection(), held.precision(), held.rawLogits(), expectation);
        }
        return new TargetRequest(settings.selection(), settings.precision(), logits, expectation, sameBits);
    }

    /** A teacher with this tokenizer, and of that digest where one is meant. */
    static TeacherExpectation expectation(Tokenizer tokenizer, @Nullable String teacherDigest) {
        return new TeacherExpectation(
                teacherDigest, HexFormat.of().formatHex(tokenizer.digest()), tokenizer.vocabularySize(), null);
    }

    /** The log of a student's tail mass over the teacher's is what a reverse divergence adds up: it must not be noise. */
    static void requireTails(TrainingConfig.Distillation settings, double tailError) {
        DistillationLoss loss = settings.loss();
        requireTails(Setting.LOSS, loss.loss(), loss.parameter(), settings, tailError);
        loss.ownText()
                .ifPresent(
                        own -> requireTails(Setting.OWN_TEXT_LOSS, own.loss(), own.parameter(), settings, tailError));
    }

    private static void requireTails(
            Setting setting,
            Loss loss,
            OptionalDouble parameter,
            TrainingConfig.Distillation settings,
            double tailError) {
        double most = settings.accepted().maxTailError();
        if (loss.isReverse(parameter.orElse(0)) && tailError > most) {
            throw Settings.refused(
                    setting,
                    loss.key(),
                    "another, since the teacher's tail_error is " + tailError + " and --max-tail-error is " + most);
        }
    }

    /** A sample of so many windows; all where that is 0. */
    static Windows sampled(Windows windows, long size) {
        return size == 0 ? windows : windows.sample(size);
    }
}
