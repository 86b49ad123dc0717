package dev.lyne.load.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.Directories;
import dev.lyne.load.process.Home;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.student.train.RunDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Distillation on one machine: the demo's teacher in a server of its own and the demo's students in processes of their own, against
 * teacher and student in one process of PyTorch, which has both whole logits. All share the machine's cores; the peer is asleep while
 * ours run, and ours are not there while it runs. Its step alone is compared by {@link StepComparison}, its forward by {@link
 * ForwardComparison}.
 */
public final class DistillBenchmark {
    private static final String PEER = "pytorch";
    private static final int TOKENS = 256;
    private static final double ALPHA = 0.9;
    private static final int WARM_UP_STEPS = 10;

    /** Windows that a student asks for ahead: as many are under way where counting ends as where it begins. */
    private static final int IN_FLIGHT = 64;

    private static final long SERVER_HEAP_MIB = 1_024;

    /**
     * How long a round is.
     *
     * @param steps of a student in a round, of which the first {@value #WARM_UP_STEPS} are not counted
     * @param batch windows of a step
     * @param students that share a corpus, in the last kind of round
     * @param studentThreads threads of a student's operators
     */
    public record Size(int rounds, int steps, int batch, int students, int studentThreads) {
        public Size {
            atLeast("--rounds", rounds, 1);
            atLeast("--steps", steps, WARM_UP_STEPS + 1);
            atLeast("--batch", batch, 1);
            atLeast("--students", students, 1);
            atLeast("--student-threads", studentThreads, 1);
        }

        private static void atLeast(String option, int value, int least) {
            if (value < least) {
                throw new IllegalArgumentException(option + ": " + value + " (expected: at least " + least + ")");
            }
        }
    }

    /**
     * The figures.
     *
     * @param steps of a student in a round that are counted
     */
    public record Result(
            String peer, String peerVersion, String peerAttention, int rounds, int steps, List<Line> results) {}

    /**
     * One kind of round.
     *
     * @param run {@code one_student_cold}, {@code one_student_warm} (the same rows again, from the server's memory), or
     *     {@code students_on_one_corpus}
     * @param students at the same time; positions of all of them count
     */
    public record Line(
            String run, int students, @JsonUnwrapped PeerRounds.Pace pace) {}

    private final Size size;
    private final PeerProcess.Start start;
    private final PeerRounds rounds;
    private final Path scratch;

    /**
     * A benchmark.
     *
     * @param python an interpreter that can import `torch` and `transformers`, or the folder of its virtual environment
     * @param scratch directory for models, runs and logs
     */
    public DistillBenchmark(String peer, String python, Size size, PeerRounds rounds, Path scratch) {
        if (!peer.equals(PEER)) {
            throw new IllegalArgumentException("--against: " + peer + " (expected: " + PEER + ")");
        }
        this.size = size;
        this.rounds = rounds;
        this.scratch = scratch;
        this.start = new PeerProcess.Start(python, Runtime.getRuntime().availableProcessors(), Map.of(), scratch);
    }

    /** Runs it. */
    public Result run() throws IOException, InterruptedException {
        Path model = Files.createDirectory(scratch.resolve("model"));
        try (TrainableModel student = new StepTask("demo", StepTask.CROSS_ENTROPY).create()) {
            student.export(model, "float32");
        }
        Map<String, double[]> ours = new LinkedHashMap<>();
        for (String run : List.of("one_student_cold", "one_student_warm", "students_on_one_corpus")) {
            ours.put(run, new double[size.rounds()]);
        }
        double[] peers = new double[size.rounds()];
        try (PeerProcess peer = PeerProcess.start(PEER, start, job(model))) {
            for (int round = 0; round < size.rounds(); round++) {
                boolean first = round % 2 == 0; // whoever comes second may find the machine warmer
                if (first) {
                    round(round, ours);
                }
                peers[round] = peerPositionsPerSecond(peer);
                if (!first) {
                    round(round, ours);
                }
                tell(round, ours, peers);
            }
            List<Line> lines = new ArrayList<>();
            ours.forEach((run, paces) -> lines.add(new Line(run, students(run), PeerRounds.Pace.of(paces, peers))));
            int counted = size.steps() - WARM_UP_STEPS;
            return new Result(PEER, peer.version(), peer.attention(), size.rounds(), counted, lines);
        }
    }

    private int students(String run) {
        return run.startsWith("one_") ? 1 : size.students();
    }

    private void tell(int round, Map<String, double[]> ours, double[] peers) {
        ours.forEach((run, paces) -> rounds.progress()
                .accept(String.format(
                        "round %d of %d, %s: %.0f positions/s, %s %.0f (%.2f)",
                        round + 1, size.rounds(), run, paces[round], PEER, peers[round], paces[round] / peers[round])));
    }

    private double peerPositionsPerSecond(PeerProcess peer) throws IOException {
        double[] seconds = new double[size.steps() - WARM_UP_STEPS];
        for (int step = 0; step < seconds.length; step++) {
            seconds[step] = peer.seconds();
        }
        return seconds.length
                * size.batch()
                * (TOKENS - 1)
                / Arrays.stream(seconds).sum();
    }

    /** Windows of random tokens, all full: no padding costs the peer anything. */
    private Map<String, Object> job(Path model) {
        var random = new SplittableRandom(1);
        int vocabularySize = new StepTask("demo", StepTask.CROSS_ENTROPY)
                .configuration()
                .sizes()
                .vocabulary();
        List<int[]> windows = new ArrayList<>();
        for (int i = 0; i < size.batch(); i++) {
            windows.add(random.ints(TOKENS, 0, vocabularySize).toArray());
        }
        Map<String, Object> job = new HashMap<>();
        job.put("model", model.toString());
        job.put("teacher", Home.demoTeacher().toAbsolutePath().toString());
        job.put("alpha", ALPHA);
        job.put("device", "cpu");
        job.put("threads", start.threads());
        job.put("loss", StepTask.FORWARD_KL);
        job.put("learning_rate", StepTask.LEARNING_RATE);
        job.put("memory", false);
        job.put("ids", windows);
        return job;
    }

    private void round(int round, Map<String, double[]> ours) throws IOException, InterruptedException {
        try (ServerProcess server = serve(round + "-one")) {
            String address = server.awaitReady().listening();
            set(ours, "one_student_cold", round, train(round + "-cold", 1, address));
            set(ours, "one_student_warm", round, train(round + "-warm", 1, address));
        }
        try (ServerProcess server = serve(round + "-many")) {
            String address = server.awaitReady().listening();
            set(ours, "students_on_one_corpus", round, train(round + "-many", size.students(), address));
        }
    }

    private static void set(Map<String, double[]> ours, String run, int round, double pace) {
        ours.getOrDefault(run, new double[0])[round] = pace;
    }

    private ServerProcess serve(String name) throws IOException {
        List<String> options = List.of("--threads", Integer.toString(start.threads()));
        return ServerProcess.start(scratch.resolve("server-" + name + ".log"), "demo", SERVER_HEAP_MIB, options);
    }

    /** Positions a second of students side by side: those of all, over the time of the one that took longest. */
    private double train(String name, int students, String teacher) throws IOException, InterruptedException {
        List<ChildProcess> started = new ArrayList<>();
        List<RunDirectory> runs = new ArrayList<>();
        try {
            for (int number = 0; number < students; number++) {
                Path out = scratch.resolve("run-" + name + "-" + number);
                runs.add(new RunDirectory(out));
                started.add(ChildProcess.start(
                        "student " + number,
                        scratch.resolve("student-" + name + "-" + number + ".log"),
                        size.studentThreads(),
                        "1g",
                        arguments(out, teacher)));
            }
            for (ChildProcess student : started) {
                student.awaitSuccess();
            }
        } finally {
            started.forEach(ChildProcess::close);
        }
        long positions = 0;
        double seconds = 0;
        for (RunDirectory run : runs) {
            Measured measured = measured(run.metrics());
            positions += measured.positions();
            seconds = Math.max(seconds, measured.seconds());
            Directories.delete(run.root());
        }
        return positions / seconds;
    }

    private List<String> arguments(Path out, String teacher) {
        return List.of(
                "train",
                "--out",
                out.toString(),
                "--student",
                Home.example().resolve("student.config.json").toString(),
                "--tokenizer",
                Home.demoTeacher().toString(),
                "--corpus",
                Home.corpus().toString(),
                "--cache",
                scratch.resolve("tokens").toString(),
                "--context",
                Integer.toString(TOKENS),
                "--batch",
                Integer.toString(size.batch()),
                "--in-flight",
                Integer.toString(IN_FLIGHT),
                "--steps",
                Integer.toString(stepsTaken()),
                "--alpha",
                Double.toString(ALPHA),
                "--teacher",
                teacher,
                "--top-k",
                Integer.toString(StepTask.K),
                "--samples",
                "0",
                "--threads",
                Integer.toString(size.studentThreads()));
    }

    /** Returns the steps taken, with those that keep the window full to the end of what is counted. */
    private int stepsTaken() {
        return size.steps() + (IN_FLIGHT + size.batch() - 1) / size.batch();
    }

    private record Measured(long positions, double seconds) {}

    /** Returns the figures of the steps that are counted, from a run's lines of metrics. */
    private Measured measured(Path metrics) throws IOException {
        long positions = 0;
        double from = 0;
        double to = 0;
        int step = 0;
        for (String text : Files.readAllLines(metrics)) {
            JsonNode line = JsonMapper.shared().readTree(text);
            if (!line.has("positions_per_second")) {
                continue; // an evaluation
            }
            step++;
            double seconds = line.get("seconds").asDouble();
            if (step <= WARM_UP_STEPS) {
                from = seconds;
            } else if (step <= size.steps()) {
                to = seconds;
                positions += line.get("positions").asLong();
            }
        }
        if (step != stepsTaken()) {
            throw new IOException(metrics + ": " + step + " steps (expected: " + stepsTaken() + ")");
        }
        return new Measured(positions, to - from);
    }
}
