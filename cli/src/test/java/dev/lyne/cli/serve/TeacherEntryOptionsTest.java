package dev.lyne.cli.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class TeacherEntryOptionsTest {
    /** What the chart's schema does not know cannot be deployed by it. */
    @Test
    void keys_ofAnEntry_areThoseThatTheChartTakesBesideItsOwn() {
        JsonNode schema = JsonMapper.shared().readTree(Path.of("..", "deploy", "helm", "lyne", "values.schema.json"));
        Set<String> chart =
                new TreeSet<>(schema.at("/properties/teachers/items/properties").propertyNames());
        assertThat(chart.remove("claim")).isTrue();
        assertThat(chart).isEqualTo(TeacherEntryOptions.keys().keySet());
    }
}
