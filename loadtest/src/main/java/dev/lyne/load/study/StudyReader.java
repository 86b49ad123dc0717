package dev.lyne.load.study;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.load.process.Home;
import dev.lyne.load.study.Study.Axis;
import dev.lyne.load.study.Study.Point;
import dev.lyne.load.study.Study.Preparation;
import dev.lyne.student.train.CaptureFit;
import dev.lyne.student.train.HeldOutPart;
import dev.lyne.student.train.Setting;
import dev.lyne.student.train.Settings;
import dev.lyne.student.train.TrainingConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Makes a study of its file, and refuses what cannot be before anything starts. */
final class StudyReader {
    /** Value of a student that learns from the data alone. */
    static final String NONE = "none";

    /** Settings that captures and teachers take from the students' where they do not say otherwise. */
    private static final Set<Setting> SHARED = Set.of(
            Setting.TOKENIZER,
            Setting.CORPUS,
            Setting.TEXT_FIELD,
            Setting.SKIP_INVALID,
            Setting.BOS,
            Setting.EOS,
            Setting.CONTEXT);

    /** Keys of captures and of generations that are no settings. */
    private static final List<String> OF_CAPTURES = List.of("teacher", "temperatures", "held_out");

    private static final List<String> OF_GENERATIONS = List.of("prompts");

    /** Name of the teacher that ships with Lyne. */
    private static final String DEMO = "demo";

    /** Key of what else decides what a preparation makes; no key of a file. */
    private static final String MADE_OF = "made of";

    /** Settings that a generation heeds. */
    private static final Set<Setting> GENERATED = EnumSet.of(
            Setting.TOKENIZER,
            Setting.CORPUS,
            Setting.TEXT_FIELD,
            Setting.SKIP_INVALID,
            Setting.CONTEXT,
            Setting.PROMPT_TOKENS,
            Setting.RESPONSE_TOKENS,
            Setting.ROLLOUT_TEMPERATURE,
            Setting.ROLLOUT_TOP_P);

    private static final Set<Setting> PATHS =
            Set.of(Setting.STUDENT, Setting.TOKENIZER, Setting.CORPUS, Setting.HELD_OUT);

    /** Settings that the study itself gives. */
    private static final Set<Setting> OWN =
            Set.of(Setting.NAME, Setting.OUT, Setting.SEED, Setting.CACHE, Setting.TEACHER, Setting.TEACHER_NAME);

    private final StudyFile file;
    private final InputDigests inputs;
    private final Path base;
    private final Set<String> targets;
    private final Map<String, Preparation> teachers;
    private final Map<String, Preparation> captures;
    private final Map<String, Preparation> generations;
    private final Map<String, StudyRun> runs = new LinkedHashMap<>();

    private StudyReader(
            StudyFile file,
            InputDigests inputs,
            Path base,
            Map<String, Preparation> teachers,
            Map<String, Preparation> captures,
            Map<String, Preparation> generations) {
        this.file = file;
        this.inputs = inputs;
        this.base = base;
        this.targets = new TreeSet<>(captures.keySet());
        this.targets.addAll(teachers.keySet());
        this.teachers = teachers;
        this.captures = captures;
        this.generations = generations;
    }

    /** Reads a study; see {@link Study#read}. */
    static Study read(Path path) throws IOException {
        StudyFile file = StudyFile.read(path);
        Path base = Objects.requireNonNull(path.toAbsolutePath().getParent());
        require(!file.seeds().isEmpty(), "seeds: none (expected: at least 1)");
        require(
                new HashSet<>(file.seeds()).size() == file.seeds().size(),
                "seeds: " + file.seeds() + " (expected: each once)");
        require(file.heldOutWindows() > 0, "held_out_windows: " + file.heldOutWindows() + " (expected: 1 or more)");
        Map<Setting, List<String>> common = settings("settings", file.settings(), base);
        InputDigests inputs = new InputDigests();
        Map<String, Preparation> teachers = new LinkedHashMap<>();
        for (var teacher : preparations("teachers", orEmpty(file.teachers()), List.of(), common, base)
                .entrySet()) {
            Preparation own = teacher.getValue();
            teachers.put(teacher.getKey(), madeOf(own, files(inputs, own.settings())));
        }
        Map<String, Preparation> captures = new LinkedHashMap<>();
        for (var capture : preparations("captures", orEmpty(file.captures()), OF_CAPTURES, common, base)
                .entrySet()) {
            Preparation own = capture.getValue();
            captures.put(capture.getKey(), madeOf(own, ofCapture(file, inputs, own, teachers, common)));
        }
        orEmpty(file.generations()).forEach(StudyReader::requireHeeded);
        Map<String, Preparation> generations = new LinkedHashMap<>();
        for (var generation : preparations("generations", orEmpty(file.generations()), OF_GENERATIONS, common, base)
                .entrySet()) {
            Preparation own = generation.getValue();
            requireGenerated(generation.getKey(), own);
            List<String> made = new ArrayList<>(teacherOf(file, inputs));
            made.addAll(files(inputs, own.settings()));
            generations.put(generation.getKey(), madeOf(own, made));
        }
        StudyReader reader = new StudyReader(file, inputs, base, teachers, captures, generations);
        List<Axis> axes = new ArrayList<>();
        for (StudyFile.AxisFile axis : file.axes()) {
            List<Point> points = new ArrayList<>();
            for (StudyFile.PointFile point : axis.points()) {
                points.add(reader.point(axis, point));
            }
            axes.add(axis(axis, points));
        }
        return new Study(
                file.name(),
                file.title(),
                Objects.requireNonNullElse(file.source(), ""),
                Objects.requireNonNullElse(file.teacher(), ""),
                Objects.requireNonNullElse(file.parallel(), 2),
                file.heldOutWindows(),
                List.copyOf(file.seeds()),
                teachers,
                captures,
                generations,
                axes,
                List.copyOf(reader.runs.values()));
    }

    private Point point(StudyFile.AxisFile axis, StudyFile.PointFile point) throws IOException {
        String where = "axis " + axis.name() + ", point " + point.label();
        Map<Setting, List<String>> all = new EnumMap<>(Setting.class);
        for (Map<String, JsonNode> layer :
                List.of(file.settings(), orEmpty(axis.settings()), orEmpty(point.settings()))) {
            all.putAll(settings(where, layer, base));
        }
        Optional<StudyRun.Choice> choice = choice(where, axis, point, all);
        List<String> ids = new ArrayList<>();
        for (long seed : file.seeds()) {
            ids.add(add(where, all, seed, choice));
        }
        return new Point(
                point.label(),
                Objects.requireNonNullElse(point.series(), ""),
                Objects.requireNonNullElse(point.at(), point.label()),
                Objects.requireNonNullElse(point.paper(), ""),
                ids);
    }

    /** The students that a point's choice is made by, which are the study's from here on. */
    private Optional<StudyRun.Choice> choice(
            String where, StudyFile.AxisFile axis, StudyFile.PointFile point, Map<Setting, List<String>> settings)
            throws IOException {
        StudyFile.ChoiceFile choice = axis.choice();
        if (choice == null) {
            require(point.choose() == null, where + ": choose (expected: absent where the axis has no choice)");
            return Optional.empty();
        }
        String named = "axis " + axis.name() + ", choice";
        Setting setting = Setting.ofKey(choice.setting(), named);
        List<String> values = Objects.requireNonNullElse(point.choose(), choice.values());
        require(!settings.containsKey(setting), where + ": " + setting.key() + " (expected: absent, as it is chosen)");
        require(
                new HashSet<>(values).size() == values.size() && values.size() > 1,
                named + ": " + values + " (expected: two values or more, each once)");
        require(
                !file.seeds().contains(choice.seed()),
                named + ": seed: " + choice.seed() + " (expected: none of " + file.seeds() + ")");
        StudyMetric metric = StudyMetric.ofKey(choice.metric());
        require(
                metric.better() != StudyMetric.Better.NEITHER,
                named + ": metric: " + metric.key() + " (expected: one that is better high or low)");
        Map<String, String> candidates = new LinkedHashMap<>();
        for (String value : values) {
            Map<Setting, List<String>> own = new EnumMap<>(settings);
            own.putAll(settings(named, orEmpty(choice.settings()), base));
            own.put(setting, List.of(value));
            requireOtherDocuments(named, own, settings);
            candidates.put(value, add(where, own, choice.seed(), Optional.empty()));
        }
        return Optional.of(new StudyRun.Choice(setting, metric, candidates));
    }

    /** Refuses to choose a value by what is reported: that would be the best of several looks at it. */
    private void requireOtherDocuments(
            String where, Map<Setting, List<String>> choosing, Map<Setting, List<String>> reporting) {
        List<String> all = List.of(HeldOutPart.ALL.name().toLowerCase(Locale.ROOT));
        List<String> chosenBy = choosing.getOrDefault(Setting.HELD_OUT_PART, all);
        List<String> reported = reporting.getOrDefault(Setting.HELD_OUT_PART, all);
        boolean sameText = Objects.equals(choosing.get(Setting.HELD_OUT), reporting.get(Setting.HELD_OUT));
        require(
                !sameText || !chosenBy.equals(reported) && !chosenBy.equals(all) && !reported.equals(all),
                where + ": settings: held_out_part: " + chosenBy.get(0) + ", beside " + reported.get(0)
                        + " of the students that are reported (expected: validation and test, or another held_out)");
    }

    /** Adds a student where the study has it not yet; its id. */
    private String add(String where, Map<Setting, List<String>> given, long seed, Optional<StudyRun.Choice> choice)
            throws IOException {
        Map<Setting, List<String>> own = new EnumMap<>(given);
        own.put(Setting.SEED, List.of(Long.toString(seed)));
        own.computeIfPresent(Setting.CORPUS, (key, paths) -> generated(paths));
        Map<Setting, List<String>> settings = withTargets(where, own, targets);
        StudyRun run = StudyRun.of(settings, choice, beside(settings));
        requirePossible(where, run);
        requireHeld(where, run, captures, teachers);
        runs.putIfAbsent(run.id(), run);
        return run.id();
    }

    /**
     * What decides a student's figures beside its settings: with another teacher, other targets, other held-out windows or other files
     * under its paths it is another student, and what was made of the one before is none of its figures.
     */
    private List<String> beside(Map<Setting, List<String>> settings) throws IOException {
        List<String> beside = new ArrayList<>();
        beside.add("held_out_windows: " + file.heldOutWindows());
        beside.addAll(files(inputs, settings));
        if (settings.containsKey(Setting.TEACHER)) {
            beside.addAll(teacherOf(file, inputs));
        }
        for (String name : settings.getOrDefault(Setting.TARGETS, List.of())) {
            Preparation made = captures.containsKey(name) ? captures.get(name) : teachers.get(name);
            beside.add("targets: " + Objects.requireNonNull(made).directory(name));
        }
        captures.entrySet().stream()
                .filter(capture -> isOfHeldOut(capture.getValue()))
                .map(capture -> "held-out targets: " + capture.getValue().directory(capture.getKey()))
                .forEach(beside::add);
        return beside;
    }

    private static boolean isOfHeldOut(Preparation capture) {
        return capture.option("held_out").equals("true");
    }

    /** The study's teacher, which is the demo's where the file names none, and the digest of its files. */
    private static List<String> teacherOf(StudyFile file, InputDigests inputs) throws IOException {
        String named = Objects.requireNonNullElse(file.teacher(), "");
        return List.of(teacher(named.isEmpty() ? DEMO : named, inputs));
    }

    private static String teacher(String named, InputDigests inputs) throws IOException {
        Path directory = named.equals(DEMO) ? Home.demoTeacher() : Path.of(named);
        return "teacher: " + named + " " + inputs.ofModel(directory);
    }

    /** The digests of the files that settings name; what the study itself has written is told by its name. */
    private static List<String> files(InputDigests inputs, Map<Setting, List<String>> settings) throws IOException {
        List<String> files = new ArrayList<>();
        for (Setting setting : List.of(Setting.STUDENT, Setting.TOKENIZER, Setting.CORPUS, Setting.HELD_OUT)) {
            for (String path : settings.getOrDefault(setting, List.of())) {
                Path of = Path.of(path);
                if (!of.isAbsolute()) {
                    continue;
                }
                String digest = switch (setting) {
                    case STUDENT -> inputs.ofModel(of);
                    case TOKENIZER -> inputs.ofTokenizer(of);
                    default -> inputs.ofText(of);
                };
                files.add(setting.key() + " sha256: " + digest);
            }
        }
        return files;
    }

    /** Returns what a capture is made of beside what the file says of it. */
    private static List<String> ofCapture(
            StudyFile file,
            InputDigests inputs,
            Preparation capture,
            Map<String, Preparation> teachers,
            Map<Setting, List<String>> common)
            throws IOException {
        List<String> made = new ArrayList<>();
        String named = capture.option("teacher");
        Preparation own = teachers.get(named);
        if (own != null) {
            made.add("teacher: " + own.directory(named));
        } else if (named.isEmpty()) {
            made.addAll(teacherOf(file, inputs));
        } else {
            made.add(teacher(named, inputs));
        }
        Map<Setting, List<String>> read = new EnumMap<>(capture.settings());
        if (isOfHeldOut(capture)) {
            List<String> text = common.getOrDefault(Setting.HELD_OUT, List.of());
            made.add("held_out: %d windows of %s".formatted(file.heldOutWindows(), text));
            read.remove(Setting.CORPUS);
            read.put(Setting.HELD_OUT, text);
        }
        made.addAll(files(inputs, read));
        return made;
    }

    private static Preparation madeOf(Preparation preparation, List<String> made) {
        Map<String, List<String>> options = new LinkedHashMap<>(preparation.options());
        options.put(MADE_OF, made);
        return new Preparation(preparation.settings(), options);
    }

    /** Names of generations as their files within the study's directory. */
    private List<String> generated(List<String> paths) {
        return paths.stream()
                .map(path -> {
                    String name = Objects.toString(Path.of(path).getFileName());
                    Preparation generation = generations.get(name);
                    return generation == null || !base.resolve(name).normalize().equals(Path.of(path))
                            ? path
                            : StudyDirectory.generated(name, generation);
                })
                .toList();
    }

    private static void requireGenerated(String name, Preparation generation) {
        String prompts = generation.option("prompts");
        require(
                prompts.matches("[1-9][0-9]{0,8}"),
                "generations: " + name + ": prompts: " + (prompts.isEmpty() ? "none" : prompts)
                        + " (expected: how many, 1 or more)");
        for (Setting needed : List.of(Setting.CORPUS, Setting.TOKENIZER)) {
            require(
                    generation.settings().containsKey(needed),
                    "generations: " + name + ": " + needed.key()
                            + ": none (expected: one, here or among the students')");
        }
    }

    /** Refuses a key of a generation that would be without effect. */
    private static void requireHeeded(String name, Map<String, JsonNode> values) {
        String where = "generations: " + name;
        for (String key : values.keySet()) {
            require(
                    OF_GENERATIONS.contains(key) || GENERATED.contains(Setting.ofKey(key, where)),
                    where + ": " + key + " (expected: prompts, or one of "
                            + GENERATED.stream().map(Setting::key).toList() + ")");
        }
    }

    private static void requireFileName(String name, String where) {
        require(name.matches("[a-z0-9-]+"), where + " (expected: small letters, digits and hyphens)");
    }

    private static Axis axis(StudyFile.AxisFile axis, List<Point> points) {
        requireFileName(axis.name(), "axes: " + axis.name());
        Set<String> labels = new HashSet<>();
        for (Point point : points) {
            require(labels.add(point.label()), "axis " + axis.name() + ": point " + point.label() + " twice");
        }
        require(
                labels.contains(axis.baseline())
                        || points.stream().anyMatch(point -> point.series().equals(axis.baseline())),
                "axis " + axis.name() + ": baseline: " + axis.baseline() + " (expected: a series, or one of " + labels
                        + ")");
        List<StudyMetric> metrics = Objects.requireNonNullElse(axis.metrics(), List.of(StudyMetric.NLL.key())).stream()
                .map(StudyMetric::ofKey)
                .toList();
        return new Axis(
                axis.name(),
                axis.title(),
                Objects.requireNonNullElse(axis.x(), axis.name()),
                Objects.requireNonNullElse(axis.note(), ""),
                axis.baseline(),
                metrics,
                points);
    }

    private static Map<Setting, List<String>> withTargets(
            String where, Map<Setting, List<String>> settings, Set<String> names) {
        String targets = settings.getOrDefault(Setting.TARGETS, List.of(NONE)).get(0);
        if (targets.equals(NONE)) {
            settings.remove(Setting.TARGETS);
        } else if (targets.equals(StudyRun.SERVER)) {
            settings.remove(Setting.TARGETS);
            settings.put(Setting.TEACHER, List.of(StudyRun.SERVER));
        } else {
            require(
                    names.contains(targets),
                    where + ": targets: " + targets + " (expected: none, server, or one of " + names + ")");
        }
        return settings;
    }

    /** Refuses what `train` would refuse, before anything starts. */
    private static void requirePossible(String where, StudyRun run) throws IOException {
        Map<Setting, List<String>> settings = new EnumMap<>(run.settings());
        settings.put(Setting.OUT, List.of("out"));
        run.choice()
                .ifPresent(choice -> settings.put(
                        choice.setting(),
                        List.of(choice.candidates().keySet().iterator().next())));
        settings.computeIfPresent(Setting.TEACHER, (key, named) -> List.of("localhost:1"));
        try {
            TrainingConfig.of(Settings.of(settings));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(where + ": " + e.getMessage(), e);
        }
    }

    /** Refuses a student that asks more of its targets than will be recorded. */
    private static void requireHeld(
            String where, StudyRun run, Map<String, Preparation> captures, Map<String, Preparation> teachers)
            throws IOException {
        List<String> named = run.settings().getOrDefault(Setting.TARGETS, List.of());
        if (named.isEmpty()) {
            return;
        }
        String name = named.get(0);
        boolean trajectory = !captures.containsKey(name);
        Preparation source = Objects.requireNonNull(trajectory ? teachers.get(name) : captures.get(name));
        require(!isOfHeldOut(source), where + ": targets: " + name + " (expected: not those of the held-out text)");
        Settings student = Settings.of(run.settings());
        Settings capture = Settings.of(source.settings());
        CaptureFit.refusal(
                        student,
                        capture,
                        temperatures(name, source),
                        trajectory,
                        () -> vocabularySize(run.settings().getOrDefault(Setting.TOKENIZER, List.of(""))))
                .ifPresent(refusal -> {
                    throw new IllegalArgumentException(where + ": targets: " + name + ": " + refusal);
                });
    }

    private static List<Float> temperatures(String name, Preparation source) {
        List<Float> temperatures = new ArrayList<>();
        for (String text : source.options().getOrDefault("temperatures", List.of())) {
            try {
                temperatures.add(Float.parseFloat(text));
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(
                        "captures: " + name + ": temperatures: " + text + " (expected: numbers)", e);
            }
        }
        return temperatures;
    }

    private static int vocabularySize(List<String> tokenizer) {
        try (Tokenizer loaded = Tokenizer.load(Path.of(tokenizer.get(0)))) {
            return loaded.vocabularySize();
        }
    }

    /** @param own keys that are no settings */
    private static Map<String, Preparation> preparations(
            String what,
            Map<String, Map<String, JsonNode>> file,
            List<String> own,
            Map<Setting, List<String>> common,
            Path base) {
        Map<String, Preparation> preparations = new LinkedHashMap<>();
        file.forEach((name, values) -> {
            String where = what + ": " + name;
            requireFileName(name, where);
            Map<String, JsonNode> settings = new LinkedHashMap<>(values);
            Map<String, List<String>> options = new LinkedHashMap<>();
            for (String option : own) {
                JsonNode value = settings.remove(option);
                if (value != null) {
                    options.put(option, texts(where, option, value));
                }
            }
            Map<Setting, List<String>> all = new EnumMap<>(Setting.class);
            SHARED.stream()
                    .filter(common::containsKey)
                    .forEach(key -> all.put(key, common.getOrDefault(key, List.of())));
            all.putAll(settings(where, settings, base));
            preparations.put(name, new Preparation(all, options));
        });
        return preparations;
    }

    private static Map<Setting, List<String>> settings(String where, Map<String, JsonNode> values, Path base) {
        Map<Setting, List<String>> settings = new EnumMap<>(Setting.class);
        values.forEach((key, value) -> {
            Setting setting = Setting.ofKey(key, where);
            require(!OWN.contains(setting), where + ": " + key + " (expected: absent, as the study gives it itself)");
            List<String> texts = texts(where, key, value);
            settings.put(
                    setting,
                    PATHS.contains(setting)
                            ? texts.stream()
                                    .map(text -> base.resolve(text).normalize().toString())
                                    .toList()
                            : texts);
        });
        return settings;
    }

    private static List<String> texts(String where, String key, JsonNode value) {
        List<String> texts = new ArrayList<>();
        for (JsonNode element : value.isArray() ? value : List.of(value)) {
            require(
                    element.isValueNode() && !element.isNull(),
                    where + ": " + key + ": " + value + " (expected: a value)");
            texts.add(element.asString());
        }
        return texts;
    }

    private static <V> Map<String, V> orEmpty(@Nullable Map<String, V> map) {
        return map == null ? Map.of() : map;
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
