package dev.lyne.cli.serve;

import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.load.process.Home;
import dev.lyne.teacher.engine.EngineSettings;
import dev.lyne.teacher.engine.EngineTeacher;
import dev.lyne.teacher.model.DeviceCopies;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.replay.ReplayedTeacher;
import dev.lyne.teacher.server.OpenedTeacher;
import dev.lyne.teacher.server.TeacherEntry;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A teacher that options ask for: a model's directory, an inference engine, a synthetic one, or a capture.
 *
 * @param name that it is served under; empty: its directory's, its kind's, or the captured one's
 * @param teacher the value of {@code --teacher}; empty where a capture is served
 * @param replay a capture's directory
 * @param devices where it computes and how, one or more; a model is on each of them
 * @param deterministic whether each sequence is computed alone
 * @param engine what only an engine has
 * @param cacheBytes its share of the memory cache
 * @param keyValueBytes memory of the texts that it decodes
 * @param encodeThreads threads that encode and deliver its rows
 */
record WantedTeacher(
        Optional<String> name,
        Optional<String> teacher,
        Optional<Path> replay,
        List<ModelOptions> devices,
        boolean deterministic,
        EngineOptions engine,
        Optional<Long> cacheBytes,
        long keyValueBytes,
        int encodeThreads) {
    /**
     * The entry of a server, with nothing loaded yet.
     *
     * @throws IllegalArgumentException where an option names what is not there, or does not go with another
     */
    TeacherEntry entry() throws IOException {
        if (teacher.isPresent() == replay.isPresent()) {
            throw new IllegalArgumentException("--teacher: " + teacher.orElse("none") + ", --replay: "
                    + replay.map(Path::toString).orElse("none") + " (expected: one of them)");
        }
        if (replay.isPresent()) {
            engine.requireNone();
            return replayed(replay.get());
        }
        String asked = teacher.get();
        if (EngineSettings.names(asked)) {
            return engine(asked);
        }
        engine.requireNone();
        return SyntheticSettings.names(asked) ? synthetic(SyntheticSettings.parse(asked)) : model(Home.teacher(asked));
    }

    private TeacherEntry entry(String served, String revision, TeacherEntry.Memory memory, TeacherEntry.Loader loader) {
        return new TeacherEntry(served, revision, cacheBytes, memory, loader);
    }

    private TeacherEntry replayed(Path directory) throws IOException {
        if (deterministic) {
            throw new IllegalArgumentException(
                    "--deterministic: true (expected: not with --replay, which says what the captured teacher was)");
        }
        if (name.isPresent()) {
            return entry(
                    name.get(),
                    "capture " + stamps(directory),
                    TeacherEntry.Memory.NONE,
                    () -> new OpenedTeacher.Captured(open(directory)));
        }
        ReplayedTeacher opened = open(directory); // whose name is in it
        return entry(
                opened.description().name(),
                "capture",
                TeacherEntry.Memory.NONE,
                () -> new OpenedTeacher.Captured(opened));
    }

    private ReplayedTeacher open(Path directory) throws IOException {
        return ReplayedTeacher.open(directory, name, encodeThreads, System::nanoTime);
    }

    private TeacherEntry engine(String engines) {
        if (deterministic) {
            throw new IllegalArgumentException(
                    "--deterministic: true (expected: not with an engine; --engine-batch-invariant says that what else it computes changes no"
                            + " bit of its rows)");
        }
        EngineSettings settings =
                engine.settings(engines, name, devices.get(0).precision().torchName());
        return entry(
                settings.name(),
                "engine " + settings + " decodes=" + (keyValueBytes > 0),
                new TeacherEntry.Memory(0, keyValueBytes, false),
                new TeacherEntry.Loader() {
                    @Override
                    public OpenedTeacher open() throws IOException, InterruptedException {
                        return new OpenedTeacher.Remote(EngineTeacher.open(settings, encodeThreads));
                    }

                    /** For its file of identity, for an address that answers, and for the answer to its first probe. */
                    @Override
                    public Duration waits() {
                        return settings.limits()
                                .absence()
                                .multipliedBy(2)
                                .plus(settings.limits().answer());
                    }
                });
    }

    private TeacherEntry synthetic(SyntheticSettings settings) {
        String served = name.orElse("synthetic");
        return entry(
                served,
                "synthetic " + settings + " deterministic=" + deterministic + " devices=" + deviceNames(),
                new TeacherEntry.Memory(0, keyValueBytes, false),
                () -> new OpenedTeacher.Local(DeviceCopies.load(
                        deviceNames(), unused -> new SyntheticTeacher(served, settings, deterministic))));
    }

    private TeacherEntry model(Path directory) throws IOException {
        String served = name.orElseGet(
                () -> String.valueOf(directory.toAbsolutePath().normalize().getFileName()));
        boolean decodesHere = isHere(devices.get(0));
        long weightsHere = devices.stream()
                .filter(WantedTeacher::isHere)
                .mapToLong(device -> weightBytes(directory, device))
                .sum();
        return entry(
                served,
                "model " + devices + " deterministic=" + deterministic + " kv=" + keyValueBytes + " "
                        + stamps(directory),
                new TeacherEntry.Memory(weightsHere, keyValueBytes, decodesHere),
                loader(served, directory));
    }

    private TeacherEntry.Loader loader(String served, Path directory) {
        return new TeacherEntry.Loader() {
            @Override
            public OpenedTeacher open() throws IOException {
                return new OpenedTeacher.Local(DeviceCopies.load(
                        deviceNames(),
                        device -> LanguageModelTeacher.load(served, directory, on(device), deterministic)));
            }

            @Override
            public void check() throws IOException {
                LanguageModelTeacher.check(directory);
            }

            /** Kernel choice: measured as the teacher is loaded. */
            @Override
            public boolean alone() {
                return true;
            }
        };
    }

    private List<String> deviceNames() {
        return devices.stream().map(ModelOptions::device).toList();
    }

    private ModelOptions on(String device) {
        return devices.stream()
                .filter(each -> each.device().equals(device))
                .findFirst()
                .orElseThrow();
    }

    private static boolean isHere(ModelOptions device) {
        return device.device().equals("cpu");
    }

    /**
     * Returns a text that changes where a file of a directory does: where it is, and of each file its name, size and
     * time.
     */
    private static String stamps(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return directory.toString(); // whoever opens it says what is wrong
        }
        try (Stream<Path> files = Files.list(directory)) {
            List<Path> sorted = files.filter(Files::isRegularFile).sorted().toList();
            StringBuilder all = new StringBuilder(directory.toAbsolutePath().toString());
            for (Path file : sorted) {
                all.append(' ')
                        .append(file.getFileName())
                        .append(':')
                        .append(Files.size(file))
                        .append(':')
                        .append(Files.getLastModifiedTime(file).toMillis());
            }
            return all.toString();
        }
    }

    /**
     * Returns the bytes of the weights as a device computes with them, whatever they are stored in; 0 where whoever
     * loads them says what is wrong.
     */
    private static long weightBytes(Path directory, ModelOptions device) {
        try {
            return ModelConfiguration.read(directory).parameters()
                    * device.precision().bytes();
        } catch (IllegalArgumentException | UncheckedIOException e) {
            return 0;
        }
    }
}
