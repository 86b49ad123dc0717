package dev.lyne.wire.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.lyne.row.Selection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of a capture that are not what was written: found before a row is handed out, with file, place and expectation. */
final class DamagedCaptureTest {
    private static final long SEED = 17;
    private static final int WINDOWS = 12;
    private static final Selection CAPTURED = new Selection.TopK(Corpora.K, Corpora.TEMPERATURES);

    @TempDir
    private Path directory;

    @BeforeEach
    void capture() throws IOException {
        Corpora.write(directory, Corpora.manifest(WINDOWS, 6));
    }

    private void readEverything() throws IOException {
        Capture capture = Capture.open(directory);
        for (long window = 0; window < WINDOWS; window++) {
            assertThat(capture.rows(Corpora.tokens(window), Corpora.positions(window), CAPTURED, false))
                    .as("window %d", window)
                    .isPresent();
        }
    }

    @Test
    void anyByteOfAnyFile_flipped_isFoundWithTheFile() throws IOException {
        SplittableRandom random = new SplittableRandom(SEED);
        for (String name : new String[] {"shard-000000.blocks", "shard-000001.blocks", "sequences.index"}) {
            Path file = directory.resolve(name);
            byte[] sound = Files.readAllBytes(file);
            for (int round = 0; round < 150; round++) {
                int at = round < 60 ? round : random.nextInt(sound.length);
                byte[] damaged = sound.clone();
                damaged[at] ^= (byte) (1 << random.nextInt(8));
                Files.write(file, damaged);
                // A shard's own index is there for resuming; readers have the common one.
                if (!name.startsWith("shard") || !inOwnIndex(sound, at)) {
                    assertThatThrownBy(this::readEverything)
                            .as("%s, byte %d, seed %d", name, at, SEED)
                            .isInstanceOf(DamagedCaptureException.class)
                            .hasMessageContaining(name);
                }
                assertThatThrownBy(this::resume)
                        .as("resuming: %s, byte %d, seed %d", name, at, SEED)
                        .satisfiesAnyOf(
                                e -> assertThat(e).isInstanceOf(DamagedCaptureException.class),
                                e -> assertThat(e).isInstanceOf(NotNoticed.class));
            }
            Files.write(file, sound);
        }
        readEverything();
    }

    /** Damage that resuming does not read: of entries, and of the common index, which it makes anew. */
    private static final class NotNoticed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private void resume() throws IOException {
        try (CaptureWriter writer = CaptureWriter.open(directory, Corpora.manifest(WINDOWS, 6))) {
            writer.missing();
            throw new NotNoticed();
        }
    }

    private static boolean inOwnIndex(byte[] shard, int at) {
        int end = shard.length - 40;
        return at >= end - 6 * IndexRecord.BYTES && at < end;
    }

    @Test
    void damagedEntry_isNamedWithFileOffsetAndExpectation() throws IOException {
        Path file = directory.resolve("shard-000000.blocks");
        byte[] bytes = Files.readAllBytes(file);
        bytes[FileHeader.BYTES + 40] ^= 1;
        Files.write(file, bytes);

        assertThatThrownBy(this::readEverything)
                .isInstanceOf(DamagedCaptureException.class)
                .hasMessageMatching(".*shard-000000\\.blocks: at byte " + FileHeader.BYTES
                        + ": entry: CRC32C [0-9a-f]{8} \\(expected: [0-9a-f]{8}\\)");
    }

    @Test
    void truncatedShard_isFoundWhenItIsOpened() throws IOException {
        Path file = directory.resolve("shard-000001.blocks");
        byte[] bytes = Files.readAllBytes(file);
        for (int length : new int[] {0, 20, FileHeader.BYTES, bytes.length / 2, bytes.length - 1}) {
            Files.write(file, java.util.Arrays.copyOf(bytes, length));
            assertThatThrownBy(() -> Capture.open(directory))
                    .as("%d bytes", length)
                    .isInstanceOf(DamagedCaptureException.class)
                    .hasMessageContaining("shard-000001.blocks");
        }
    }

    @Test
    void missingShard_isNamed() throws IOException {
        Files.delete(directory.resolve("shard-000001.blocks"));

        assertThatThrownBy(() -> Capture.open(directory))
                .isInstanceOf(DamagedCaptureException.class)
                .hasMessageEndingWith("shard-000001.blocks: is missing");
    }

    @Test
    void shardOfAnotherCapture_isRefusedWithBothIdentities() throws IOException {
        Path other = directory.resolve("other");
        Corpora.write(other, Corpora.manifest(WINDOWS + 6, 6));
        Files.copy(
                other.resolve("shard-000001.blocks"),
                directory.resolve("shard-000001.blocks"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);

        assertThatThrownBy(() -> Capture.open(directory))
                .isInstanceOf(DamagedCaptureException.class)
                .hasMessageMatching(".*belongs to capture [0-9a-f]{64} \\(expected: [0-9a-f]{64}.*");
    }

    @Test
    void shardUnderAnothersName_isRefused() throws IOException {
        Files.copy(
                directory.resolve("shard-000000.blocks"),
                directory.resolve("shard-000001.blocks"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);

        assertThatThrownBy(() -> Capture.open(directory))
                .isInstanceOf(DamagedCaptureException.class)
                .hasMessageContaining("shard 0 (expected: 1)");
    }

    @Test
    void deletedShard_isMadeAgainByTheSameRun() throws IOException {
        Path file = directory.resolve("shard-000001.blocks");
        byte[] sound = Files.readAllBytes(file);
        Files.delete(file);

        Corpora.write(directory, Corpora.manifest(WINDOWS, 6));

        assertThat(Files.readAllBytes(file)).isEqualTo(sound);
        readEverything();
    }

    @Test
    void manifest_withAnUnknownKeyOrAMissingOneOrAnotherKind_isRefused() throws IOException {
        Path file = directory.resolve(CaptureManifest.FILE);
        String sound = Files.readString(file);
        assertThat(sound).contains("\"kind\" : \"data\"").contains("\"precision\" : \"exact\"");
        for (String[] change : new String[][] {
            {"\"windows\"", "\"extra\" : 1, \"windows\"", "extra"},
            {"\"windows\" : 12,", "", "windows"},
            {"\"kind\" : \"data\"", "\"kind\" : \"other\"", "kind: other (expected: data or trajectory)"},
            {"\"kind\" : \"data\"", "\"kind\" : \"trajectory\"", "key trajectory is unknown, missing"},
            {"\"format\" : 3", "\"format\" : 2", "format: 2 (expected: 3; what another version captured"},
            {"\"arithmetic_version\" : 2", "\"arithmetic_version\" : -1", "arithmetic_version: -1 (expected: 0 or more)"
            },
            {"\"precision\" : \"exact\"", "\"precision\" : \"vague\"", "vague"},
            {"\"top_k\"", "\"top_of_the_pops\"", "top_of_the_pops"},
        }) {
            String changed = sound.replace(change[0], change[1]);
            if (changed.equals(sound)) {
                fail("the manifest has no " + change[0]);
            }
            Files.writeString(file, changed);
            assertThatThrownBy(() -> Capture.open(directory))
                    .as(change[1])
                    .isInstanceOf(DamagedCaptureException.class)
                    .hasMessageContaining("manifest.json")
                    .hasMessageContaining(change[2]);
        }
    }
}
