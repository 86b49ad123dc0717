package dev.lyne.wire.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.wire.RowFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CaptureWriterTest {
    @TempDir
    private Path directory;

    @Test
    void shardClosedBeforeItsEnd_leavesNothing() throws IOException {
        CaptureManifest manifest = Corpora.manifest(20, 7);
        try (CaptureWriter writer = CaptureWriter.open(directory, manifest)) {
            try (ShardWriter shard = writer.begin(1)) {
                Corpora.fill(shard, manifest);
            }
            assertThat(writer.missing()).containsExactly(0, 1, 2);
        }
        assertThat(names()).containsExactlyInAnyOrder(".lock", "manifest.json");
    }

    @Test
    void open_ofAnotherRunsCapture_isRefusedWithEveryValueThatDiffers() throws IOException {
        CaptureManifest manifest = Corpora.manifest(20, 7);
        Corpora.write(directory, manifest);
        CaptureManifest other = CaptureManifest.planned(
                manifest.teacher(),
                new RowFormat(new Selection.TopK(4, List.of()), Precision.COMPACT, false),
                manifest.packing(),
                21,
                7);

        assertThatThrownBy(() -> CaptureWriter.open(directory, other))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("rows.precision: EXACT (expected: COMPACT)")
                .hasMessageContaining("rows.selection: top_k top_k=6 temperatures=[2.0] (expected: top_k top_k=4)")
                .hasMessageContaining("windows: 20 (expected: 21)");
        assertThat(Capture.open(directory).manifest().windows()).isEqualTo(20);
    }

    @Test
    void tailError_ofAnEngine_standsInManifestAndIdentity_andOfAModelInNeither() throws IOException {
        CaptureManifest exact = Corpora.manifest(20, 7);
        CapturedTeacher of = exact.teacher();
        CaptureManifest engine = CaptureManifest.planned(
                new CapturedTeacher(
                        of.name(),
                        of.modelSha256(),
                        of.tokenizerSha256(),
                        of.vocabularySize(),
                        of.contextLength(),
                        of.architecture(),
                        of.parameters(),
                        of.deterministic(),
                        1e-6,
                        of.fingerprint()),
                exact.rows(),
                exact.packing(),
                20,
                7);
        assertThat(Corpora.write(directory, engine).teacher().tailError()).isEqualTo(1e-6);
        Path manifest = directory.resolve(CaptureManifest.FILE);
        assertThat(Files.readString(manifest)).containsPattern("\"tail_error\" : 1.0E-6,");
        assertThat(Capture.open(directory).manifest().teacher().tailError()).isEqualTo(1e-6);
        assertThatThrownBy(() -> CaptureWriter.open(directory, exact)).hasMessageContaining("another capture");
        Path other = directory.resolve("exact");
        Corpora.write(other, exact);
        assertThat(Files.readString(other.resolve(CaptureManifest.FILE))).doesNotContain("tail_error");
        Files.writeString(manifest, Files.readString(manifest).replace("1.0E-6,", "-1.0,"));
        assertThatThrownBy(() -> Capture.open(directory)).hasMessageContaining("teacher.tail_error: -1.0");
    }

    @Test
    void open_whileAnotherWrites_isRefused() throws IOException {
        CaptureManifest manifest = Corpora.manifest(20, 7);
        try (CaptureWriter first = CaptureWriter.open(directory, manifest)) {
            assertThat(first.missing()).hasSize(3);
            assertThatThrownBy(() -> CaptureWriter.open(directory, manifest))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("another process captures into it");
        }
    }

    @Test
    void open_ofShardsWithoutAManifest_isRefused() throws IOException {
        Corpora.write(directory, Corpora.manifest(20, 7));
        Files.delete(directory.resolve(CaptureManifest.FILE));

        assertThatThrownBy(() -> CaptureWriter.open(directory, Corpora.manifest(20, 7)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("without manifest.json");
    }

    @Test
    void rows_ofChosenIds_areNeitherCapturedNorAskedFor() {
        RowFormat chosen = new RowFormat(new Selection.Chosen(4, List.of()), Precision.EXACT, false);
        CaptureManifest of = Corpora.manifest(1, 1);
        assertThatThrownBy(() -> CaptureManifest.planned(of.teacher(), chosen, of.packing(), 1, 1))
                .hasMessage(
                        "selection: chosen top_k=4 (expected: one that the student has no part in; chosen ids change as it"
                                + " learns)");
        assertThat(of.rows().refusal(chosen, Corpora.VOCABULARY, true).orElseThrow())
                .startsWith("chosen top_k=4 (expected: one that the student has no part in");
    }

    @Test
    void refusal_saysWhatDiffers() {
        RowFormat held = Corpora.manifest(1, 1).rows();
        RowFormat same = held;
        RowFormat cooler = new RowFormat(new Selection.TopK(Corpora.K, List.of()), Precision.EXACT, false);
        RowFormat narrower = new RowFormat(new Selection.TopK(2, List.of()), Precision.EXACT, false);
        RowFormat wider = new RowFormat(new Selection.TopK(7, List.of()), Precision.EXACT, false);
        RowFormat coarser = new RowFormat(held.selection(), Precision.HALF, false);

        assertThat(held.refusal(same, Corpora.VOCABULARY, false)).isEmpty();
        assertThat(held.refusal(cooler, Corpora.VOCABULARY, false)).isEmpty();
        assertThat(held.refusal(narrower, Corpora.VOCABULARY, true)).isEmpty();
        assertThat(held.refusal(narrower, Corpora.VOCABULARY, false).orElseThrow())
                .contains("top_k top_k=2 (expected: top_k top_k=6 temperatures=[2.0]");
        assertThat(held.refusal(wider, Corpora.VOCABULARY, true).orElseThrow())
                .contains("top_k top_k=7 (expected: one that the captured top_k top_k=6");
        assertThat(held.refusal(coarser, Corpora.VOCABULARY, true).orElseThrow())
                .contains("in half")
                .contains("in exact");
    }

    private List<String> names() throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> String.valueOf(entry.getFileName())).toList();
        }
    }
}
