package dev.lyne.cli.measure;

import dev.lyne.cli.common.ConsoleProgress;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.StopOnSignal;
import dev.lyne.files.DirectoryLock;
import dev.lyne.load.process.Directories;
import dev.lyne.load.study.Study;
import dev.lyne.load.study.StudyDirectory;
import dev.lyne.load.study.StudyGrid;
import dev.lyne.load.study.StudyPreparation;
import dev.lyne.load.study.StudyServer;
import dev.lyne.load.study.StudyStudent;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A grid of students. */
@Command(
        name = "study",
        description =
                "Trains a grid of students, several at a time, and compares them: a table and a page of plots. The same command goes"
                        + " on after an interruption; results are kept as they are made.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class StudyCommand implements Callable<Integer> {
    @Option(names = "--config", required = true, paramLabel = "FILE", description = "YAML file of the study.")
    private Path config;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Directory that everything is written to (default: study-NAME).")
    private @Nullable Path out;

    @Option(names = "--parallel", paramLabel = "N", description = "Students at a time (default: as the file says).")
    private @Nullable Integer parallel;

    @Option(names = "--dry-run", description = "Check the study, say what it would train, and stop.")
    private boolean dryRun;

    @Mixin
    private JsonReport json;

    /** Figures of a study for --json. */
    record Report(String directory, int students, int done, int failed) {}

    @Override
    public Integer call() throws Exception {
        Study study = Study.read(config);
        int atATime = parallel == null ? study.parallel() : parallel;
        if (atATime < 1) {
            throw new IllegalArgumentException("--parallel: " + atATime + " (expected: 1 or more)");
        }
        var directory = new StudyDirectory(out == null ? Path.of("study-" + study.name()) : out);
        Directories.requirePlace("--out", directory.root());
        if (dryRun) {
            System.out.printf(
                    "%s: %d students (%d axes, %d points, seeds %s), %d models, %d captures and %d texts of the teacher before them%n",
                    study.name(),
                    study.runs().size(),
                    study.axes().size(),
                    study.axes().stream().mapToInt(axis -> axis.points().size()).sum(),
                    study.seeds(),
                    study.teachers().size(),
                    study.captures().size(),
                    study.generations().size());
            return 0;
        }
        int failed;
        try (DirectoryLock unused = directory.lock();
                StudyServer server = new StudyServer(study, directory)) {
            new StudyPreparation(study, directory, server, System.err).run();
            failed = new StudyGrid(study, config, directory, atATime, server, System.err).run();
        }
        Report report = new Report(
                directory.root().toString(),
                study.runs().size(),
                directory.read(study).size(),
                failed);
        json.write(report);
        if (!json.toStdout()) {
            System.out.printf(
                    "%d of %d students done; table %s, page %s%n",
                    report.done(),
                    report.students(),
                    directory.root().resolve("table.md"),
                    directory.root().resolve("report.html"));
        }
        return failed == 0 ? 0 : 1;
    }

    /** Command of one student, in the process that a study starts for it. */
    @Command(name = "study-student", hidden = true)
    @SuppressWarnings("NullAway.Init") // picocli sets the parameters
    public static final class Student implements Callable<Integer> {
        @Parameters(index = "0")
        private Path config;

        @Parameters(index = "1")
        private Path out;

        @Parameters(index = "2")
        private String id;

        @Option(names = "--teacher", paramLabel = "HOST:PORT", defaultValue = "")
        private String teacher;

        @Override
        public Integer call() throws Exception {
            try (var stop = StopOnSignal.install();
                    var progress = new ConsoleProgress(System.err, stop::isRequested)) {
                new StudyStudent(Study.read(config), id, new StudyDirectory(out), teacher).train(progress);
            }
            return 0;
        }
    }
}
