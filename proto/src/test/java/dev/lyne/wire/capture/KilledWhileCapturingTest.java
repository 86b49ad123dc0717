package dev.lyne.wire.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is killed with SIGKILL at random moments loses no finished shard, and what it leaves ends as an undisturbed run. */
final class KilledWhileCapturingTest {
    private static final long SEED = 23;
    private static final int WINDOWS = 1_600;
    private static final int SHARD_WINDOWS = 80;
    private static final int KILLS = 3;

    @TempDir
    private Path directory;

    /** Writes a capture, and says when a shard is done. */
    static final class Child {
        private Child() {}

        public static void main(String[] arguments) throws IOException {
            CaptureManifest manifest = Corpora.manifest(WINDOWS, SHARD_WINDOWS);
            try (CaptureWriter writer = CaptureWriter.open(Path.of(arguments[0]), manifest)) {
                for (int shard : writer.missing()) {
                    Corpora.writeShard(writer, manifest, shard);
                    System.out.println("shard " + shard);
                }
                writer.finish();
            }
            System.out.println("done");
        }
    }

    @Test
    void capture_killedAtRandomMoments_losesNoFinishedShardAndEndsWithTheSameFiles() throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        Path killed = directory.resolve("killed");
        for (int kill = 0; kill < KILLS; kill++) {
            Map<String, FileTime> before = shards(killed);
            Process child = start(killed);
            try (BufferedReader lines = child.inputReader(StandardCharsets.UTF_8)) {
                for (int shard = 1 + random.nextInt(4); shard > 0; shard--) {
                    assertThat(lines.readLine()).startsWith("shard");
                }
                long moment = System.nanoTime() + random.nextLong(3_000_000);
                while (System.nanoTime() < moment) {
                    Thread.onSpinWait();
                }
            } finally {
                child.destroyForcibly().waitFor();
            }
            assertThat(shards(killed)).as("seed %d, kill %d", SEED, kill).containsAllEntriesOf(before);
            assertThat(shards(killed).size()).isGreaterThan(before.size()).isLessThan(WINDOWS / SHARD_WINDOWS);
        }
        Map<String, FileTime> before = shards(killed);
        Corpora.write(killed, Corpora.manifest(WINDOWS, SHARD_WINDOWS));
        assertThat(shards(killed)).containsAllEntriesOf(before);

        Path undisturbed = directory.resolve("undisturbed");
        Corpora.write(undisturbed, Corpora.manifest(WINDOWS, SHARD_WINDOWS));
        try (Stream<Path> files = Files.list(undisturbed)) {
            for (Path file : files.toList()) {
                assertThat(killed.resolve(undisturbed.relativize(file))).hasSameBinaryContentAs(file);
            }
        }
        try (Stream<Path> files = Files.list(killed)) {
            assertThat(files.filter(file -> file.toString().endsWith(".partial")))
                    .isEmpty();
        }
    }

    private static Process start(Path directory) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        directory.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Finished shards, and when they were written. */
    private static Map<String, FileTime> shards(Path directory) throws IOException {
        Map<String, FileTime> shards = new TreeMap<>();
        if (Files.isDirectory(directory)) {
            try (Stream<Path> files = Files.list(directory)) {
                for (Path file : files.toList()) {
                    if (file.toString().endsWith(".blocks")) {
                        shards.put(String.valueOf(file.getFileName()), Files.getLastModifiedTime(file));
                    }
                }
            }
        }
        return shards;
    }
}
