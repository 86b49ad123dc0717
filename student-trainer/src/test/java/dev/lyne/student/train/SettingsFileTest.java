package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SettingsFileTest {
    @TempDir
    Path directory;

    private Map<String, List<String>> read(String yaml) throws IOException {
        return SettingsFile.read(Files.writeString(directory.resolve("train.yaml"), yaml), Setting.keys());
    }

    @Test
    void read_valuesAndLists_areTexts() throws IOException {
        assertThat(read("steps: 7\nlearning_rate: 0.5\ndeterministic: true\ncorpus: ['x,1', z]\nheld_out: z\n"))
                .isEqualTo(Map.of(
                        "steps", List.of("7"),
                        "learning_rate", List.of("0.5"),
                        "deterministic", List.of("true"),
                        "corpus", List.of("x,1", "z"),
                        "held_out", List.of("z")));
    }

    @Test
    void read_unknownKey_namesTheNearest() {
        assertThatThrownBy(() -> read("learning_rat: 1\n"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageEndingWith("train.yaml: unknown key learning_rat (expected: learning_rate?)");
        assertThatThrownBy(() -> read("losss: jsd\n"))
                .hasMessageEndingWith("train.yaml: unknown key losss (expected: loss?)");
    }

    @ParameterizedTest
    @CsvSource({"k,top_k", "p,top_p", "fraction,top_fraction", "target_precision,row_precision"})
    void read_oldName_isRefusedWithTheNewOne(String old, String renamed) {
        assertThatThrownBy(() -> read(old + ": 1\n"))
                .hasMessageEndingWith("train.yaml: " + old + " is an old name (expected: " + renamed + ")");
    }

    @ParameterizedTest
    @ValueSource(strings = {"# nothing yet\n", "", "---\n# nothing\n"})
    void read_fileOfComments_saysNothing(String text) throws IOException {
        assertThat(read(text)).isEmpty();
    }

    @Test
    void read_fileThatIsNotSettings_isRefused() {
        assertThatThrownBy(() -> read("- a\n- b\n")).hasMessageContaining("a list (expected: key: value lines)");
        assertThatThrownBy(() -> read("batch: {a: 1}\n"))
                .hasMessageContaining("batch: keys and values (expected: a value)");
        assertThatThrownBy(() -> read("batch: [1, 2]\n")).hasMessageContaining("batch: a list (expected: a value)");
        assertThatThrownBy(() -> read("corpus: [[a]]\n"))
                .hasMessageContaining("corpus: a list (expected: a value or a list of values)");
        assertThatThrownBy(() -> read("batch:\n")).hasMessageContaining("batch: no value (expected: a value)");
        assertThatThrownBy(() -> read("batch: [1\nx"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("train.yaml: line ")
                .hasMessageEndingWith("a syntax error (expected: YAML, key: value)");
        assertThatThrownBy(() -> read("batch: 1\nbatch: 2\n")).hasMessageContaining("batch stands there twice");
    }

    @Test
    void read_fileThatIsNotThere_isRefused() {
        Path file = directory.resolve("nowhere.yaml");
        assertThatThrownBy(() -> SettingsFile.read(file, Setting.keys()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("--config: " + file + " does not exist (expected: a YAML file of settings)");
    }
}
