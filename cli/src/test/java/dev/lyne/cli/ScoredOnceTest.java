package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.ServerFigures;
import dev.lyne.row.Precision;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import redis.embedded.RedisServer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Real servers in real processes: what one of them scored costs no forward again, there, after a restart, or elsewhere. */
final class ScoredOnceTest {
    private static final long SEED = 11;
    private static final int SEQUENCES = 12;
    private static final int TOKENS = 24;
    private static final int VOCABULARY = 4_096;
    private static final Path EXAMPLE = Path.of("..", "examples", "state-of-the-union");

    private static final TargetRequest WHOLE = TargetRequest.topK(8, List.of(2f), TeacherExpectation.any());

    /** Request of another student, which the first one's rows contain. */
    private static final TargetRequest PART =
            new TargetRequest(new Selection.TopK(5, List.of()), Precision.COMPACT, false, TeacherExpectation.any());

    @TempDir
    private Path directory;

    private record Server(ChildProcess process, String address, String metrics) implements AutoCloseable {
        long positionsScored() throws IOException, InterruptedException {
            return ServerFigures.scrape(metrics).positionsScored();
        }

        /** SIGTERM: the server drains. */
        @Override
        public void close() {
            process.close();
        }
    }

    /** Targets that a student was given, and where they came from. */
    private record Epoch(List<Targets> targets, Set<RowSource> sources) {
        boolean equalTo(Epoch other) {
            for (int i = 0; i < targets.size(); i++) {
                Targets mine = targets.get(i);
                Targets its = other.targets.get(i);
                if (!Arrays.equals(mine.columns().ids(), its.columns().ids())
                        || !Arrays.equals(
                                mine.columns().logProbabilities(), its.columns().logProbabilities())) {
                    return false;
                }
            }
            return targets.size() == other.targets.size();
        }
    }

    private void makeTeacher() throws IOException {
        Path teacher = Files.createDirectory(directory.resolve("teacher"));
        var shape =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(VOCABULARY, 64, 32, 2), 2, 1, 64, 10_000.0, true);
        var options = new ModelOptions("cpu", ComputePrecision.FLOAT32, 1);
        try (var model =
                TrainableModel.create(shape, 3, options, OptimizerOptions.defaults(), LossScript.crossEntropy())) {
            model.export(teacher, "float32");
        }
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(EXAMPLE.resolve("teacher").resolve(file), teacher.resolve(file));
        }
    }

    private Server serve(String disk, int redis) throws IOException {
        List<String> arguments = List.of(
                "serve",
                "--threads",
                "1",
                "--teacher",
                directory.resolve("teacher").toString(),
                "--listen",
                "127.0.0.1:0",
                "--metrics",
                "127.0.0.1:0",
                "--disk-cache",
                directory.resolve(disk).toString(),
                "--disk-cache-mib",
                "64",
                "--shared-cache",
                "redis://127.0.0.1:" + redis,
                "--shared-cache-budget-ms",
                "60000");
        ChildProcess process = ChildProcess.start("server", directory.resolve(disk + ".log"), 1, "256m", arguments);
        JsonNode ready = JsonMapper.shared().readTree(process.readLine());
        return new Server(
                process, ready.get("listening").asString(), ready.get("metrics").asString());
    }

    private static Epoch epoch(Server server) throws Exception {
        return epoch(server, WHOLE);
    }

    private static Epoch epoch(Server server, TargetRequest request) throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        List<Targets> targets = new ArrayList<>();
        Set<RowSource> sources = new HashSet<>();
        try (TargetSource source = TeacherClient.connect(server.address(), ClientOptions.defaults());
                TargetStream stream = source.open(request)) {
            for (int id = 0; id < SEQUENCES; id++) {
                int[] tokens = random.ints(TOKENS, 0, VOCABULARY).toArray();
                assertThat(stream.offer(TargetSequence.whole(id, tokens))).isTrue();
            }
            for (int id = 0; id < SEQUENCES; id++) {
                Targets rows = stream.take();
                sources.addAll(rows.rowsBySource().keySet());
                targets.add(rows);
            }
        }
        return new Epoch(targets, sources);
    }

    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void rows_onceScored_costNoForwardInASecondEpochARestartOrAReplica() throws Exception {
        makeTeacher();
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        RedisServer redis = RedisServer.newRedisServer()
                .bind("127.0.0.1")
                .port(port)
                .setting("save \"\"")
                .build();
        redis.start();
        try {
            Epoch first;
            try (Server server = serve("disk", port)) {
                first = epoch(server);
                Epoch second = epoch(server);
                assertThat(first.sources()).containsExactly(RowSource.COMPUTED);
                assertThat(second.sources()).containsExactly(RowSource.cached("memory"));
                assertThat(second.equalTo(first)).isTrue();
                assertThat(epoch(server, PART).sources()).containsExactly(RowSource.cached("memory"));
                assertThat(server.positionsScored()).isEqualTo(SEQUENCES * (TOKENS - 1));
            }
            try (Server restarted = serve("disk", port);
                    Server replica = serve("other-disk", port)) {
                Epoch part = epoch(restarted, PART);
                Epoch after = epoch(restarted);
                Epoch elsewhere = epoch(replica);
                assertThat(part.sources()).containsExactly(RowSource.cached("disk"));
                assertThat(after.sources()).containsExactly(RowSource.cached("memory"));
                assertThat(elsewhere.sources()).containsExactly(RowSource.cached("shared"));
                assertThat(after.equalTo(first) && elsewhere.equalTo(first)).isTrue();
                assertThat(restarted.positionsScored()).isZero();
                assertThat(replica.positionsScored()).isZero();
            }
        } finally {
            redis.stop();
        }
    }
}
