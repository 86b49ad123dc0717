package dev.lyne.wire.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Selection;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.TargetBlock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

final class CaptureTest {
    private static final Selection CAPTURED = new Selection.TopK(Corpora.K, Corpora.TEMPERATURES);

    @TempDir
    private Path directory;

    private Capture captured(long windows, int shardWindows) throws IOException {
        Corpora.write(directory, Corpora.manifest(windows, shardWindows));
        return Capture.open(directory);
    }

    @Test
    void rows_ofEverySequence_areTheBytesCaptured() throws IOException {
        Capture capture = captured(100, 7);

        assertThat(capture.manifest().complete()).isTrue();
        assertThat(capture.manifest().contents().shards()).hasSize(15);
        for (long window = 0; window < 100; window++) {
            CapturedRows rows = capture.rows(Corpora.tokens(window), Corpora.positions(window), CAPTURED, false)
                    .orElseThrow();
            assertThat(rows.blocks()).as("window %d", window).isEqualTo(Corpora.blocks(window));
            assertThat(rows.narrowed()).isFalse();
        }
        long positions = IntStream.range(0, 100)
                .mapToLong(window -> Corpora.positions(window).length)
                .sum();
        assertThat(capture.manifest().contents().positions()).isEqualTo(positions);
    }

    /** Whatever records the manifest is made of, the file is flat, and has these keys in this order. */
    @Test
    void manifest_file_hasItsKeysInOrder() throws IOException {
        captured(20, 7);
        JsonNode tree = JsonMapper.shared().readTree(Files.readAllBytes(directory.resolve(CaptureManifest.FILE)));

        assertThat(tree.propertyNames())
                .containsExactly(
                        "format",
                        "kind",
                        "teacher",
                        "rows",
                        "packing",
                        "windows",
                        "shard_windows",
                        "complete",
                        "sequences",
                        "positions",
                        "block_bytes",
                        "shards");
        assertThat(tree.get("teacher").propertyNames())
                .containsExactly(
                        "name",
                        "model_sha256",
                        "tokenizer_sha256",
                        "vocabulary_size",
                        "context_length",
                        "architecture",
                        "parameters",
                        "deterministic",
                        "torch_version",
                        "device",
                        "cpu_capability",
                        "arithmetic_version",
                        "threads",
                        "compute_precision");
    }

    /** A value that the file has beside others is as wanted and as checked as they are, and its record's name is no key. */
    @ParameterizedTest
    @CsvSource({
        "teacher,threads,key threads is",
        "teacher,surprise,key surprise is",
        "teacher,fingerprint,key torch_version is",
        "'',positions,key positions is",
        "'',surprise,key surprise is",
        "'',contents,key complete is",
    })
    void manifest_keyMissingOrUnknown_isNamed(String of, String key, String message) throws IOException {
        captured(20, 7);
        Path file = directory.resolve(CaptureManifest.FILE);
        ObjectNode tree = (ObjectNode) JsonMapper.shared().readTree(Files.readAllBytes(file));
        ObjectNode object = of.isEmpty() ? tree : (ObjectNode) tree.get(of);
        if (object.remove(key) == null) {
            object.putObject(key);
        }
        Files.write(file, JsonMapper.shared().writeValueAsBytes(tree));

        assertThatThrownBy(() -> Capture.open(directory))
                .isInstanceOf(DamagedCaptureException.class)
                .hasMessageContaining(message);
    }

    @Test
    void rows_ofAnotherSequence_areAbsent() throws IOException {
        Capture capture = captured(20, 7);
        int[] tokens = Corpora.tokens(3).clone();
        tokens[0] = (tokens[0] + 1) % Corpora.VOCABULARY;

        assertThat(capture.rows(tokens, Corpora.positions(3), CAPTURED, true)).isEmpty();
    }

    @Test
    void rows_atThePositionPastTheLastHeld_areAbsent() throws IOException {
        Capture capture = captured(20, 7);
        int[] tokens = Corpora.tokens(3);

        assertThat(capture.rows(tokens, new int[] {0, tokens.length - 1}, CAPTURED, true))
                .isEmpty();
    }

    @Test
    void rows_atSomePositions_areCutFromTheirBlocks() throws IOException {
        Capture capture = captured(20, 7);
        long window = longWindow();
        int[] some = IntStream.range(1, Corpora.positions(window).length)
                .filter(position -> position % 2 == 1)
                .toArray();

        CapturedRows rows =
                capture.rows(Corpora.tokens(window), some, CAPTURED, false).orElseThrow();

        assertThat(rows.narrowed()).isFalse();
        assertThat(positions(rows)).isEqualTo(some);
    }

    @Test
    void rows_ofWholeBlocks_areTheirBytes() throws IOException {
        Capture capture = captured(20, 7);
        long window = longWindow();
        int[] first = IntStream.range(0, Corpora.ROWS_A_BLOCK).toArray();

        CapturedRows rows =
                capture.rows(Corpora.tokens(window), first, CAPTURED, true).orElseThrow();

        assertThat(rows.narrowed()).isFalse();
        assertThat(rows.blocks()).isEqualTo(Corpora.blocks(window).subList(0, 1));
    }

    @Test
    void rows_ofANarrowerSelection_keepFewerEntries() throws IOException {
        Capture capture = captured(20, 7);

        CapturedRows rows = capture.rows(
                        Corpora.tokens(3), Corpora.positions(3), new Selection.TopK(2, List.of()), true)
                .orElseThrow();

        TargetBlock block = BlockDecoder.decode(rows.blocks().get(0));
        assertThat(rows.narrowed()).isTrue();
        assertThat(block.count(0)).isEqualTo(2);
        assertThat(Math.exp(block.logTailMass()[0])).isCloseTo(0.4, org.assertj.core.api.Assertions.within(1e-6));
    }

    @Test
    void sequenceInSeveralWindowsOfAShard_isHeldOnce() throws IOException {
        CaptureManifest manifest = Corpora.manifest(3, 3);
        try (CaptureWriter writer = CaptureWriter.open(directory, manifest)) {
            try (ShardWriter shard = writer.begin(0)) {
                for (int again = 0; again < 3; again++) {
                    if (shard.claim(Corpora.tokens(1), Corpora.positions(1))) {
                        shard.add(Corpora.tokens(1), Corpora.positions(1), Corpora.blocks(1));
                    }
                }
                shard.finish();
            }
            assertThat(writer.finish().contents().sequences()).isEqualTo(1);
        }
        assertThat(Capture.open(directory).rows(Corpora.tokens(1), Corpora.positions(1), CAPTURED, false))
                .isPresent();
    }

    @Test
    void sequenceInTwoShards_isFoundOnce() throws IOException {
        CaptureManifest manifest = Corpora.manifest(2, 1);
        try (CaptureWriter writer = CaptureWriter.open(directory, manifest)) {
            for (int number : writer.missing()) {
                try (ShardWriter shard = writer.begin(number)) {
                    shard.add(Corpora.tokens(1), Corpora.positions(1), Corpora.blocks(1));
                    shard.finish();
                }
            }
            writer.finish();
        }
        assertThat(Capture.open(directory)
                        .rows(Corpora.tokens(1), Corpora.positions(1), CAPTURED, false)
                        .orElseThrow()
                        .blocks())
                .isEqualTo(Corpora.blocks(1));
    }

    @Test
    void twoRunsOfTheSame_writeTheSameBytes() throws IOException {
        Path one = directory.resolve("one");
        Path other = directory.resolve("other");
        Corpora.write(one, Corpora.manifest(30, 8));
        Corpora.write(other, Corpora.manifest(30, 8));

        for (String name : List.of("manifest.json", "sequences.index", "shard-000000.blocks", "shard-000003.blocks")) {
            assertThat(one.resolve(name)).hasSameBinaryContentAs(other.resolve(name));
        }
    }

    @Test
    void open_ofAnUnfinishedCapture_isRefused() throws IOException {
        CaptureManifest manifest = Corpora.manifest(20, 7);
        try (CaptureWriter writer = CaptureWriter.open(directory, manifest)) {
            Corpora.writeShard(writer, manifest, 0);
        }
        assertThatThrownBy(() -> Capture.open(directory))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("not complete");
    }

    @Test
    void open_ofADirectoryWithoutAManifest_isRefused() {
        assertThatThrownBy(() -> Capture.open(directory))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no manifest.json");
    }

    @Test
    void finished_capture_readsAfterItsShardsWereMovedElsewhere() throws IOException {
        Path made = directory.resolve("made");
        Corpora.write(made, Corpora.manifest(9, 4));
        Path moved = Files.move(made, directory.resolve("moved"));

        assertThat(Capture.open(moved).rows(Corpora.tokens(8), Corpora.positions(8), CAPTURED, false))
                .isPresent();
    }

    private static long longWindow() {
        return IntStream.range(0, 20)
                .filter(window -> Corpora.positions(window).length > 2 * Corpora.ROWS_A_BLOCK)
                .findFirst()
                .orElseThrow();
    }

    private static int[] positions(CapturedRows rows) {
        return rows.blocks().stream()
                .flatMapToInt(block -> IntStream.of(BlockDecoder.header(block).positions()))
                .toArray();
    }
}
