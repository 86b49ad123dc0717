package dev.lyne.lm.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The table of `docs/models.md` is the one that the reader follows. */
final class ModelsPageTest {
    private static final Path PAGE = Path.of("../docs/models.md");
    private static final String BEGIN = "<!-- limits: begin -->\n";
    private static final String END = "<!-- limits: end -->\n";

    @Test
    void limitsTable_onThePage_isWhatTheReaderRefuses() throws IOException {
        String page = Files.readString(PAGE);
        int begin = page.indexOf(BEGIN) + BEGIN.length();
        int end = page.indexOf(END);
        String current = page.substring(0, begin) + ConfigurationKeys.limitsTable() + page.substring(end);
        if (Boolean.getBoolean("lyne.write-docs")) {
            Files.writeString(PAGE, current);
        }
        assertThat(Files.readString(PAGE)).isEqualTo(current);
    }
}
