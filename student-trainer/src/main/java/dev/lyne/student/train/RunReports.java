package dev.lyne.student.train;

import dev.lyne.files.AtomicFile;
import dev.lyne.student.page.Block.Text;
import dev.lyne.student.page.Block.Texts;
import dev.lyne.student.page.Page;
import dev.lyne.student.report.ReportData;
import dev.lyne.student.report.ReportPage;
import dev.lyne.student.rollout.ResponseEvaluation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reader of runs' directories, for the data of a report. */
public final class RunReports {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private RunReports() {}

    /** A run that has ended. */
    public static ReportData.Run read(RunDirectory directory) throws IOException {
        RunSummary summary = RunSummary.read(directory.summary());
        List<ReportData.TrainingPoint> training = new ArrayList<>();
        List<ReportData.HeldOutPoint> heldOut = new ArrayList<>();
        List<ReportData.Alarm> alarms = new ArrayList<>();
        try (Stream<String> lines = Files.lines(directory.metrics(), StandardCharsets.ISO_8859_1)) {
            lines.forEach(line -> readLine(line, training, heldOut, alarms));
        }
        return new ReportData.Run(
                summary.name(),
                methodOf(summary),
                summary.parameters(),
                summary.pace().steps(),
                summary.pace().positionsPerSecond(),
                summary.pace().stallFraction(),
                summary.targets().coverage() == null
                        ? OptionalDouble.empty()
                        : OptionalDouble.of(summary.targets().coverage()),
                summary.targets().teacherPositions(),
                training,
                heldOut,
                alarms,
                settings(directory, summary));
    }

    /** Returns the same beginnings continued by several models, which are given in the order to show them, by name. */
    public static List<Texts> sideBySide(Map<String, List<Samples.Sample>> byModel) {
        List<Texts> sets = new ArrayList<>();
        int count = byModel.values().stream().mapToInt(List::size).min().orElse(0);
        for (int i = 0; i < count; i++) {
            int index = i;
            List<Text> continuations = new ArrayList<>();
            byModel.forEach((model, samples) ->
                    continuations.add(new Text(model, samples.get(index).continuation())));
            String prompt = byModel.values().iterator().next().get(i).prompt();
            sets.add(new Texts(prompt, continuations));
        }
        return sets;
    }

    /** The report of one run. */
    static ReportData single(RunDirectory directory) throws IOException {
        ReportData.Run run = read(directory);
        List<Texts> samples = Files.exists(directory.samples())
                ? sideBySide(Map.of(run.name(), Samples.read(directory.samples())))
                : List.of();
        return new ReportData(
                "Training run: " + run.name(),
                run.coverage().isPresent()
                        ? "A student that learns from a teacher's rows."
                        : "Plain language-model training, without a teacher.",
                List.of(run),
                responses(List.of(directory)),
                samples);
    }

    /** A section of the responses to held-out prompts of runs that have ended; none where none was asked for any. */
    public static List<Page.Section> responses(List<RunDirectory> directories) throws IOException {
        Map<String, ResponseEvaluation> byRun = new LinkedHashMap<>();
        for (RunDirectory directory : directories) {
            RunSummary summary = RunSummary.read(directory.summary());
            if (summary.responses() != null) {
                byRun.put(summary.name(), summary.responses());
            }
        }
        return ResponseReport.sections(byRun);
    }

    static void writeSettings(Map<String, String> settings, Path file) throws IOException {
        AtomicFile.write(file, bytes(settings));
    }

    /** Whether a file is what these settings are written as. */
    static boolean isOf(Map<String, String> settings, Path file) throws IOException {
        return Files.isRegularFile(file) && Arrays.equals(Files.readAllBytes(file), bytes(settings));
    }

    private static byte[] bytes(Map<String, String> settings) {
        return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(settings);
    }

    /** The settings, with what became of the text under them. */
    private static Map<String, String> settings(RunDirectory directory, RunSummary summary) throws IOException {
        Map<String, String> settings = new LinkedHashMap<>(readSettings(directory.settings()));
        summary.parent().forEach((name, value) -> settings.put("parent_" + name, value));
        settings.put(
                "document_bos", String.valueOf(summary.text().documentBos()).replace("null", "none"));
        settings.put(
                "document_eos", String.valueOf(summary.text().documentEos()).replace("null", "none"));
        settings.put("document_wrapping_from", summary.text().documentWrappingFrom());
        settings.put("prompt_tokens_cut", Long.toString(summary.text().promptTokensCut()));
        settings.put("windows_cut", Long.toString(summary.text().windowsCut()));
        settings.put("skipped_documents", Long.toString(summary.text().skippedDocuments()));
        return settings;
    }

    private static Map<String, String> readSettings(Path file) throws IOException {
        return JSON.readValue(Files.readAllBytes(file), new TypeReference<Map<String, String>>() {});
    }

    private static String methodOf(RunSummary summary) {
        return summary.targets().coverage() == null
                ? "cross-entropy on the data"
                : summary.method().replace('_', ' ') + " from the teacher";
    }

    /** A line that is damaged has nothing to show; the curve goes on without it. */
    private static void readLine(
            String text,
            List<ReportData.TrainingPoint> training,
            List<ReportData.HeldOutPoint> heldOut,
            List<ReportData.Alarm> alarms) {
        JsonNode line;
        try {
            line = JSON.readTree(text);
        } catch (JacksonException e) {
            return;
        }
        long step = line.path("step").asLong(-1);
        double seconds = line.path("seconds").asDouble(Double.NaN);
        double nll =
                line.path(line.has("held_out_nll") ? "held_out_nll" : "nll").asDouble(Double.NaN);
        if (step < 0 || Double.isNaN(seconds)) {
            return;
        }
        if (line.has(MetricsFile.ALARM)) {
            alarms.add(new ReportData.Alarm(step, line.path(MetricsFile.ALARM).asString()));
        } else if (line.has("held_out_nll")) {
            heldOut.add(new ReportData.HeldOutPoint(step, seconds, nll));
        } else {
            training.add(new ReportData.TrainingPoint(
                    step, seconds, nll, line.path("positions_per_second").asDouble(0), scheduled(line)));
        }
    }

    /**
     * Returns the values that are neither a measurement nor a count: of schedules, of a loss that learns, and of
     * several teachers.
     */
    private static Map<String, Double> scheduled(JsonNode line) {
        Map<String, Double> scheduled = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> teacher :
                line.path(StepMetric.TEACHERS).properties()) {
            for (Map.Entry<String, JsonNode> figure : teacher.getValue().properties()) {
                scheduled.put(
                        ReportPage.ofTeacher(teacher.getKey(), figure.getKey()),
                        figure.getValue().asDouble());
            }
        }
        for (Map.Entry<String, JsonNode> entry : line.properties()) {
            if (!MetricsFile.OWN.contains(entry.getKey()) && entry.getValue().isNumber()) {
                scheduled.put(entry.getKey(), entry.getValue().asDouble());
            }
        }
        return scheduled;
    }
}
