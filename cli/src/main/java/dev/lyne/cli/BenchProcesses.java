package dev.lyne.cli;

import dev.lyne.load.bench.BenchStudent;
import dev.lyne.load.bench.ServeWorker;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.IntUnaryOperator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** The student processes of the benchmarks. */
final class BenchProcesses {
    private BenchProcesses() {}

    /**
     * Starts students in processes of their own.
     *
     * @param windows sequences that a student keeps in flight, by its number
     */
    static BenchStudent.Starter starter(int students, IntUnaryOperator windows) {
        return port -> {
            Path logs = Files.createTempDirectory("lyne-bench");
            logs.toFile().deleteOnExit(); // a student that fails has the end of its log in the error
            List<BenchStudent> started = new ArrayList<>();
            for (int number = 0; number < students; number++) {
                Path log = logs.resolve("student-" + number + ".log");
                log.toFile().deleteOnExit();
                try {
                    started.add(new StudentProcess(ChildProcess.start(
                            "student " + number,
                            log,
                            1,
                            "256m",
                            List.of(
                                    "bench",
                                    "worker",
                                    "127.0.0.1:" + port,
                                    Integer.toString(number),
                                    Integer.toString(windows.applyAsInt(number))))));
                } catch (IOException e) {
                    started.forEach(BenchStudent::close);
                    throw e;
                }
            }
            return started;
        };
    }

    private record StudentProcess(ChildProcess process) implements BenchStudent {
        @Override
        public void tell(String line) throws IOException {
            process.writeLine(line);
        }

        @Override
        public String hear() throws IOException {
            return process.readLine();
        }

        @Override
        public void pause() throws IOException, InterruptedException {
            process.signal("STOP");
        }

        @Override
        public void resume() throws IOException, InterruptedException {
            process.signal("CONT");
        }

        @Override
        public void close() {
            process.close();
        }
    }

    /** One of those processes. */
    @Command(name = "worker", hidden = true)
    @SuppressWarnings("NullAway.Init") // picocli sets the parameters
    static final class Worker implements Callable<Integer> {
        @Parameters(index = "0")
        private String teacher;

        @Parameters(index = "1")
        private int number;

        @Parameters(index = "2")
        private int window;

        @Override
        public Integer call() throws Exception {
            new ServeWorker(teacher, number, window)
                    .run(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), System.out);
            return 0;
        }
    }
}
