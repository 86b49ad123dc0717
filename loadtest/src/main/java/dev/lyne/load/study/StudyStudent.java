package dev.lyne.load.study;

import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.capture.CaptureSource;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.evaluate.Evaluation;
import dev.lyne.student.evaluate.Evaluator;
import dev.lyne.student.evaluate.ReferenceTeacher;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import dev.lyne.student.train.ProgressListener;
import dev.lyne.student.train.RunDirectory;
import dev.lyne.student.train.RunStart;
import dev.lyne.student.train.RunSummary;
import dev.lyne.student.train.Setting;
import dev.lyne.student.train.Settings;
import dev.lyne.student.train.Trainer;
import dev.lyne.student.train.TrainingConfig;
import dev.lyne.wire.RowFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Trains one student of a study and evaluates it on the study's held-out windows. */
public final class StudyStudent {
    private static final int ROW_CHUNK = 256;
    private static final int EVALUATION_IN_FLIGHT = 16;

    private final Study study;
    private final StudyRun run;
    private final StudyDirectory directory;
    private final String server;

    /**
     * @param id of one of the study's runs
     * @param server address of the study's teacher; empty where the student does not ask it
     */
    public StudyStudent(Study study, String id, StudyDirectory directory, String server) {
        this.study = study;
        this.server = server;
        this.run = study.run(id);
        this.directory = directory;
    }

    /** Trains on from the newest checkpoint, where there is one, evaluates, and writes the result. */
    public StudyResult train(ProgressListener listener) throws IOException, InterruptedException {
        Map<Setting, List<String>> given = directory.settings(run);
        TrainingConfig config = config(given);
        RunSummary summary =
                Trainer.train(config, new RunStart(RunStart.Mode.RESUME_OR_BEGIN, Optional.empty()), listener);
        Evaluation evaluation = evaluate(config);
        Map<String, String> settings = new TreeMap<>();
        given.forEach((setting, values) -> settings.put(setting.key(), String.join(", ", values)));
        StudyResult result = new StudyResult(
                run.id(),
                settings,
                summary.parameters(),
                summary.pace().steps(),
                summary.pace().positions(),
                summary.pace().seconds(),
                summary.pace().stallFraction(),
                evaluation,
                summary.responses());
        result.write(directory.result(run.id()));
        return result;
    }

    private TrainingConfig config(Map<Setting, List<String>> given) {
        Map<Setting, List<String>> settings = new EnumMap<>(given);
        // The loss is evaluated here, once; responses, where the model still trains.
        if (settings.containsKey(Setting.EVALUATE_RESPONSES)) {
            settings.put(Setting.HELD_OUT_WINDOWS, List.of("1"));
        } else {
            settings.remove(Setting.HELD_OUT);
            settings.remove(Setting.HELD_OUT_PART);
        }
        settings.computeIfPresent(
                Setting.CORPUS,
                (key, paths) -> paths.stream()
                        .map(path -> directory.root().resolve(path).toString())
                        .toList());
        if (run.asksServer()) {
            settings.put(Setting.TEACHER, List.of(server));
        }
        settings.put(Setting.NAME, List.of(run.id()));
        settings.put(Setting.OUT, List.of(directory.run(run.id()).toString()));
        settings.put(Setting.CACHE, List.of(directory.tokens().toString()));
        if (!run.targets().isEmpty()) {
            settings.put(
                    Setting.TARGETS,
                    List.of(study.targets(run.targets(), directory).toString()));
        }
        return TrainingConfig.of(Settings.of(settings));
    }

    private Evaluation evaluate(TrainingConfig config) throws IOException, InterruptedException {
        Path model = new RunDirectory(config.out()).model();
        int maxTokens = config.data().microBatchTokens();
        try (Tokenizer tokenizer = Tokenizer.load(config.tokenizerDirectory());
                ScoringModel student = ScoringModel.load(
                        model,
                        config.run().model(),
                        new ScoringOptions(tokenizer.vocabularySize(), ROW_CHUNK, false))) {
            Windows windows = study.heldOut(
                    run.settings(),
                    directory,
                    TextEncoder.of(
                            tokenizer,
                            config.data()
                                    .wrapping(
                                            tokenizer,
                                            student.configuration().boundaries().eos())));
            Optional<Path> taught = study.heldOutTargets(directory);
            if (taught.isEmpty()) {
                return Evaluator.evaluate(student, Optional.empty(), windows, maxTokens, (done, total) -> {});
            }
            var options = new CaptureSource.Options(
                    EVALUATION_IN_FLIGHT, (long) EVALUATION_IN_FLIGHT * windows.context(), true);
            try (CaptureSource source = CaptureSource.open(taught.get(), options);
                    TargetStream stream = source.open(request(source.manifest().rows()))) {
                return Evaluator.evaluate(
                        student, Optional.of(ReferenceTeacher.of(stream)), windows, maxTokens, (done, total) -> {});
            }
        }
    }

    private static TargetRequest request(RowFormat held) {
        return new TargetRequest(held.selection(), held.precision(), held.rawLogits(), TeacherExpectation.any());
    }

    /** The held-out text of a study, tokenised where it is not. */
    static Windows windows(Path cache, Corpus corpus, TextEncoder encoder, int context) throws IOException {
        return new Windows(TokenStore.open(cache, corpus, encoder, 1, (done, total) -> {}), context);
    }
}
