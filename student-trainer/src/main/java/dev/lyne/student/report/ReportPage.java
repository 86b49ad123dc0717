package dev.lyne.student.report;

import dev.lyne.student.page.Block;
import dev.lyne.student.page.Block.Bar;
import dev.lyne.student.page.Block.Part;
import dev.lyne.student.page.Block.Shares;
import dev.lyne.student.page.Block.Table;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Chart.Axis;
import dev.lyne.student.page.Chart.Line;
import dev.lyne.student.page.Chart.Point;
import dev.lyne.student.page.Chart.Style;
import dev.lyne.student.page.Figures;
import dev.lyne.student.page.Page;
import dev.lyne.student.page.Page.Section;
import dev.lyne.student.report.ReportData.HeldOutPoint;
import dev.lyne.student.report.ReportData.Run;
import dev.lyne.student.report.ReportData.TrainingPoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/** {@code report.html} of training runs. */
public final class ReportPage {
    private static final int MOST_MARKED_STEPS = 60;
    private static final int MOST_OPEN_ALARMS = 6;

    /** Prefix of the names of figures of own text in {@code metrics.jsonl}. */
    private static final String OWN_TEXT = "own_text_";

    /** Prefix of the names of figures of several teachers among those of a step. */
    private static final String OF_TEACHER = "teacher/";

    private final ReportData data;

    private ReportPage(ReportData data) {
        this.data = data;
    }

    /** Writes the page, and its data beside it. */
    public static void write(ReportData data, Path file) throws IOException {
        of(data).write(file);
    }

    /** The page. */
    static Page of(ReportData data) {
        return new ReportPage(data).page();
    }

    private Page page() {
        List<Section> sections = new ArrayList<>();
        sections.add(learning());
        sections.add(schedules());
        teachers().ifPresent(sections::add);
        ownText().ifPresent(sections::add);
        sections.add(time());
        sections.addAll(data.sections());
        sections.add(new Section(
                "In their own words",
                "The same unseen beginnings, continued by each model.",
                List.copyOf(data.samples())));
        sections.add(settings());
        return new Page(data.title(), data.lead(), Headlines.of(data.runs()), sections);
    }

    private Section learning() {
        long half = data.runs().stream().mapToLong(Run::steps).max().orElse(0) / 2;
        return new Section(
                "Learning",
                "Negative log-likelihood in nats a token, lower is better. Lines with marks: held-out text; faint lines: the"
                        + " training text.",
                List.of(
                        curves("steps", "Over optimiser steps", "step", TrainingPoint::step, HeldOutPoint::step),
                        curves(
                                "seconds",
                                "Over training time",
                                "seconds",
                                TrainingPoint::seconds,
                                HeldOutPoint::seconds),
                        secondHalf(half)));
    }

    private Chart curves(
            String id,
            String title,
            String x,
            ToDoubleFunction<TrainingPoint> trainingX,
            ToDoubleFunction<HeldOutPoint> heldOutX) {
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < data.runs().size(); i++) {
            Run run = data.runs().get(i);
            lines.add(heldOut(run, i, heldOutX, 0));
            lines.add(training(run, i, Style.FAINT, run.name() + ", training text", trainingX, TrainingPoint::nll));
        }
        return new Chart(id, title, Axis.fromZero(x), Axis.covering("nats a token"), lines);
    }

    private Chart secondHalf(long fromStep) {
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < data.runs().size(); i++) {
            Line line = heldOut(data.runs().get(i), i, HeldOutPoint::step, fromStep);
            if (line.points().size() > 1) {
                lines.add(line);
            }
        }
        return new Chart(
                "second-half",
                "Held-out text, second half",
                Axis.covering("step"),
                Axis.covering("nats a token"),
                lines);
    }

    private static Line heldOut(Run run, int color, ToDoubleFunction<HeldOutPoint> x, long fromStep) {
        return Line.of(
                run.name() + ", held out",
                color,
                Style.STRONG,
                run.heldOut().stream()
                        .filter(point -> point.step() >= fromStep)
                        .map(point -> new Point(x.applyAsDouble(point), point.nll()))
                        .toList());
    }

    private static Line training(
            Run run,
            int color,
            Style style,
            String name,
            ToDoubleFunction<TrainingPoint> x,
            ToDoubleFunction<TrainingPoint> y) {
        return Line.of(
                name,
                color,
                style,
                run.training().stream()
                        .map(point -> new Point(x.applyAsDouble(point), y.applyAsDouble(point)))
                        .toList());
    }

    private static Style byLength(Run run) {
        return run.training().size() > MOST_MARKED_STEPS ? Style.FAINT : Style.STRONG;
    }

    /** A chart for each quantity that any run's steps were taken with; one that stands still is a level line. */
    private Section schedules() {
        return new Section(
                "Schedules",
                "What each step was taken with.",
                charts(quantities()
                        .filter(name -> !name.startsWith(OWN_TEXT) && !name.startsWith(OF_TEACHER))
                        .toList()));
    }

    /** The name of a figure of one of several teachers among those of a step. */
    public static String ofTeacher(String teacher, String figure) {
        return OF_TEACHER + teacher + "/" + figure;
    }

    /** Returns the section of each of several teachers' figures; absent where no run had several. */
    private Optional<Section> teachers() {
        List<List<String>> rows = new ArrayList<>();
        for (Run run : data.runs()) {
            for (String teacher : teachersOf(run)) {
                rows.add(List.of(
                        run.name(), teacher, last(run, teacher, "coverage", 3), last(run, teacher, "divergence", 4)));
            }
        }
        return rows.isEmpty()
                ? Optional.empty()
                : Optional.of(new Section(
                        "Teachers",
                        "What each step was on the windows of each teacher.",
                        List.of(
                                new Table("", List.of("run", "teacher", "coverage", "divergence, last"), rows),
                                byTeacher("divergence", "Divergence by teacher"),
                                byTeacher("nll", "Loss on the data by teacher"))));
    }

    private static List<String> teachersOf(Run run) {
        return run.training().stream()
                .flatMap(point -> point.scheduled().keySet().stream())
                .filter(name -> name.startsWith(OF_TEACHER))
                .map(name -> name.substring(OF_TEACHER.length(), name.lastIndexOf('/')))
                .distinct()
                .toList();
    }

    private static List<Point> points(Run run, String teacher, String figure) {
        String name = ofTeacher(teacher, figure);
        return run.training().stream()
                .filter(point -> point.scheduled().containsKey(name))
                .map(point -> new Point(point.step(), point.scheduled().getOrDefault(name, Double.NaN)))
                .toList();
    }

    private static String last(Run run, String teacher, String figure, int digits) {
        List<Point> points = points(run, teacher, figure);
        return points.isEmpty()
                ? "—"
                : Figures.decimal(points.get(points.size() - 1).y(), digits);
    }

    private Chart byTeacher(String figure, String title) {
        List<Line> lines = new ArrayList<>();
        for (Run run : data.runs()) {
            for (String teacher : teachersOf(run)) {
                String name = data.runs().size() == 1 ? teacher : run.name() + ", " + teacher;
                lines.add(Line.of(name, lines.size(), byLength(run), points(run, teacher, figure)));
            }
        }
        return new Chart("teachers-" + figure, title, Axis.fromZero("step"), Axis.fromZero("nats a position"), lines);
    }

    /** A chart for each figure of text that the student wrote; absent where no run's student wrote any. */
    private Optional<Section> ownText() {
        List<String> names =
                quantities().filter(name -> name.startsWith(OWN_TEXT)).toList();
        return names.isEmpty()
                ? Optional.empty()
                : Optional.of(new Section(
                        "The student's own text",
                        "Steps on text that the student wrote: estimators of KL(s||t), nats a token, and what its responses are like.",
                        Stream.concat(alarms().stream(), charts(names).stream()).toList()));
    }

    /** Returns the warnings of the text that students wrote, step by step; open where there are few. */
    private List<Block> alarms() {
        List<List<String>> rows = data.runs().stream()
                .flatMap(run -> run.alarms().stream()
                        .map(alarm -> List.of(run.name(), Long.toString(alarm.step()), alarm.text())))
                .toList();
        if (rows.isEmpty()) {
            return List.of();
        }
        String summary = rows.size() > MOST_OPEN_ALARMS ? rows.size() + " alarms" : "";
        return List.of(new Table(summary, List.of("run", "step", "alarm"), rows));
    }

    private Stream<String> quantities() {
        return data.runs().stream()
                .flatMap(run -> run.training().stream())
                .flatMap(point -> point.scheduled().keySet().stream())
                .distinct();
    }

    private List<Block> charts(List<String> names) {
        List<Block> charts = new ArrayList<>();
        for (String name : names) {
            String title =
                    Character.toUpperCase(name.charAt(0)) + name.substring(1).replace('_', ' ');
            charts.add(new Chart(
                    name,
                    title,
                    Axis.fromZero("step"),
                    Axis.fromZero(title.toLowerCase(Locale.ROOT)),
                    overSteps(point -> point.scheduled().getOrDefault(name, Double.NaN))));
        }
        return charts;
    }

    private List<Line> overSteps(ToDoubleFunction<TrainingPoint> value) {
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < data.runs().size(); i++) {
            Run run = data.runs().get(i);
            lines.add(training(run, i, byLength(run), run.name(), TrainingPoint::step, value));
        }
        return lines;
    }

    private Section time() {
        List<Block> blocks = new ArrayList<>();
        blocks.add(new Chart(
                "throughput",
                "Throughput",
                Axis.fromZero("step"),
                Axis.fromZero("positions a second"),
                overSteps(TrainingPoint::positionsPerSecond)));
        for (int i = 0; i < data.runs().size(); i++) {
            blocks.add(shares(data.runs().get(i), i));
        }
        return new Section("Time and targets", "", blocks);
    }

    private static Shares shares(Run run, int color) {
        List<Bar> bars = new ArrayList<>();
        bars.add(new Bar(
                "Training time",
                List.of(
                        new Part("computing", 1 - run.stallFraction()),
                        new Part("waiting for targets", run.stallFraction()))));
        double total = run.teacherPositions().values().stream()
                .mapToLong(Long::longValue)
                .sum();
        if (total > 0) {
            bars.add(new Bar(
                    "Where its " + Figures.count(total) + " targets came from",
                    run.teacherPositions().entrySet().stream()
                            .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                            .map(entry -> new Part(entry.getKey(), entry.getValue() / total))
                            .toList()));
        }
        return new Shares(
                run.name() + ": " + run.method(),
                "%s parameters, %s steps, %s positions a second"
                        .formatted(
                                Figures.count(run.parameters()),
                                Figures.decimal(run.steps(), 0),
                                Figures.decimal(run.positionsPerSecond(), 0)),
                color,
                bars);
    }

    private Section settings() {
        Set<String> keys = new TreeSet<>();
        data.runs().forEach(run -> keys.addAll(run.settings().keySet()));
        if (keys.isEmpty()) {
            return new Section("Settings", "", List.of());
        }
        List<List<String>> differing = new ArrayList<>();
        List<List<String>> rows = new ArrayList<>();
        for (String key : keys) {
            List<String> values = data.runs().stream()
                    .map(run -> run.settings().getOrDefault(key, "—"))
                    .toList();
            List<String> row = new ArrayList<>(List.of(key));
            row.addAll(values);
            (new HashSet<>(values).size() > 1 ? differing : rows).add(row);
        }
        rows.addAll(0, differing);
        List<String> head = new ArrayList<>(List.of("setting"));
        data.runs().forEach(run -> head.add(run.name()));
        String summary = "What the runs were started with"
                + (differing.isEmpty() ? "" : "; the first %d differ".formatted(differing.size()));
        return new Section("Settings", "", List.of(new Table(summary, head, rows)));
    }
}
