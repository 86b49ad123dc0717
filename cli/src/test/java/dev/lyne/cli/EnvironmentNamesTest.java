package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class EnvironmentNamesTest {
    @ParameterizedTest
    @CsvSource({
        "LYNE_LEARNIN_RATE,unknown variable LYNE_LEARNIN_RATE (expected: LYNE_LEARNING_RATE?)",
        "LYNE_CACHE_MIBB,unknown variable LYNE_CACHE_MIBB (expected: LYNE_CACHE_MIB?)",
        "LYNE_K,LYNE_K is an old name (expected: LYNE_TOP_K)",
        "LYNE_TARGET_PRECISION,LYNE_TARGET_PRECISION is an old name (expected: LYNE_ROW_PRECISION)",
    })
    void requireKnown_nameOfNoPart_isRefusedWithTheNearest(String name, String message) {
        assertThatThrownBy(() -> EnvironmentNames.requireKnown(Map.of(name, "1", "PATH", "p"), Lyne.commandLine()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("environment: " + message);
    }

    @Test
    void requireKnown_levelOfTheLogThatThereIsNot_isRefused() {
        assertThatCode(() -> EnvironmentNames.requireKnown(Map.of("LYNE_LOG", "debug"), Lyne.commandLine()))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> EnvironmentNames.requireKnown(Map.of("LYNE_LOG", "LOUD"), Lyne.commandLine()))
                .hasMessage("environment: LYNE_LOG: LOUD (expected: TRACE, DEBUG, INFO, WARN, ERROR, OFF)");
    }

    /** Every variable that a script or a deployment of this repository sets or reads. */
    @Test
    void requireKnown_namesInTheRepositorysScripts_areAllKnown() throws IOException {
        Map<String, String> found = new TreeMap<>();
        for (Path root : new Path[] {Path.of("..", "deploy"), Path.of("..", "loadtest"), Path.of("..", "lyne")}) {
            try (Stream<Path> files = Files.walk(root)) {
                for (Path file : files.filter(Files::isRegularFile)
                        .filter(path -> !path.toString().contains("target"))
                        .filter(path -> path.toString()
                                .matches(".*(\\.sh|\\.sbatch|\\.ya?ml|\\.service|\\.conf|\\.py|cpu|cuda|lyne)"))
                        .toList()) {
                    Matcher name =
                            Pattern.compile("\\bLYNE_[A-Z][A-Z_]*[A-Z]\\b").matcher(Files.readString(file));
                    while (name.find()) {
                        found.put(name.group(), file.toString());
                    }
                }
            }
        }
        found.remove("LYNE_TEACHER_PORT"); // the chart names it as one that must not be there
        assertThatCode(() -> EnvironmentNames.requireKnown(found, Lyne.commandLine()))
                .as(found.toString())
                .doesNotThrowAnyException();
    }
}
