package dev.lyne.student.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.SequenceFailedException;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TeacherMismatchException;
import dev.lyne.client.capture.CaptureSource;
import dev.lyne.row.Precision;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CaptureMerge;
import dev.lyne.wire.capture.CapturePart;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RecordAndReplayTest {
    private static final int CONTEXT = 16;
    private static final CaptureSource.Options READING = new CaptureSource.Options(8, 1_000, false);

    @TempDir
    private Path directory;

    private Windows windows;
    private BlockTeacher teacher;

    @BeforeEach
    void cut() throws IOException {
        windows = Texts.windows(directory.resolve("tokens"), 40, 3, CONTEXT);
        teacher = new BlockTeacher("a", true);
    }

    /** Keeps what it was told last. */
    private static final class Told implements RecorderListener {
        private final List<Estimate> estimates = new ArrayList<>();
        private final AtomicLong windows = new AtomicLong();
        private int shards;

        @Override
        public void onStart(Estimate estimate, long usableBytes, int finishedShards, int shards) {
            estimates.add(estimate);
        }

        @Override
        public void onProgress(long windows, long positions, long blockBytes) {
            this.windows.set(windows);
        }

        @Override
        public void onShard(int finishedShards, int shards) {
            this.shards = finishedShards;
        }
    }

    private static TargetRequest top(int k) {
        return TargetRequest.topK(k, List.of(), TeacherExpectation.any());
    }

    @Test
    void parts_ofWhateverCount_mergeIntoTheBytesOfACaptureInOnePiece() throws Exception {
        Path whole = directory.resolve("captured");
        CaptureManifest manifest = record(teacher, windows, top(8), new Told());
        for (int count : List.of(2, 3, manifest.shardCount() + 2)) {
            Path merged = directory.resolve("merged-" + count);
            long positions = 0;
            for (int number = count - 1; number >= 0; number--) {
                Recorder.Options options =
                        new Recorder.Options(merged, 25, 3, Optional.of(new CapturePart(number, count)));
                CaptureManifest part = new Recorder(windows, teacher, top(8), options, new Told()).record();
                assertThat(part.complete()).isFalse();
                positions += part.contents().positions();
            }
            assertThat(positions).isEqualTo(manifest.contents().positions());
            assertThat(CaptureMerge.run(merged, notice -> {})).isEqualTo(manifest);
            assertThat(names(merged)).isEqualTo(names(whole));
            for (String name : names(whole)) {
                assertThat(merged.resolve(name)).hasSameBinaryContentAs(whole.resolve(name));
            }
        }
    }

    /**
     * Rows that stand are never asked for again, so none is to stand that may turn out another model's; a sample is
     * forgotten.
     */
    @Test
    void shards_areOfRowsThatTheirTeacherVouchesFor() throws Exception {
        record(teacher, windows, top(8), new Told());
        assertThat(teacher.opened.get(0).vouchedOnly()).isFalse(); // the estimate's
        assertThat(teacher.opened.subList(1, teacher.opened.size()))
                .isNotEmpty()
                .allMatch(TargetRequest::vouchedOnly);
    }

    private static List<String> names(Path of) throws IOException {
        try (Stream<Path> entries = Files.list(of)) {
            return entries.map(entry -> String.valueOf(entry.getFileName()))
                    .sorted()
                    .toList();
        }
    }

    private CaptureManifest record(BlockTeacher from, Windows of, TargetRequest request, Told told)
            throws IOException, InterruptedException {
        Recorder.Options options = new Recorder.Options(directory.resolve("captured"), 25, 3, Optional.empty());
        return new Recorder(of, from, request, options, told).record();
    }

    private List<Targets> take(TargetSource source, TargetRequest request) throws InterruptedException {
        List<Targets> taken = new ArrayList<>();
        try (TargetStream stream = source.open(request)) {
            long offered = 0;
            while (taken.size() < windows.count()) {
                while (offered < windows.count() && stream.offer(sequence(offered))) {
                    offered++;
                }
                taken.add(stream.take());
            }
            if (source instanceof CaptureSource) {
                assertThat(stream.statistics().coverage()).isEqualTo(1.0);
                assertThat(stream.statistics().receivedBySource()).containsOnlyKeys(RowSource.REPLAYED);
            }
        }
        return taken;
    }

    private TargetSequence sequence(long index) {
        Window window = windows.window(index);
        return new TargetSequence(index, window.tokens(), window.positions(), new int[0][], window.teacherTokens());
    }

    private CaptureSource replay() throws IOException {
        return CaptureSource.open(directory.resolve("captured"), READING);
    }

    @Test
    void targets_fromACapture_areThoseOfTheStream() throws Exception {
        CaptureManifest manifest = record(teacher, windows, top(8), new Told());
        List<Targets> live = take(teacher, top(8));

        try (CaptureSource source = replay()) {
            source.requirePacking(Recorder.packing(windows));
            List<Targets> replayed = take(source, top(8));
            for (int i = 0; i < live.size(); i++) {
                assertThat(replayed.get(i).sequence().id()).isEqualTo(i);
                assertThat(replayed.get(i).blocks()).isEqualTo(live.get(i).blocks());
                assertThat(replayed.get(i).columns().ids())
                        .isEqualTo(live.get(i).columns().ids());
                assertThat(replayed.get(i).columns().logProbabilities())
                        .isEqualTo(live.get(i).columns().logProbabilities());
                assertThat(replayed.get(i).columns().logTailMass())
                        .isEqualTo(live.get(i).columns().logTailMass());
                assertThat(replayed.get(i).rowsBySource()).containsOnlyKeys(RowSource.REPLAYED);
            }
        }
        assertThat(manifest.contents().sequences())
                .as("equal sequences of a shard are held once")
                .isLessThan(windows.count());
    }

    @Test
    void recorder_saysWhatItWillTakeAndHowFarItIs() throws Exception {
        Told told = new Told();
        CaptureManifest manifest = record(teacher, windows, top(8), told);

        Estimate estimate = told.estimates.get(0);
        assertThat(estimate.windows()).isEqualTo(windows.count());
        assertThat(estimate.positions()).isEqualTo(windows.lossTokens());
        long files = manifest.contents().shards().stream()
                        .mapToLong(CaptureManifest.Shard::bytes)
                        .sum()
                + Files.size(directory.resolve("captured").resolve("sequences.index"));
        assertThat((double) estimate.bytes() / files)
                .as("equal windows of a shard are held once, which the estimate does not know")
                .isBetween(0.9, 1.8);
        assertThat(told.windows).hasValue(windows.count());
        assertThat(told.shards).isEqualTo(manifest.shardCount());
    }

    @Test
    void recorder_stoppedByAFailedSequence_goesOnWithTheShardsThatAreMissing() throws Exception {
        long bad = windows.count() - 3;
        teacher.failing.add(bad);
        assertThatThrownBy(() -> record(teacher, windows, top(8), new Told()))
                .isInstanceOf(SequenceFailedException.class)
                .hasMessageContaining("sequence " + bad + ": DATA_LOSS: not finite");
        assertThatThrownBy(this::replay).hasMessageContaining("not complete");

        teacher.failing.clear();
        teacher.answered.set(0);
        record(teacher, windows, top(8), new Told());

        assertThat(teacher.answered.get()).isLessThan((int) windows.count());
        try (CaptureSource source = replay()) {
            assertThat(take(source, top(8))).hasSize((int) windows.count());
        }
    }

    @Test
    void recorder_ofACompleteCapture_asksForNothing() throws Exception {
        record(teacher, windows, top(8), new Told());
        teacher.answered.set(0);
        Told told = new Told();

        record(teacher, windows, top(8), told);

        assertThat(teacher.answered.get()).isZero();
        assertThat(told.estimates).isEmpty();
    }

    @Test
    void recorder_inTheDirectoryOfAnotherRun_isRefusedNamingBothValues() throws Exception {
        record(teacher, windows, top(8), new Told());

        assertThatThrownBy(() -> record(new BlockTeacher("b", true), windows, top(9), new Told()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("holds another capture")
                .hasMessageContaining("teacher.model_sha256: " + "a".repeat(64) + " (expected: " + "b".repeat(64) + ")")
                .hasMessageContaining("top_k top_k=8 (expected: top_k top_k=9)");
    }

    @Test
    void capture_ofAnotherCutting_isRefusedWithBothValues() throws Exception {
        record(teacher, windows, top(8), new Told());
        Windows others = Texts.windows(directory.resolve("tokens"), 41, 3, CONTEXT + 1);

        try (CaptureSource source = replay()) {
            assertThatThrownBy(() -> source.requirePacking(Recorder.packing(others)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("captured corpus ")
                    .hasMessageContaining("context 16 (expected: this run's 17)");
        }
    }

    @Test
    void capture_ofAnotherTeacherOrTokenizer_isRefusedWithBothValues() throws Exception {
        record(teacher, windows, top(8), new Told());

        try (CaptureSource source = replay()) {
            for (TeacherExpectation other : List.of(
                    new TeacherExpectation("b".repeat(64), null, 0, null),
                    new TeacherExpectation(null, "b".repeat(64), 0, null))) {
                assertThatThrownBy(() -> source.open(TargetRequest.topK(8, List.of(), other)))
                        .isInstanceOf(TeacherMismatchException.class)
                        .hasMessageContaining("(expected: " + "b".repeat(64) + ")");
            }
        }
    }

    @Test
    void capture_ofAnotherForm_isRefusedWithBothValues() throws Exception {
        record(teacher, windows, top(8), new Told());
        var compact =
                new TargetRequest(new Selection.TopK(8, List.of()), Precision.COMPACT, false, TeacherExpectation.any());

        try (CaptureSource source = replay()) {
            assertThatThrownBy(() -> source.open(top(9)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("top_k top_k=9 (expected: one that the captured top_k top_k=8");
            assertThatThrownBy(() -> source.open(compact))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("in compact (expected: top_k top_k=8 in exact");
            assertThatThrownBy(() -> source.open(top(4)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("a deterministic teacher's rows are not cut");
        }
    }

    @Test
    void narrowerRows_ofATeacherThatIsNotDeterministic_areCutOut() throws Exception {
        record(new BlockTeacher("a", false), windows, top(8), new Told());

        try (CaptureSource source = replay()) {
            for (Targets targets : take(source, top(3))) {
                assertThat(targets.columns().stride()).isEqualTo(3);
                assertThat(targets.narrowedRows()).isEqualTo(targets.rows());
            }
        }
    }

    @Test
    void sequence_thatWasNotCaptured_failsAlone() throws Exception {
        record(teacher, windows, top(8), new Told());

        try (CaptureSource source = replay();
                TargetStream stream = source.open(top(8))) {
            stream.offer(TargetSequence.whole(77, new int[] {9, 9, 9}));
            stream.offer(sequence(0));
            assertThatThrownBy(stream::take)
                    .isInstanceOf(SequenceFailedException.class)
                    .hasMessageContaining("sequence 77: NOT_FOUND")
                    .hasMessageContaining("has no rows of these 3 tokens at these 2 positions");
            assertThat(stream.take().sequence().id()).isZero();
            assertThat(stream.statistics().failedSequences()).isEqualTo(1);
        }
    }

    @Test
    void capture_ofTeacherPrompts_holdsWhatTheTeacherSaysBehindThem() throws Exception {
        Windows plain = windows;
        windows = Texts.privileged(directory.resolve("tokens"), 40, 3, CONTEXT);
        record(teacher, windows, top(8), new Told());
        List<Targets> live = take(teacher, top(8));
        assertThat(live).anyMatch(targets -> targets.sequence().shift() > 0);
        try (CaptureSource source = replay()) {
            source.requirePacking(Recorder.packing(windows));
            List<Targets> replayed = take(source, top(8));
            for (int i = 0; i < live.size(); i++) {
                assertThat(replayed.get(i).positions())
                        .isEqualTo(windows.window(i).positions());
                assertThat(replayed.get(i).blocks()).isEqualTo(live.get(i).blocks());
            }
            assertThatThrownBy(() -> source.requirePacking(Recorder.packing(plain)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(
                            "window rule responses by half contexts, behind teacher prompts (expected: this run's"
                                    + " responses by half contexts)");
        }
    }

    @Test
    void damagedEntry_failsItsSequenceWithFileAndPlace() throws Exception {
        record(teacher, windows, top(8), new Told());
        Path shard = directory.resolve("captured").resolve("shard-000000.blocks");
        byte[] bytes = Files.readAllBytes(shard);
        bytes[200] ^= 1;
        Files.write(shard, bytes);

        try (CaptureSource source = replay();
                TargetStream stream = source.open(top(8))) {
            stream.offer(sequence(0));
            assertThatThrownBy(stream::take)
                    .isInstanceOf(SequenceFailedException.class)
                    .hasMessageContaining("DATA_LOSS")
                    .hasMessageContaining("shard-000000.blocks: at byte ")
                    .hasMessageContaining("CRC32C");
        }
    }

    @Test
    void stream_takesNoMoreThanItsWindow() throws Exception {
        record(teacher, windows, top(8), new Told());

        try (CaptureSource source = replay();
                TargetStream stream = source.open(top(8))) {
            int offered = 0;
            while (stream.offer(sequence(offered))) {
                offered++;
            }
            assertThat(offered).isEqualTo(8);
            assertThat(stream.pending()).isEqualTo(8);
            stream.take();
            assertThat(stream.offer(sequence(8))).isTrue();
        }
    }
}
