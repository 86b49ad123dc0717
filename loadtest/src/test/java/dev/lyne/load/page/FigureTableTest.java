package dev.lyne.load.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

final class FigureTableTest {
    private static String table(String json, String... only) {
        return FigureTable.markdown(JsonMapper.shared().readTree(json), List.of(only));
    }

    @Test
    void markdown_figuresOfEveryKind_areWrittenShortly() {
        assertThat(
                        table(
                                "{\"ratio\":0.96543,\"rate\":123456.7,\"small\":0.00012,\"count\":12345,\"name\":\"a\",\"all\":[1,2]}"))
                .isEqualTo("""
                        | figure | |
                        | --- | --- |
                        | ratio | 0.965 |
                        | rate | 123,457 |
                        | small | 1.20e-04 |
                        | count | 12,345 |
                        | name | a |
                        | all | 1, 2 |
                        """);
    }

    @Test
    void markdown_listOfThings_isATableOfItsOwn() {
        assertThat(
                        table(
                                "{\"worst_error\":0.1,\"set_ups\":[{\"name\":\"a\",\"x\":{\"y\":1}},{\"name\":\"b\",\"z\":2}]}"))
                .isEqualTo("""
                        | figure | |
                        | --- | --- |
                        | worst error | 0.100 |

                        set ups:

                        | name | x, y | z |
                        | --- | --- | --- |
                        | a | 1 |  |
                        | b |  | 2 |
                        """);
    }

    @Test
    void markdown_someFiguresOfAList_leavesOutTheOthers() {
        assertThat(table(
                        "[{\"name\":\"a\",\"score\":{\"value\":1.5,\"raw\":[[1]]},\"jdk\":\"x\"}]",
                        "name",
                        "score.value"))
                .isEqualTo("| name | score, value |\n| --- | --- |\n| a | 1.500 |\n");
    }

    @Test
    void replace_keepsEverythingOutsideTheMarkers() {
        String document = "before\n<!-- bench codec -->\nold\n<!-- end of bench codec -->\nafter\n";
        String once = FigureTable.replace(document, "codec", "new\n");
        assertThat(once).isEqualTo("before\n<!-- bench codec -->\nnew\n<!-- end of bench codec -->\nafter\n");
        assertThat(FigureTable.replace(once, "codec", "new")).isEqualTo(once);
        assertThatThrownBy(() -> FigureTable.replace(document, "serve", ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("<!-- bench serve -->");
    }
}
