package dev.lyne.wire.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Precision;
import dev.lyne.wire.RowFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Parts of a capture, and what is refused where they are put together. */
final class CaptureMergeTest {
    private static final CaptureManifest MANIFEST = Corpora.manifest(40, 6); // 7 shards

    @TempDir
    private Path directory;

    private final List<String> notices = new ArrayList<>();

    private void write(CapturePart part) throws IOException {
        write(part, MANIFEST);
    }

    private void write(CapturePart part, CaptureManifest manifest) throws IOException {
        try (CaptureWriter writer = CaptureWriter.open(directory, part, manifest)) {
            for (int shard : writer.missing()) {
                assertThat(part.makes(shard)).isTrue();
                Corpora.writeShard(writer, manifest, shard);
            }
            writer.finish();
        }
    }

    private void writeAll(int count) throws IOException {
        for (int number = 0; number < count; number++) {
            write(new CapturePart(number, count));
        }
    }

    private Path part(int number, int count) {
        return new CapturePart(number, count).directory(directory);
    }

    private CaptureManifest merge() throws IOException {
        return CaptureMerge.run(directory, notices::add);
    }

    private void assertWhole(CaptureManifest merged) throws IOException {
        Path whole = directory.resolveSibling(directory.getFileName() + "-whole");
        assertThat(merged).isEqualTo(Corpora.write(whole, MANIFEST));
        assertThat(names(directory)).isEqualTo(names(whole));
        for (String name : names(whole)) {
            assertThat(directory.resolve(name)).hasSameBinaryContentAs(whole.resolve(name));
            Files.delete(whole.resolve(name));
        }
        Files.delete(whole);
    }

    private static List<String> names(Path of) throws IOException {
        try (Stream<Path> entries = Files.list(of)) {
            return entries.map(entry -> String.valueOf(entry.getFileName()))
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 7, 9})
    void run_allPartsThere_givesTheFilesOfOnePiece(int count) throws IOException {
        writeAll(count);
        Files.createDirectories(part(0, count).resolve("tokens").resolve("tokens-0"));
        Files.writeString(part(0, count).resolve("tokens").resolve("tokens-0").resolve("ids"), "tokens of the part");
        assertWhole(merge());
        assertThat(notices).isEmpty();
    }

    @Test
    void run_mergedAlready_leavesItAsItIs() throws IOException {
        writeAll(2);
        merge();
        assertWhole(merge());
    }

    @Test
    void run_killedAfterSomeShardsMoved_goesOn() throws IOException {
        writeAll(2);
        ManifestFile.write(directory, MANIFEST);
        for (int shard : List.of(0, 1, 4)) {
            Files.move(part(shard % 2, 2).resolve(ShardFile.name(shard)), directory.resolve(ShardFile.name(shard)));
        }
        assertWhole(merge());
    }

    @Test
    void run_killedAsItDeletedWhatWasLeft_goesOn() throws IOException {
        writeAll(2);
        CaptureManifest complete = merge();
        Files.createDirectories(part(0, 2).resolve("tokens"));
        Files.createFile(part(0, 2).resolve(".lock"));
        assertThat(merge()).isEqualTo(complete);
        assertThat(part(0, 2)).doesNotExist();
    }

    @Test
    void run_partThatWasKilledBeforeItBegan_isPassedOver() throws IOException {
        writeAll(2);
        Files.createDirectories(part(1, 3));
        Files.createFile(part(1, 3).resolve(".lock"));
        assertWhole(merge());
        assertThat(part(1, 3)).doesNotExist();
    }

    @Test
    void run_shardsMissing_isRefusedWithTheirNumbersAndNothingMoves() throws IOException {
        write(new CapturePart(1, 3));
        assertThatThrownBy(this::merge)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageEndingWith(
                        "5 of 7 shards are missing: 0, 2, 3, 5, 6 (expected: all; part I/N makes the shards that leave "
                                + "I when divided by N)");
        assertThat(names(part(1, 3))).contains(ShardFile.name(1), ShardFile.name(4));
        assertThat(directory.resolve(CaptureManifest.FILE)).doesNotExist();
        write(new CapturePart(0, 3));
        write(new CapturePart(2, 3));
        assertWhole(merge());
    }

    @Test
    void run_partOfAnotherCapture_isRefusedWithEveryValueThatDiffers() throws IOException {
        write(new CapturePart(0, 2));
        CaptureManifest other = CaptureManifest.planned(
                MANIFEST.teacher(),
                new RowFormat(MANIFEST.rows().selection(), Precision.HALF, false),
                MANIFEST.packing(),
                41,
                MANIFEST.shardWindows());
        try (CaptureWriter writer = CaptureWriter.open(directory, new CapturePart(1, 2), other)) {
            assertThat(writer.missing()).containsExactly(1, 3, 5);
        }
        assertThatThrownBy(this::merge)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("part-1-of-2 is of another capture than ")
                .hasMessageContaining("rows.precision: HALF (expected: EXACT)")
                .hasMessageContaining("windows: 41 (expected: 40)");
    }

    @Test
    void run_shardMadeTwiceAlike_keepsOneAndSaysSo() throws IOException {
        writeAll(2);
        write(new CapturePart(3, 7));
        assertWhole(merge());
        assertThat(notices)
                .singleElement()
                .satisfies(line -> assertThat(line).contains("part-3-of-7").contains("is the same as"));
    }

    @Test
    void run_shardMadeTwiceDifferently_isRefusedWithBothAndWhere() throws IOException {
        writeAll(2);
        CapturePart again = new CapturePart(3, 7);
        try (CaptureWriter writer = CaptureWriter.open(directory, again, MANIFEST);
                ShardWriter shard = writer.begin(3)) {
            long window = MANIFEST.firstWindow(3);
            shard.add(Corpora.tokens(window), Corpora.positions(window), Corpora.blocks(window, 1));
            shard.finish();
        }
        assertThatThrownBy(this::merge)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(part(3, 7).resolve(ShardFile.name(3)) + " differs from "
                        + part(1, 2).resolve(ShardFile.name(3)) + " at byte ")
                .hasMessageContaining("delete the one that is not to be kept");
        Files.delete(part(3, 7).resolve(ShardFile.name(3)));
        assertWhole(merge());
    }

    @Test
    void run_damagedShard_isRefusedAndNothingMoves() throws IOException {
        writeAll(2);
        Path damaged = part(1, 2).resolve(ShardFile.name(3));
        byte[] bytes = Files.readAllBytes(damaged);
        bytes[bytes.length - 20] ^= 1;
        Files.write(damaged, bytes);
        assertThatThrownBy(this::merge)
                .isInstanceOf(DamagedCaptureException.class)
                .hasMessageContaining(damaged.toString());
        assertThat(directory.resolve(ShardFile.name(0))).doesNotExist();
        Files.delete(damaged);
        write(new CapturePart(1, 2));
        assertWhole(merge());
    }

    @Test
    void run_partAtWork_isRefused() throws IOException {
        writeAll(2);
        try (CaptureWriter working = CaptureWriter.open(directory, new CapturePart(1, 2), MANIFEST)) {
            assertThat(working.missing()).isEmpty();
            assertThatThrownBy(this::merge)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("part-1-of-2: another process captures into it");
        }
    }

    @Test
    void run_noParts_isRefused() {
        assertThatThrownBy(this::merge)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no parts (expected: directories such as part-0-of-4");
    }

    @Test
    void open_wholeAndPartsInOneDirectory_refuseEachOther() throws IOException {
        write(new CapturePart(0, 2));
        assertThatThrownBy(() -> CaptureWriter.open(directory, MANIFEST))
                .hasMessageContaining(" holds part-0-of-2 (expected: capture --merge");
        write(new CapturePart(1, 2));
        merge();
        assertThatThrownBy(() -> CaptureWriter.open(directory, new CapturePart(0, 2), MANIFEST))
                .hasMessageContaining("manifest.json with part 0/2 (expected: parts alone");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "4/4", "-1/4", "0/0", "1/2/3", "a/b", "999999999/9999999999"})
    void parse_noPart_isRefused(String text) {
        assertThatThrownBy(() -> CapturePart.parse(text))
                .hasMessage("part: " + text + " (expected: I/N, with I from 0 to N - 1)");
    }
}
