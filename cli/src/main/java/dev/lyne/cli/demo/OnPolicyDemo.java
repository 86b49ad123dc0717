package dev.lyne.cli.demo;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.student.evaluate.ExposureBias;
import dev.lyne.student.report.ReportData;
import dev.lyne.student.report.ReportPage;
import dev.lyne.student.rollout.ResponseEvaluation;
import dev.lyne.student.train.RunDirectory;
import dev.lyne.student.train.RunReports;
import dev.lyne.student.train.RunSummary;
import dev.lyne.student.train.Samples;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/**
 * Run of the on-policy demo: from the start that ships a student on the text and one on text of its own, each in a
 * process of its own.
 */
final class OnPolicyDemo {
    static final String SFT = "sft";
    static final String MINILLM = "minillm";

    private final OnPolicyPlan plan;
    private final Path out;
    private final PrintStream text;

    OnPolicyDemo(OnPolicyPlan plan, Path out, PrintStream text) {
        this.plan = plan;
        this.out = out;
        this.text = text;
    }

    /**
     * The demo's {@code summary.json}.
     *
     * @param sft the student that went on with the text
     * @param minillm the student that wrote with the teacher
     */
    record Summary(Student sft, Student minillm) {}

    /**
     * A student after its last step.
     *
     * @param heldOutNll nats a token of held-out text
     * @param calibrationError of the most probable token where held-out text really goes on
     * @param exposureBias excess error on text of its own, by length
     */
    record Student(
            long steps,
            double seconds,
            @JsonProperty("held_out_nll") double heldOutNll,
            @JsonProperty("rouge_l") double rougeL,
            @JsonProperty("mean_length") double meanLength,
            double ended,
            @JsonProperty("distinct_4") double distinct4,
            @JsonProperty("calibration_error") double calibrationError,
            @JsonProperty("exposure_bias") List<ExposureBias.At> exposureBias) {
        static Student of(RunSummary run) {
            ResponseEvaluation responses = Optional.ofNullable(run.responses())
                    .orElseThrow(() -> new IllegalStateException(run.name() + ": no responses (expected: some)"));
            return new Student(
                    run.pace().steps(),
                    run.pace().seconds(),
                    DemoTable.last(run),
                    responses.rougeL(),
                    responses.meanLength(),
                    responses.ended(),
                    responses.distinct4(),
                    responses.calibrationError(),
                    responses.exposureBias());
        }

        /** Excess error at the greatest length, per cent; NaN where there is none. */
        double excess() {
            return exposureBias.isEmpty()
                    ? Double.NaN
                    : exposureBias.get(exposureBias.size() - 1).excessPercent();
        }
    }

    void run() throws IOException, InterruptedException {
        DemoProcesses processes = new DemoProcesses(out, text);
        try (ServerProcess server = processes.startServer()) {
            ServerProcess.Ready ready = server.awaitReady();
            text.printf("teacher server %d listens on %s%n", server.pid(), ready.listening());
            int steps = plan.students().steps();
            processes.train("goes on with the text", Map.of(SFT, plan.sft(out, ready.listening())), steps);
            processes.train(
                    "writes with the teacher and learns from it (MiniLLM)",
                    Map.of(MINILLM, plan.miniLlm(out, ready.listening())),
                    steps);
        }
        finish();
    }

    private void finish() throws IOException {
        RunDirectory sftRun = new RunDirectory(out.resolve(SFT));
        RunDirectory miniLlmRun = new RunDirectory(out.resolve(MINILLM));
        Summary summary = new Summary(
                Student.of(RunSummary.read(sftRun.summary())), Student.of(RunSummary.read(miniLlmRun.summary())));
        JsonReport.writeFile(out.resolve("summary.json"), summary);
        Map<String, List<Samples.Sample>> samples = new LinkedHashMap<>();
        List<Samples.Sample> beginnings = Samples.read(sftRun.samples());
        samples.put("teacher", DemoReport.continuations(beginnings));
        samples.put(SFT, beginnings);
        samples.put(MINILLM, Samples.read(miniLlmRun.samples()));
        ReportPage.write(
                new ReportData(
                        "Lyne on-policy demo",
                        "Two students from the same start: one goes on with the text, one trains on text that it writes with the teacher.",
                        List.of(RunReports.read(sftRun), RunReports.read(miniLlmRun)),
                        RunReports.responses(List.of(sftRun, miniLlmRun)),
                        RunReports.sideBySide(samples)),
                out.resolve("report.html"));
        print(summary);
        text.printf("report   %s%nsummary  %s%n", out.resolve("report.html"), out.resolve("summary.json"));
    }

    private void print(Summary summary) {
        text.println();
        row("", SFT, MINILLM);
        row("Rouge-L of held-out prompts", "%.4f", summary, Student::rougeL);
        row("tokens of a response", "%.1f", summary, Student::meanLength);
        row("distinct 4-grams", "%.3f", summary, Student::distinct4);
        row("calibration error", "%.4f", summary, Student::calibrationError);
        row("excess error on own text, %", "%.1f", summary, Student::excess);
        row("held-out loss", "%.4f", summary, Student::heldOutNll);
        row("training time, s", "%.0f", summary, Student::seconds);
    }

    private void row(String name, String format, Summary summary, ToDoubleFunction<Student> value) {
        row(
                name,
                String.format(Locale.ROOT, format, value.applyAsDouble(summary.sft())),
                String.format(Locale.ROOT, format, value.applyAsDouble(summary.minillm())));
    }

    private void row(String name, String sft, String miniLlm) {
        text.printf("%-32s %14s %14s%n", name, sft, miniLlm);
    }
}
