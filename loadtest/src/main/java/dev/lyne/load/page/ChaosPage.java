package dev.lyne.load.page;

import dev.lyne.load.fault.ChaosResult;
import dev.lyne.load.fault.ChaosResult.Strike;
import dev.lyne.load.fault.FaultKind;
import dev.lyne.student.page.Block;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Chart.Axis;
import dev.lyne.student.page.Chart.Detail;
import dev.lyne.student.page.Chart.Line;
import dev.lyne.student.page.Chart.Point;
import dev.lyne.student.page.Chart.Style;
import dev.lyne.student.page.Figures;
import dev.lyne.student.page.Page;
import dev.lyne.student.page.Page.Card;
import dev.lyne.student.page.Page.Section;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** {@code report.html} of a run of chaos: which faults struck when, above what each student did meanwhile. */
public final class ChaosPage {
    private ChaosPage() {}

    /** The page of a run. */
    public static Page of(ChaosResult result) {
        List<Section> sections = new ArrayList<>();
        if (!result.holds()) {
            sections.add(new Section(
                    "Where it falls short",
                    "",
                    result.shortfalls().stream()
                            .<Block>map(Block.Paragraph::new)
                            .toList()));
        }
        sections.add(faults(result));
        sections.add(students(result));
        sections.add(kinds(result));
        return new Page("Chaos", lead(result), cards(result), sections);
    }

    private static String lead(ChaosResult result) {
        var settings = result.settings();
        return settings.students() + (settings.students() == 1 ? " student" : " students") + " of "
                + settings.replicas() + (settings.replicas() == 1 ? " server" : " servers") + ", "
                + Figures.decimal(settings.minutes(), 1) + " minutes of faults by seed " + settings.seed() + ": "
                + (result.holds() ? "they cost time and nothing else." : "they cost more than time.");
    }

    private static List<Card> cards(ChaosResult result) {
        var ends = result.ends();
        long struck = result.timeline().strikes().size();
        long noticed =
                result.timeline().strikes().stream().filter(Strike::effective).count();
        return List.of(
                new Card("Faults", Long.toString(struck), noticed + " noticed by a call or a process"),
                new Card(
                        "Students finished",
                        ends.studentsFinished() + " of " + ends.studentsBegun(),
                        "started again " + ends.restarts() + " times"),
                new Card(
                        "Wrong rows",
                        Long.toString(result.audit().wrongRows()),
                        "of " + Figures.count(result.audit().rowsCompared()) + " compared bit for bit"),
                new Card(
                        "Weights",
                        ends.weightsEqual() ? "the same" : "others",
                        "as undisturbed; coverage " + Figures.decimal(ends.coverage(), 3)),
                new Card(
                        "Slowest over undisturbed",
                        Figures.decimal(ends.slowestSeconds() / ends.undisturbedSeconds(), 2),
                        Figures.decimal(ends.slowestSeconds(), 0) + " s, undisturbed "
                                + Figures.decimal(ends.undisturbedSeconds(), 0) + " s"));
    }

    private static Axis time(ChaosResult result) {
        return Axis.until("seconds", Math.ceil(result.timeline().seconds()));
    }

    private static Section faults(ChaosResult result) {
        List<String> names = new ArrayList<>(Arrays.stream(FaultKind.values())
                .filter(kind -> !result.settings().leftOut().contains(kind))
                .map(ChaosPage::words)
                .toList());
        return new Section(
                "Faults",
                "Each mark is a fault, at the moment when it struck.",
                List.of(new Chart(
                        "faults",
                        "What struck when",
                        time(result),
                        Axis.naming("", names),
                        List.of(marks(result, names, true, 0), marks(result, names, false, 1)))));
    }

    private static Line marks(ChaosResult result, List<String> names, boolean effective, int color) {
        List<Strike> strikes = result.timeline().strikes().stream()
                .filter(strike -> strike.effective() == effective)
                .toList();
        return new Line(
                effective ? "noticed" : "not noticed",
                color,
                Style.MARKS,
                strikes.stream()
                        .map(strike -> new Point(strike.seconds(), names.indexOf(words(strike.kind()))))
                        .toList(),
                strikes.stream()
                        .map(strike -> new Detail(
                                strike.target() + ", " + Figures.decimal(strike.lasted(), 1) + " s", null, !effective))
                        .toList());
    }

    private static String words(FaultKind kind) {
        return kind.label().replace('_', ' ');
    }

    private static Section students(ChaosResult result) {
        List<Line> lines = new ArrayList<>();
        result.timeline()
                .progress()
                .forEach((name, steps) -> lines.add(Line.of(
                        name,
                        lines.size(),
                        Style.STRONG,
                        steps.stream()
                                .map(step -> new Point(step.seconds(), step.steps()))
                                .toList())));
        return new Section(
                "Students",
                "Steps taken, one run after the other. A line that is level waits; one that falls went back to its last checkpoint.",
                List.of(new Chart(
                        "students", "Steps meanwhile", time(result), Axis.fromZero("steps"), List.copyOf(lines))));
    }

    private static Section kinds(ChaosResult result) {
        List<List<String>> rows = new ArrayList<>();
        result.faults()
                .forEach((kind, count) -> rows.add(List.of(
                        kind.replace('_', ' '),
                        Integer.toString(count.scheduled()),
                        Integer.toString(count.injected()),
                        Integer.toString(count.effective()))));
        return new Section(
                "By kind",
                "A fault strikes where what it is for is there, and where another server serves while one is killed.",
                List.of(new Block.Table("", List.of("fault", "scheduled", "struck", "noticed"), rows)));
    }
}
