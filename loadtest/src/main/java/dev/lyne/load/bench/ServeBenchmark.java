package dev.lyne.load.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.lyne.load.process.Directories;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * Benchmark of what serving costs, with student processes against a server in this one, each a tenant with a quota that is enforced:
 * over the forward alone where the cache is cold ({@link ColdRounds}), over a bare gRPC stream where it is warm ({@link HitRounds}).
 */
public final class ServeBenchmark {
    /**
     * Medians over the rounds.
     *
     * @param messageBytes mean bytes of a block
     * @param batchesPerRound batches that the server made of a round's sequences
     */
    public record Result(
            @JsonUnwrapped Ratios ratios,
            @JsonUnwrapped Rates rates,
            int messageBytes,
            @JsonUnwrapped BenchSetUp load,
            long positionsPerRound,
            int batchesPerRound,
            String device,
            int threads) {}

    /**
     * Ratios of the cost of serving.
     *
     * @param servedOverForward positions a second served from a cold cache, over those of the bare forward and selection
     * @param hitBytesOverBareStream bytes a second of memory-tier hits, over those of a bare gRPC stream of messages as large;
     *     the students count both and decode neither
     * @param hitOverCold positions a second of memory-tier hits over those from a cold cache; the students verify and decode both
     * @param forwardOverFullBatches positions a second of the bare forward in the batches that were served, which are cut for fairness
     *     while several students wait, over those of the same sequences in full batches
     */
    public record Ratios(
            double servedOverForward,
            double hitBytesOverBareStream,
            double hitOverCold,
            double forwardOverFullBatches) {}

    /** Rates that the ratios are made of. */
    public record Rates(
            double servedPositionsPerSecond,
            double forwardPositionsPerSecond,
            double hitPositionsPerSecond,
            double hitBytesPerSecond,
            double bareBytesPerSecond) {}

    private final int students;
    private final BenchRows rows;
    private final int rounds;
    private final long hitRoundBytes;
    private final Consumer<String> progress;

    /** @param hitRoundBytes what the students of a round of hits read together, about */
    public ServeBenchmark(int students, BenchRows rows, int rounds, long hitRoundBytes, Consumer<String> progress) {
        this.students = students;
        this.rows = rows;
        this.rounds = rounds;
        this.hitRoundBytes = hitRoundBytes;
        this.progress = progress;
    }

    /**
     * Runs it, and closes the teacher.
     *
     * @param starter starts the student processes
     */
    public Result run(LocalModel teacher, BenchStudent.Starter starter) throws IOException, InterruptedException {
        var recording = new RecordingTeacher(teacher);
        Path directory = Files.createTempDirectory("lyne-bench");
        try {
            return run(recording, starter, BenchTenants.write(directory, students));
        } finally {
            Directories.delete(directory);
        }
    }

    private Result run(RecordingTeacher recording, BenchStudent.Starter starter, BenchTenants tenants)
            throws IOException, InterruptedException {
        // A round may be more than a queue should hold: what serving costs is measured here, not what is turned away.
        var batching = BatchOptions.DEFAULT.withMaxQueue(Duration.ofHours(1));
        var options = TeacherServerOptions.builder()
                .security(tenants.security())
                .batching(batching)
                .build();
        try (var server = TeacherServer.start(List.of(recording), options)) {
            List<BenchStudent> processes = starter.start(server.port(), tenants.tokens());
            try {
                var workload = rows.workload(0);
                // Hits first: they bring the students' compilers to rest without costing a forward.
                var hits = new HitRounds(processes, workload, hitRoundBytes, progress)
                        .run(rounds, new ServerGauges(server.registry()));
                var cold = new ColdRounds(recording, processes, workload, batching.maxTokens(), progress).run(rounds);
                return result(recording, cold, hits);
            } finally {
                processes.forEach(BenchStudent::close);
            }
        }
    }

    private Result result(RecordingTeacher teacher, ColdRounds.Figures cold, HitRounds.Figures hits) {
        var fingerprint = teacher.description().fingerprint();
        return new Result(
                new Ratios(
                        Rounds.medianRatio(cold.servedRate(), cold.forwardRate()),
                        Rounds.medianRatio(hits.hitByteRate(), hits.bareByteRate()),
                        Rounds.median(hits.decodedRate()) / Rounds.median(cold.servedRate()),
                        Rounds.medianRatio(cold.cutRate(), cold.fullRate())),
                new Rates(
                        Rounds.median(cold.servedRate()),
                        Rounds.median(cold.forwardRate()),
                        Rounds.median(hits.decodedRate()),
                        Rounds.median(hits.hitByteRate()),
                        Rounds.median(hits.bareByteRate())),
                hits.messageBytes(),
                BenchSetUp.of(students, rows, rounds),
                cold.positionsPerRound(),
                cold.batchesPerRound(),
                fingerprint.device(),
                fingerprint.threads());
    }
}
