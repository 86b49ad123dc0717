package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.training.Trainable;
import dev.lyne.student.checkpoint.Checkpoint;
import dev.lyne.student.checkpoint.CheckpointStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A run that ends in whatever way leaves its last finished step, and goes on from there bit for bit. */
final class EveryExitSavesTest {
    private static final Map<Setting, String> FEW_CHECKPOINTS =
            Map.of(Setting.CHECKPOINT_EVERY, "0", Setting.STEPS, "6", Setting.EVALUATE_EVERY, "2");

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"exception", "error", "io", "interrupted"})
    void train_endedAnyhow_goesOnFromTheLastFinishedStep(String how) throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Trainer.train(tiny.config("whole", FEW_CHECKPOINTS), RunStart.AFRESH, ProgressListener.none());
        TrainingConfig config = tiny.config("parts", FEW_CHECKPOINTS);
        List<String> notices = new ArrayList<>();
        Throwable end = switch (how) {
            case "exception" -> new IllegalStateException("the teacher is gone");
            case "error" -> new AssertionError("a bug");
            case "io" -> new UncheckedIOException(new IOException("disk"));
            default -> new InterruptedException();
        };
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, endingAfter(3, end, notices)))
                .isSameAs(end);
        assertThat(newest("parts").run().step()).isEqualTo(3);
        assertThat(notices)
                .hasSize(2)
                .last()
                .isEqualTo("step 3: checkpoint written before the end; --resume goes on from it");
        Trainer.train(config, RunStart.RESUMED, ProgressListener.none());
        assertSameModel("parts", "whole");
    }

    /** A step may take longer than a process that is told to end is left: it is not waited for. */
    @Test
    void train_askedToStopBetweenMicroBatches_leavesTheStepAndGoesOnFromTheLastFinishedOne() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Trainer.train(tiny.config("whole", FEW_CHECKPOINTS), RunStart.AFRESH, ProgressListener.none());
        TrainingConfig config = tiny.config("parts", FEW_CHECKPOINTS);
        AtomicInteger microBatches = new AtomicInteger();
        AtomicLong finished = new AtomicLong();
        ProgressListener listener = new ProgressListener() {
            @Override
            public void onStep(Step step) {
                finished.set(step.step());
                microBatches.set(0);
            }

            @Override
            public boolean isStopRequested() {
                return finished.get() == 3 && microBatches.get() == 1;
            }
        };
        var session = new TrainingSession(config, counting(microBatches), listener);
        assertThatThrownBy(() -> session.run(RunStart.AFRESH))
                .isInstanceOf(TrainingStoppedException.class)
                .hasMessage(
                        "stopped as asked in step 4, nothing of which was applied, after step 3 of 6; resume goes on"
                                + " from there");
        assertThat(microBatches)
                .as("micro-batches of step 4 that were worked on")
                .hasValue(1);
        assertThat(newest("parts").run().step()).isEqualTo(3);
        Trainer.train(config, RunStart.RESUMED, ProgressListener.none());
        assertSameModel("parts", "whole");
    }

    /** Students that count the micro-batches that they work on. */
    private static Trainer.OpenedResources counting(AtomicInteger microBatches) {
        return new Trainer.OpenedResources() {
            @Override
            public TrainingSession.Student openStudent(TrainingConfig config, int vocabularySize) {
                TrainingSession.Student real = super.openStudent(config, vocabularySize);
                Trainable model = (Trainable) Proxy.newProxyInstance(
                        Trainable.class.getClassLoader(),
                        new Class<?>[] {Trainable.class},
                        (proxy, method, arguments) -> {
                            Object result = method.invoke(real.model(), arguments);
                            if (method.getName().equals("accumulate")) {
                                microBatches.incrementAndGet();
                            }
                            return result;
                        });
                return new TrainingSession.Student(model, real.fingerprint());
            }
        };
    }

    @Test
    void train_outOfMemory_writesNothingMore() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        TrainingConfig config = tiny.config("out", FEW_CHECKPOINTS);
        var end = new OutOfMemoryError("heap");
        List<String> notices = new ArrayList<>();
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, endingAfter(3, end, notices)))
                .isSameAs(end);
        assertThat(notices)
                .last()
                .isEqualTo("out of memory after step 3: there is no checkpoint; the same command begins anew");
        assertThat(new CheckpointStore(new RunDirectory(config.out()).checkpoints(), 1).latest())
                .isEmpty();
    }

    /** The model stands between two steps: the checkpoint before stays the newest, and the user is told which that is. */
    @ParameterizedTest
    @ValueSource(ints = {1, 4, 5})
    void train_errorWithinTheOptimisersStep_tellsTheCheckpointThatStands(int brokenStep) throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Map<Setting, String> settings = new HashMap<>(FEW_CHECKPOINTS);
        settings.put(Setting.CHECKPOINT_EVERY, "3");
        Trainer.train(tiny.config("whole", settings), RunStart.AFRESH, ProgressListener.none());
        TrainingConfig config = tiny.config("parts", settings);
        List<String> notices = new ArrayList<>();
        ProgressListener listener = endingAfter(-1, new IllegalStateException(), notices);
        var end = new AssertionError("a bug of the optimiser");
        var session = new TrainingSession(config, breakingOff(brokenStep, end), listener);
        assertThatThrownBy(() -> session.run(RunStart.AFRESH)).isSameAs(end);
        boolean first = brokenStep == 1;
        assertThat(notices)
                .last()
                .isEqualTo(
                        "step " + brokenStep + " broke off midway, and the model stands between two steps: "
                                + (first
                                        ? "there is no checkpoint; the same command begins anew"
                                        : "the newest checkpoint is of step 3; the same command with --resume goes on from it"));
        Trainer.train(config, first ? RunStart.AFRESH : RunStart.RESUMED, ProgressListener.none());
        assertSameModel("parts", "whole");
    }

    /** Students whose optimiser fails in that step, after it has changed some of the weights. */
    private static Trainer.OpenedResources breakingOff(int step, Error end) {
        return new Trainer.OpenedResources() {
            @Override
            public TrainingSession.Student openStudent(TrainingConfig config, int vocabularySize) {
                TrainingSession.Student real = super.openStudent(config, vocabularySize);
                Trainable model = (Trainable) Proxy.newProxyInstance(
                        Trainable.class.getClassLoader(),
                        new Class<?>[] {Trainable.class},
                        (proxy, method, arguments) -> {
                            Object result = method.invoke(real.model(), arguments);
                            if (method.getName().equals("apply") && real.model().steps() == step) {
                                throw end;
                            }
                            return result;
                        });
                return new TrainingSession.Student(model, real.fingerprint());
            }
        };
    }

    @Test
    void train_endedBeforeAnyStep_canBeResumedAndBegunAnew() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        TrainingConfig config = tiny.config("out", FEW_CHECKPOINTS);
        ProgressListener impatient = new ProgressListener() {
            @Override
            public void onEvaluation(dev.lyne.student.checkpoint.RunState.HeldOut heldOut) {
                throw new IllegalStateException("no");
            }
        };
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, impatient))
                .hasMessage("no");
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, impatient))
                .hasMessage("no");
        assertThat(newest("out").run().step()).isZero();
        assertThat(Trainer.train(config, RunStart.RESUMED, ProgressListener.none())
                        .pace()
                        .steps())
                .isEqualTo(6);
    }

    @Test
    void train_resumedWithoutACheckpoint_isRefusedUnlessItMayBegin() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        TrainingConfig config = tiny.config("out", FEW_CHECKPOINTS);
        assertThatThrownBy(() -> Trainer.train(config, RunStart.RESUMED, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("holds no checkpoint to resume from (expected: one, or --from-start");
        RunStart either = new RunStart(RunStart.Mode.RESUME_OR_BEGIN, java.util.Optional.empty());
        assertThat(Trainer.train(config, either, ProgressListener.none()).pace().steps())
                .isEqualTo(6);
    }

    @Test
    void train_byTime_checkpointsBetween() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Map<Setting, String> settings = new HashMap<>(FEW_CHECKPOINTS);
        settings.put(Setting.CHECKPOINT_MINUTES, "1e-9");
        List<Long> written = new ArrayList<>();
        Trainer.train(tiny.config("often", settings), RunStart.AFRESH, new ProgressListener() {
            @Override
            public void onCheckpoint(long step) {
                written.add(step);
            }
        });
        assertThat(written).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
        assertThat(tiny.config("default", Map.of()).run().checkpoints().minutes())
                .isEqualTo(5);
    }

    /**
     * Files that a run does not depend on may be damaged: the checkpoint stays usable, and the weights come out the
     * same.
     */
    @ParameterizedTest
    @ValueSource(strings = {"gone", "shortened", "garbled"})
    void train_resumedBesideDamagedMetrics_endsTheSameAndSaysSo(String damage) throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Trainer.train(tiny.config("whole", FEW_CHECKPOINTS), RunStart.AFRESH, ProgressListener.none());
        TrainingConfig config = tiny.config("parts", FEW_CHECKPOINTS);
        assertThatThrownBy(() -> Trainer.train(
                        config, RunStart.AFRESH, endingAfter(3, new IllegalStateException("stop"), new ArrayList<>())))
                .hasMessage("stop");
        RunDirectory run = new RunDirectory(config.out());
        for (Path file : List.of(run.metrics(), run.eventFile())) {
            byte[] bytes = Files.readAllBytes(file);
            switch (damage) {
                case "gone" -> Files.delete(file);
                case "shortened" -> Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 5));
                default -> {
                    bytes[bytes.length / 2] ^= (byte) 0xff;
                    Files.write(file, bytes, StandardOpenOption.TRUNCATE_EXISTING);
                }
            }
        }
        List<String> notices = new ArrayList<>();
        Trainer.train(config, RunStart.RESUMED, endingAfter(-1, new IllegalStateException(), notices));
        assertSameModel("parts", "whole");
        assertThat(run.report()).isNotEmptyFile();
        if (!damage.equals("garbled")) {
            assertThat(notices).anyMatch(line -> line.startsWith(run.metrics() + ": "));
        }
    }

    private Checkpoint newest(String out) throws IOException {
        return new CheckpointStore(new RunDirectory(directory.resolve(out)).checkpoints(), 2)
                .latest()
                .orElseThrow();
    }

    private void assertSameModel(String one, String other) {
        assertThat(new RunDirectory(directory.resolve(one)).model().resolve("model.safetensors"))
                .hasSameBinaryContentAs(
                        new RunDirectory(directory.resolve(other)).model().resolve("model.safetensors"));
    }

    private static ProgressListener endingAfter(long step, Throwable end, List<String> notices) {
        return new ProgressListener() {
            @Override
            public void onStep(Step done) {
                if (done.step() == step) {
                    EveryExitSavesTest.<RuntimeException>raise(end);
                }
            }

            @Override
            public void onNotice(String line) {
                notices.add(line);
            }
        };
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // throws whatever it is
    private static <T extends Throwable> void raise(Throwable end) throws T {
        throw (T) end;
    }
}
