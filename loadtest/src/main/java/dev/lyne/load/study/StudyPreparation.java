package dev.lyne.load.study;

import dev.lyne.files.AtomicFile;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.tokenizer.TokenChoice;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.Home;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.train.CorpusPrompts;
import dev.lyne.student.train.RunDirectory;
import dev.lyne.student.train.Setting;
import dev.lyne.student.train.Settings;
import dev.lyne.wire.capture.Capture;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Preparation of a study before its students: tokenised texts, models trained by itself, captured targets. What stands
 * is kept.
 */
public final class StudyPreparation {
    private static final long SERVER_HEAP_MIB = 1_024;

    private final Study study;
    private final StudyDirectory directory;
    private final StudyServer server;
    private final PrintStream text;

    /** @param server of the study's teacher, for the texts that it writes */
    public StudyPreparation(Study study, StudyDirectory directory, StudyServer server, PrintStream text) {
        this.server = server;
        this.study = study;
        this.directory = directory;
        this.text = text;
    }

    public void run() throws IOException, InterruptedException {
        for (Map.Entry<String, Study.Preparation> generation :
                study.generations().entrySet()) {
            generate(generation.getKey(), generation.getValue());
        }
        tokenise();
        for (Map.Entry<String, Study.Preparation> teacher : study.teachers().entrySet()) {
            teach(teacher.getKey(), teacher.getValue());
        }
        for (Map.Entry<String, Study.Preparation> capture : study.captures().entrySet()) {
            capture(capture.getKey(), capture.getValue());
        }
    }

    /** Every text once, so that students side by side find it done. */
    private void tokenise() throws IOException {
        record Text(
                String tokenizer,
                List<String> paths,
                Optional<String> field,
                boolean skipInvalid,
                TokenChoice bos,
                TokenChoice eos,
                List<Integer> studentEosIds) {}
        Set<Text> texts = new LinkedHashSet<>();
        for (StudyRun run : study.runs()) {
            Map<Setting, List<String>> settings = run.settings();
            String tokenizer = first(settings, Setting.TOKENIZER).orElse("");
            for (Setting corpus : List.of(Setting.CORPUS, Setting.HELD_OUT)) {
                texts.add(new Text(
                        tokenizer,
                        settings.getOrDefault(corpus, List.of()),
                        first(settings, Setting.TEXT_FIELD),
                        first(settings, Setting.SKIP_INVALID).equals(Optional.of("true")),
                        choice(settings, Setting.BOS),
                        choice(settings, Setting.EOS),
                        studentEosIds(settings)));
            }
        }
        for (Text each : texts) {
            if (each.paths().isEmpty() || each.tokenizer().isEmpty()) {
                throw new IllegalArgumentException(
                        "settings: a study gives tokenizer, corpus and held_out (expected: all three)");
            }
            try (Tokenizer tokenizer = Tokenizer.load(Path.of(each.tokenizer()))) {
                List<Path> paths =
                        each.paths().stream().map(directory.root()::resolve).toList();
                TokenStore.open(
                        directory.tokens(),
                        Corpus.of(Setting.CORPUS.key(), paths, each.field(), each.skipInvalid()),
                        TextEncoder.of(tokenizer, tokenizer.wrapping(each.bos(), each.eos(), each.studentEosIds())),
                        Runtime.getRuntime().availableProcessors(),
                        (done, total) -> {});
            }
        }
    }

    /** Has the teacher respond to the beginnings of a corpus; what is broken off is gone on with. */
    private void generate(String name, Study.Preparation generation) throws IOException, InterruptedException {
        Path out = directory.generation(name, generation);
        Path responses = out.resolve(StudyDirectory.RESPONSES);
        Path prompts = out.resolve("prompts.jsonl");
        long count = Long.parseLong(generation.option("prompts"));
        if (Files.exists(responses) && lines(responses) >= count) {
            return;
        }
        Settings settings = Settings.of(generation.settings());
        Files.createDirectories(out);
        String lines = CorpusPrompts.lines(settings, directory.tokens(), count).stream()
                .map(line -> line + "\n")
                .collect(Collectors.joining());
        AtomicFile.write(prompts, lines.getBytes(StandardCharsets.UTF_8));
        text.printf("the teacher writes the texts %s in %s%n", name, responses);
        List<String> arguments = new ArrayList<>(List.of(
                "generate",
                "--teacher",
                server.address(),
                "--corpus",
                prompts.toString(),
                "--out",
                responses.toString()));
        arguments.addAll(CorpusPrompts.options(settings));
        run("the texts " + name, out.resolve("generate.log"), arguments);
    }

    private static long lines(Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.count();
        }
    }

    private void teach(String name, Study.Preparation teacher) throws IOException, InterruptedException {
        Path out = directory.teacher(name, teacher);
        if (Files.exists(new RunDirectory(out).summary())) {
            return;
        }
        text.printf("training the model %s in %s%n", name, out);
        List<String> arguments = arguments("pretrain", name, out, teacher.settings());
        arguments.addAll(List.of(
                "--resume",
                "--from-start",
                "--record-targets",
                out.resolve(Study.TRAJECTORY).toString()));
        run("the model " + name, out.resolveSibling(out.getFileName() + ".log"), arguments);
    }

    private void capture(String name, Study.Preparation capture) throws IOException, InterruptedException {
        Path out = directory.capture(name, capture);
        if (isComplete(out)) {
            return;
        }
        text.printf("recording the targets %s in %s%n", name, out);
        Map<Setting, List<String>> settings = new EnumMap<>(capture.settings());
        if (capture.option("held_out").equals("true")) {
            Map<Setting, List<String>> students = study.runs().get(0).settings();
            settings.put(Setting.CORPUS, students.getOrDefault(Setting.HELD_OUT, List.of()));
            settings.put(Setting.WINDOWS, List.of(Integer.toString(study.heldOutWindows())));
        }
        Files.createDirectories(directory.root().resolve("captures"));
        Path log = out.resolveSibling(out.getFileName() + ".log");
        try (ServerProcess server = ServerProcess.start(
                out.resolveSibling(out.getFileName() + ".server.log"),
                teacher(capture).toString(),
                SERVER_HEAP_MIB,
                List.of())) {
            List<String> arguments = arguments("capture", name, out, settings);
            arguments.addAll(List.of("--teacher", server.awaitReady().listening()));
            if (capture.options().containsKey("temperatures")) {
                arguments.addAll(List.of(
                        "--temperatures", String.join(",", capture.options().getOrDefault("temperatures", List.of()))));
            }
            run("the capture " + name, log, arguments);
        }
    }

    private static boolean isComplete(Path capture) throws IOException {
        if (!Files.isDirectory(capture)) {
            return false;
        }
        try {
            Capture.open(capture);
            return true;
        } catch (IllegalArgumentException unfinished) {
            return false; // the same command goes on with it
        }
    }

    private Path teacher(Study.Preparation capture) {
        String named = capture.option("teacher");
        Study.Preparation own = study.teachers().get(named);
        if (own != null) {
            return new RunDirectory(directory.teacher(named, own)).model();
        }
        String model = named.isEmpty() ? study.teacher() : named;
        return Home.teacher(model.isEmpty() ? "demo" : model);
    }

    private List<String> arguments(String command, String name, Path out, Map<Setting, List<String>> settings) {
        List<String> arguments = new ArrayList<>(List.of(
                command,
                "--name",
                name,
                "--out",
                out.toString(),
                "--cache",
                directory.tokens().toString()));
        settings.forEach((setting, values) -> arguments.addAll(List.of(setting.flag(), String.join(",", values))));
        return arguments;
    }

    private static void run(String name, Path log, List<String> arguments) throws IOException, InterruptedException {
        try (ChildProcess process =
                ChildProcess.start(name, log, Runtime.getRuntime().availableProcessors(), "1g", arguments)) {
            process.awaitSuccess();
        }
    }

    /** The ids that end a document where the tokenizer names none, as the student itself will take them. */
    private static List<Integer> studentEosIds(Map<Setting, List<String>> settings) throws IOException {
        Optional<Path> student = first(settings, Setting.STUDENT).map(Path::of);
        if (student.isEmpty() || !Files.exists(student.get())) {
            return List.of(); // the student's own run says so
        }
        ModelConfiguration configuration = Files.isDirectory(student.get())
                ? ModelConfiguration.read(student.get())
                : ModelConfiguration.readFile(student.get());
        return configuration.boundaries().eos();
    }

    private static TokenChoice choice(Map<Setting, List<String>> settings, Setting setting) {
        return TokenChoice.parse(setting.key(), first(settings, setting).orElse("auto"));
    }

    private static Optional<String> first(Map<Setting, List<String>> settings, Setting setting) {
        return Stream.ofNullable(settings.get(setting)).flatMap(List::stream).findFirst();
    }
}
