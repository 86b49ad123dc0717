package dev.lyne.load.study;

import dev.lyne.files.DirectoryLock;
import dev.lyne.student.train.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The directory of a study, and the place of each file in it. */
public record StudyDirectory(Path root) {
    /** The file of what the teacher wrote, in the directory of a generation. */
    static final String RESPONSES = "responses.jsonl";

    /**
     * Keeps other processes out of it.
     *
     * @throws IllegalStateException where one works in it
     */
    public DirectoryLock lock() throws IOException {
        return DirectoryLock.take(root, ".lock")
                .orElseThrow(
                        () -> new IllegalStateException(root + ": another study runs in it (expected: one at a time)"));
    }

    /** Returns the place of tokenised texts. */
    public Path tokens() {
        return root.resolve("tokens");
    }

    /** A model that the study trains first. */
    public Path teacher(String name, Study.Preparation teacher) {
        return root.resolve("teachers").resolve(teacher.directory(name));
    }

    /** Targets that it records first. */
    public Path capture(String name, Study.Preparation capture) {
        return root.resolve("captures").resolve(capture.directory(name));
    }

    /** A student's. */
    public Path run(String id) {
        return root.resolve("runs").resolve(id);
    }

    /** Returns the place of a student's result; the file is there once it is done. */
    public Path result(String id) {
        return run(id).resolve("result.json");
    }

    /** A line a student, in the order that they were done. */
    public Path results() {
        return root.resolve("results.jsonl");
    }

    /** Returns the place of responses of the teacher that the study has written first. */
    public Path generation(String name, Study.Preparation generation) {
        return root.resolve("generated").resolve(generation.directory(name));
    }

    /** The file of those responses, within a study's directory. */
    static String generated(String name, Study.Preparation generation) {
        return "generated/" + generation.directory(name) + "/" + RESPONSES;
    }

    /** The settings of a student, those that others decide among them. */
    public Map<Setting, List<String>> settings(StudyRun run) throws IOException {
        Map<Setting, List<String>> settings = new EnumMap<>(run.settings());
        if (run.choice().isPresent()) {
            settings.put(run.choice().get().setting(), List.of(best(run.choice().get())));
        }
        return settings;
    }

    private String best(StudyRun.Choice choice) throws IOException {
        String best = "";
        double bestValue = Double.NaN;
        boolean higher = choice.metric().better() == StudyMetric.Better.HIGHER;
        for (Map.Entry<String, String> candidate : choice.candidates().entrySet()) {
            if (!Files.exists(result(candidate.getValue()))) {
                throw new IllegalStateException(choice.setting().key() + ": the student " + candidate.getValue()
                        + ", which has " + candidate.getKey() + ", is not done (expected: all of "
                        + choice.candidates().keySet() + ")");
            }
            double value = choice.metric().of(StudyResult.read(result(candidate.getValue())));
            if (Double.isNaN(value)) {
                throw new IllegalStateException(choice.setting().key() + ": the student " + candidate.getValue()
                        + " has no " + choice.metric().key() + " (expected: one, to choose by)");
            }
            if (best.isEmpty() || (higher ? value > bestValue : value < bestValue)) {
                best = candidate.getKey();
                bestValue = value;
            }
        }
        return best;
    }

    /** The results that there are, by id. */
    public Map<String, StudyResult> read(Study study) throws IOException {
        Map<String, StudyResult> results = new LinkedHashMap<>();
        for (StudyRun run : study.runs()) {
            if (Files.exists(result(run.id()))) {
                results.put(run.id(), StudyResult.read(result(run.id())));
            }
        }
        return results;
    }
}
