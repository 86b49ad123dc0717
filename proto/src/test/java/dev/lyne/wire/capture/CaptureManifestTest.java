package dev.lyne.wire.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The identity of captures, held to golden manifests that Python reads, too. */
final class CaptureManifestTest {
    @TempDir
    private Path directory;

    @Test
    void identity_ofGoldenManifests_isAsItStandsBesideThem() throws IOException {
        List<String> golden;
        try (InputStream file = Objects.requireNonNull(
                CaptureManifestTest.class.getResourceAsStream("/dev/lyne/wire/capture-identities.txt"))) {
            golden = new String(file.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
        }
        assertThat(golden).hasSize(6);
        for (String line : golden) {
            int space = line.indexOf(' ');
            Files.writeString(directory.resolve(CaptureManifest.FILE), line.substring(space + 1));
            byte[] identity = ManifestFile.read(directory).identitySha256();
            assertThat(HexFormat.of().formatHex(identity)).as(line).isEqualTo(line.substring(0, space));
        }
    }
}
