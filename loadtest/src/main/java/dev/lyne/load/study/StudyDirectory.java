package dev.lyne.load.study;

import dev.lyne.files.DirectoryLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What stands where in the directory of a study. */
public record StudyDirectory(Path root) {
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

    /** Where tokenised texts are. */
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

    /** What came of a student; there once it is done. */
    public Path result(String id) {
        return run(id).resolve("result.json");
    }

    /** A line a student, in the order that they were done. */
    public Path results() {
        return root.resolve("results.jsonl");
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
