package dev.lyne.load.study;

import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.Windows;
import dev.lyne.student.train.HeldOutPart;
import dev.lyne.student.train.Setting;
import dev.lyne.student.train.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A study, checked: every student's settings are known to be possible before any is trained.
 *
 * @param teacher model directory of the teacher, or {@code demo}; empty where the study trains its own
 * @param teachers settings of models to train first, by name
 * @param captures settings of targets to record first, by name
 * @param generations settings of texts that the teacher writes first, by name
 * @param runs every student once, those with a point of each axis and seed
 */
public record Study(
        String name,
        String title,
        String source,
        String teacher,
        int parallel,
        int heldOutWindows,
        List<Long> seeds,
        Map<String, Preparation> teachers,
        Map<String, Preparation> captures,
        Map<String, Preparation> generations,
        List<Axis> axes,
        List<StudyRun> runs) {
    /** Name of a teacher's recorded targets in its directory. */
    public static final String TRAJECTORY = "trajectory";

    /**
     * Something to be made before students are trained.
     *
     * @param settings by key
     * @param options that are none of a training run's: {@code teacher}, {@code temperatures}, {@code held_out}, {@code prompts}, and what
     *     else decides what is made
     */
    public record Preparation(Map<Setting, List<String>> settings, Map<String, List<String>> options) {
        /** A name for it that changes with what it is. */
        public String directory(String name) {
            return name + "-" + StudyRun.idOf(settings + " " + options).substring(0, 8);
        }

        /** The first value of an option; empty where it is not given. */
        public String option(String name) {
            return options.getOrDefault(name, List.of("")).get(0);
        }
    }

    /**
     * Axis: a setting that is varied.
     *
     * @param baseline label of the point that others are compared with, or name of the series whose point at the same place is
     */
    public record Axis(
            String name,
            String title,
            String x,
            String note,
            String baseline,
            List<StudyMetric> metrics,
            List<Point> points) {
        /** Whether points are compared with those of a series at their place. */
        boolean isSeries() {
            return points.stream().anyMatch(point -> point.series().equals(baseline));
        }

        /** Whether others are compared with it. */
        boolean isBaseline(Point point) {
            return isSeries() ? point.series().equals(baseline) : point.label().equals(baseline);
        }
    }

    /**
     * A point of an axis.
     *
     * @param series that it belongs to; empty where the axis is one
     * @param at where it stands
     * @param paper what the source reports; empty for nothing
     * @param runs ids of its students, one a seed, in the order of the seeds
     */
    public record Point(String label, String series, String at, String paper, List<String> runs) {}

    /** The run of that id. */
    public StudyRun run(String id) {
        return runs.stream()
                .filter(run -> run.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("run: " + id
                        + " (expected: one of the study's, whose files have to stay as they are while it runs)"));
    }

    /** Returns the place of the targets of that name, captured or recorded by a teacher in training. */
    public Path targets(String name, StudyDirectory directory) {
        Preparation capture = captures.get(name);
        if (capture != null) {
            return directory.capture(name, capture);
        }
        return directory
                .teacher(name, Objects.requireNonNull(teachers.get(name), name))
                .resolve(TRAJECTORY);
    }

    /** Returns the place of the targets of the held-out windows, if any are captured. */
    public Optional<Path> heldOutTargets(StudyDirectory directory) {
        return captures.entrySet().stream()
                .filter(capture -> capture.getValue().option("held_out").equals("true"))
                .map(capture -> directory.capture(capture.getKey(), capture.getValue()))
                .findFirst();
    }

    /** The held-out windows that students with these settings are evaluated on. */
    Windows heldOut(Map<Setting, List<String>> settings, StudyDirectory directory, TextEncoder encoder)
            throws IOException {
        List<String> paths = settings.getOrDefault(Setting.HELD_OUT, List.of());
        if (paths.isEmpty()) {
            throw new IllegalArgumentException("held_out: none (expected: text to evaluate students on)");
        }
        Optional<String> textField =
                settings.getOrDefault(Setting.TEXT_FIELD, List.of()).stream().findFirst();
        int context = Integer.parseInt(settings.getOrDefault(
                        Setting.CONTEXT, List.of(Setting.CONTEXT.defaultValue().orElseThrow()))
                .get(0));
        boolean skipInvalid =
                settings.getOrDefault(Setting.SKIP_INVALID, List.of()).equals(List.of("true"));
        Corpus corpus =
                Corpus.of(Setting.HELD_OUT.key(), paths.stream().map(Path::of).toList(), textField, skipInvalid);
        return HeldOutPart.of(Settings.of(settings))
                .of(StudyStudent.windows(directory.tokens(), corpus, encoder, context))
                .sample(heldOutWindows);
    }

    /**
     * Reads a study, whose paths are relative to its file.
     *
     * @throws IllegalArgumentException names the axis and the point whose settings are not possible
     */
    public static Study read(Path path) throws IOException {
        return StudyReader.read(path);
    }
}
