package dev.lyne.load.bench;

import dev.lyne.load.process.ChildProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** The student processes of the benchmarks, each of which {@code lyne bench worker} is. */
public final class StudentProcesses {
    private StudentProcesses() {}

    /**
     * Starts students in processes of their own.
     *
     * @param windows sequences that a student keeps in flight, by its number
     */
    public static BenchStudent.Starter starter(int students, IntUnaryOperator windows) {
        return (port, tokens) -> {
            Path logs = Files.createTempDirectory("lyne-bench");
            logs.toFile().deleteOnExit(); // a student that fails has the end of its log in the error
            List<BenchStudent> started = new ArrayList<>();
            for (int number = 0; number < students; number++) {
                Path log = logs.resolve("student-" + number + ".log");
                log.toFile().deleteOnExit();
                List<String> command = new ArrayList<>(List.of(
                        "bench",
                        "worker",
                        "127.0.0.1:" + port,
                        Integer.toString(number),
                        Integer.toString(windows.applyAsInt(number))));
                if (!tokens.isEmpty()) {
                    command.add(tokens.get(number).toString());
                }
                try {
                    started.add(new StudentProcess(ChildProcess.start("student " + number, log, 1, "256m", command)));
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
}
