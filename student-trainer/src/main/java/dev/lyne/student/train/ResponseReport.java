package dev.lyne.student.train;

import dev.lyne.student.evaluate.ExposureBias;
import dev.lyne.student.page.Block;
import dev.lyne.student.page.Block.Table;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Chart.Axis;
import dev.lyne.student.page.Chart.Line;
import dev.lyne.student.page.Chart.Point;
import dev.lyne.student.page.Chart.Style;
import dev.lyne.student.page.Page.Section;
import dev.lyne.student.rollout.ResponseEvaluation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A report's figures of responses to held-out prompts, of several runs side by side. */
final class ResponseReport {
    private static final List<String> HEAD = List.of(
            "student",
            "Rouge-L",
            "tokens of a response",
            "end by themselves",
            "distinct 4-grams",
            "calibration error",
            "excess error at the greatest length");

    private ResponseReport() {}

    /** Their section; none where no run has responded. */
    static List<Section> sections(Map<String, ResponseEvaluation> byRun) {
        if (byRun.isEmpty()) {
            return List.of();
        }
        List<List<String>> rows = new ArrayList<>();
        List<Line> lines = new ArrayList<>();
        byRun.forEach((name, responses) -> {
            rows.add(row(name, responses));
            if (!responses.exposureBias().isEmpty()) {
                lines.add(Line.of(
                        name,
                        lines.size(),
                        Style.STRONG,
                        responses.exposureBias().stream()
                                .map(at -> new Point(at.length(), at.excessPercent()))
                                .toList()));
            }
        });
        List<Block> blocks = new ArrayList<>();
        blocks.add(new Table("", HEAD, rows));
        if (!lines.isEmpty()) {
            blocks.add(new Chart(
                    "exposure-bias",
                    "Excess accumulated error (exposure bias)",
                    Axis.fromZero("tokens of a response"),
                    Axis.covering("per cent"),
                    lines));
        }
        return List.of(new Section(
                "Responses to held-out prompts",
                "Rouge-L is against what the text really goes on with, the calibration error of the most probable token there. Excess"
                        + " error: how much more KL(teacher‖student) gathers on text of the student's own than on the teacher's.",
                blocks));
    }

    private static List<String> row(String name, ResponseEvaluation responses) {
        List<ExposureBias.At> bias = responses.exposureBias();
        return List.of(
                name,
                number("%.4f", responses.rougeL()),
                number("%.1f", responses.meanLength()),
                number("%.3f", responses.ended()),
                number("%.3f", responses.distinct4()),
                number("%.4f", responses.calibrationError()),
                bias.isEmpty()
                        ? "no teacher to compare with"
                        : String.format(
                                Locale.ROOT,
                                "%+.1f %% at %d",
                                bias.get(bias.size() - 1).excessPercent(),
                                bias.get(bias.size() - 1).length()));
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
