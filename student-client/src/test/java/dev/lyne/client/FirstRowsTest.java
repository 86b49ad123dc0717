package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.example.FirstRows;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The short example of docs/embedding.md, with the client library alone on its class path. */
final class FirstRowsTest {
    @Test
    void program_ofTheGuide_printsALineAPosition() throws Exception {
        PrintStream out = System.out;
        var printed = new ByteArrayOutputStream();
        try (FakeTeacher teacher = new FakeTeacher(1)) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            FirstRows.main(new String[] {teacher.address(), "3", "14", "15"});
        } finally {
            System.setOut(out);
        }
        assertThat(printed.toString(StandardCharsets.UTF_8).lines())
                .hasSize(2)
                .first()
                .asString()
                .startsWith("after token 3 at position 0: token ");
    }

    @Test
    void program_inTheGuide_isThisOne() throws Exception {
        Path source = Path.of("src", "test", "java", "com", "example", "FirstRows.java");
        assertThat(Files.readString(Path.of("..", "docs", "embedding.md")))
                .contains("```java\n" + Files.readString(source) + "```");
    }
}
