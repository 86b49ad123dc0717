package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TeacherRefusedException;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.client.TokenizerDownload;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.TokenizerFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real student takes the tokenizer from a real server. */
final class TokenizerDownloadTest {
    @TempDir
    Path directory;

    private static FakeTeacher teacher() {
        byte[] large = new byte[(3 << 20) + 17];
        new Random(5).nextBytes(large);
        return new FakeTeacher("fake", 500, 64)
                .withTokenizer(List.of(
                        new TokenizerFile("tokenizer.json", large),
                        new TokenizerFile("tokenizer_config.json", new byte[0])));
    }

    private static ClientOptions options(String teacher, Optional<Path> token) {
        return ClientOptions.builder()
                .teacher(teacher)
                .security(TeacherSecurity.of(false, Optional.empty(), Optional.empty(), token, false))
                .build();
    }

    @Test
    void into_teacherWithATokenizer_writesItsFilesByteByByte() throws Exception {
        FakeTeacher teacher = teacher();
        try (ServerFixture fixture = new ServerFixture(teacher, options -> options)) {
            Path out = directory.resolve("a").resolve("b");
            TokenizerDownload.into(out, "127.0.0.1:" + fixture.server.port(), options("", Optional.empty()));
            for (TokenizerFile file : teacher.tokenizer()) {
                assertThat(Files.readAllBytes(out.resolve(file.name()))).isEqualTo(file.bytes());
            }
            try (var files = Files.list(out)) {
                assertThat(files).hasSize(2);
            }
        }
    }

    @Test
    void into_teacherWithoutATokenizer_isRefusedByName() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            assertThatThrownBy(() -> TokenizerDownload.into(
                            directory, "127.0.0.1:" + fixture.server.port(), options("", Optional.empty())))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining(
                            "teacher fake has no tokenizer to send (expected: a teacher of a model directory");
        }
    }

    @Test
    void into_withoutTheToken_isRefused() throws Exception {
        Path tokens = Files.writeString(directory.resolve("tokens"), "team 0123456789abcdef0123\n");
        try (ServerFixture fixture = new ServerFixture(
                teacher(),
                options -> options.security(new ServerSecurity(Optional.empty(), Optional.of(tokens), false)))) {
            String address = "127.0.0.1:" + fixture.server.port();
            assertThatThrownBy(() ->
                            TokenizerDownload.into(directory.resolve("x"), address, options("", Optional.empty())))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("no token");
            TokenizerDownload.into(directory.resolve("y"), address, options("fake", Optional.of(tokens)));
            assertThat(directory.resolve("y").resolve("tokenizer.json")).exists();
        }
    }
}
