package dev.lyne.cli.serve;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.cli.common.HostPort;
import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.cli.common.OptionDefaults;
import dev.lyne.load.process.Home;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.engine.EngineSettings;
import dev.lyne.teacher.engine.EngineTeacher;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.replay.ReplayedTeacher;
import dev.lyne.teacher.server.MemoryPlan;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** The teacher server. */
@Command(
        name = "serve",
        description =
                "Serves a teacher's rows over gRPC. Prints one line of JSON when it is ready; SIGTERM drains it. Every option "
                        + "can also stand in the file of --config (top_k for --top-k) or in the environment (LYNE_TOP_K).",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class ServeCommand implements Callable<Integer> {
    private static final long SECONDS_BEYOND_DRAIN = 1;

    /** Options that stand in no file. */
    private static final Set<String> COMMAND_LINE_ALONE = Set.of("--config", "--help", "--version");

    @Option(
            names = "--teacher",
            paramLabel = "DIR",
            description =
                    "A Hugging Face model directory, demo, an inference engine as vllm:http://HOST:PORT[,HOST:PORT] or"
                            + " sglang:http://HOST:PORT, or grpc:// (with --model or --tokenizer), or synthetic:key=value,… for a teacher without a model: "
                            + "vocabulary, context, tokens_per_second (0: no limit), half_batch (tokens of a batch that runs at half"
                            + " of it), seed; tokenizer (directory whose ids its rows are over, for students), stuck_after (positions"
                            + " after which its device stands still) and stuck_seconds (how long; 0: for good).")
    private @Nullable String teacher;

    @Option(
            names = "--replay",
            paramLabel = "DIR",
            description = "Serve a capture in a teacher's place, without a model.")
    private @Nullable Path replay;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "Name of the teacher (default: its directory's, or the captured one's).")
    private @Nullable String name;

    @Option(
            names = "--listen",
            paramLabel = "HOST:PORT",
            defaultValue = "127.0.0.1:50051",
            description = "Where to listen; port 0 picks one (default: ${DEFAULT-VALUE}).")
    private String listen;

    @Mixin
    private ServerSecurityOptions security;

    @Option(
            names = "--health",
            paramLabel = "HOST:PORT",
            description = "Where to answer gRPC health alone, too, in plain text: for probes that speak no TLS.")
    private @Nullable String health;

    @Option(
            names = "--metrics",
            paramLabel = "HOST:PORT",
            description = "Where to serve Prometheus metrics (default: nowhere).")
    private @Nullable String metrics;

    @Option(
            names = "--http",
            paramLabel = "HOST:PORT",
            description =
                    "Where to answer POST /v1/completions with prompt_logprobs as vLLM does, with the certificate and tokens of"
                            + " --listen (default: nowhere).")
    private @Nullable String http;

    @Option(names = "--config", paramLabel = "FILE", description = "YAML file of settings.")
    private @Nullable Path config;

    @Mixin
    private ModelRuntimeOptions runtime;

    @Option(
            names = "--deterministic",
            description = "Compute each sequence alone, so that equal fingerprints give equal bytes.")
    private boolean deterministic;

    @Mixin
    private EngineOptions engine;

    @Mixin
    private CacheOptions caches;

    @Mixin
    private DecodeServingOptions decoding;

    @Option(
            names = "--batch-tokens",
            defaultValue = "4096",
            description = "Most tokens of a batch, padding included (default: ${DEFAULT-VALUE}).")
    private int batchTokens;

    @Option(
            names = "--batch-deadline-ms",
            defaultValue = "4",
            description = "Longest that a batch waits to be filled, ms (default: ${DEFAULT-VALUE}).")
    private long batchDeadlineMillis;

    @Option(
            names = "--fair-batch-millis",
            defaultValue = "100",
            description =
                    "Longest that a forward is to take while several tenants or streams wait, ms; one longer sequence runs alone"
                            + " (default: ${DEFAULT-VALUE}).")
    private long fairBatchMillis;

    @Option(
            names = "--max-queue-millis",
            defaultValue = "10000",
            description =
                    "Longest that a sequence may wait for the device, ms; what would wait longer is refused, with a time to ask again"
                            + " (default: ${DEFAULT-VALUE}).")
    private long maxQueueMillis;

    @Option(
            names = "--stuck-device-seconds",
            defaultValue = "300",
            description =
                    "Longest that a device may be at one forward, s: then the server does not serve, and a minute later it ends with"
                            + " exit code 1 (default: ${DEFAULT-VALUE}).")
    private long stuckDeviceSeconds;

    @Option(
            names = "--drain-seconds",
            defaultValue = "30",
            description = "Longest that a drain lets streams finish, s (default: ${DEFAULT-VALUE}).")
    private long drainSeconds;

    @Option(names = "--reflection", description = "Describe the services to tools such as grpcurl.")
    private boolean reflection;

    /** The keys that the file of {@code --config} may have, each with whether it takes several values. */
    public static Map<String, Boolean> keys(CommandSpec serve) {
        return serve.options().stream()
                .filter(option -> !COMMAND_LINE_ALONE.contains(option.longestName()))
                .collect(Collectors.toMap(
                        option -> OptionDefaults.key(option.longestName()),
                        OptionSpec::isMultiValue,
                        (one, other) -> one,
                        TreeMap::new));
    }

    @Override
    public Integer call() throws Exception {
        requireOneOf(teacher, replay);
        AtLeast.require("--batch-deadline-ms", batchDeadlineMillis, 0);
        AtLeast.require("--fair-batch-millis", fairBatchMillis, 1);
        AtLeast.require("--max-queue-millis", maxQueueMillis, 1);
        AtLeast.require("--stuck-device-seconds", stuckDeviceSeconds, 1);
        AtLeast.require("--drain-seconds", drainSeconds, 0);
        Optional<SyntheticSettings> synthetic =
                Optional.ofNullable(teacher).filter(SyntheticSettings::names).map(SyntheticSettings::parse);
        Optional<Path> directory = Optional.ofNullable(teacher)
                .filter(named -> synthetic.isEmpty() && !EngineSettings.names(named))
                .map(Home::teacher);
        Optional<Path> capture = Optional.ofNullable(replay);
        TeacherServerOptions.Builder options = TeacherServerOptions.builder()
                .listen(HostPort.parse("--listen", listen))
                .security(security.security())
                .batching(BatchOptions.of(batchTokens, Duration.ofMillis(batchDeadlineMillis))
                        .withFairBatch(Duration.ofMillis(fairBatchMillis))
                        .withMaxQueue(Duration.ofMillis(maxQueueMillis)))
                .stuckDevice(Duration.ofSeconds(stuckDeviceSeconds))
                .drainTimeout(Duration.ofSeconds(drainSeconds))
                .reflection(reflection);
        if (health != null) {
            options.health(HostPort.parse("--health", health));
        }
        if (metrics != null) {
            options.metrics(HostPort.parse("--metrics", metrics));
        }
        if (http != null) {
            options.http(HostPort.parse("--http", http));
        }
        caches.applyTo(options);
        decoding.applyTo(options);
        TeacherServerOptions checked = options.build(); // before the model, which takes long to load
        TeacherServer server;
        Optional<String> engines = Optional.ofNullable(teacher).filter(EngineSettings::names);
        if (engines.isEmpty()) {
            engine.requireNone();
        }
        if (engines.isPresent()) {
            server = serveEngine(engines.get(), checked);
        } else if (synthetic.isPresent()) {
            server = serve(
                    new SyntheticTeacher(name == null ? "synthetic" : name, synthetic.get(), deterministic), checked);
        } else {
            server = directory.isPresent()
                    ? serve(load(directory.get(), checked), checked)
                    : replay(capture.orElseThrow(), checked);
        }
        Thread drain = new Thread(() -> drain(server), "drain");
        Runtime.getRuntime().addShutdownHook(drain);
        System.out.println(JsonMapper.shared().writeValueAsString(ready(server)));
        server.awaitTermination(); // throws where the device is lost: then the exit drains
        return 0;
    }

    private void requireOneOf(@Nullable String model, @Nullable Path capture) {
        if ((model == null) == (capture == null)) {
            throw new IllegalArgumentException("--teacher: " + (model == null ? "none" : model) + ", --replay: "
                    + (capture == null ? "none" : capture) + " (expected: one of them)");
        }
        if (capture != null) {
            if (deterministic) {
                throw new IllegalArgumentException(
                        "--deterministic: true (expected: not with --replay, which says what the captured teacher was)");
            }
            caches.requireNone("with --replay, which keeps nothing");
        }
    }

    private LocalModel load(Path directory, TeacherServerOptions options) throws IOException {
        boolean here = runtime.options().device().equals("cpu");
        MemoryPlan.ofThisProcess(
                        here ? weightBytes(directory) : 0,
                        here ? options.decoding().maxCacheBytes() : 0)
                .requireFits();
        return LanguageModelTeacher.load(
                name == null ? nameOf(directory) : name, directory, runtime.options(), deterministic);
    }

    /** Of the files that weights are read from; 0 where whoever loads them says what is wrong. */
    private static long weightBytes(Path directory) throws IOException {
        Path whole = directory.resolve("model.safetensors");
        if (Files.isRegularFile(whole)) {
            return Files.size(whole);
        }
        Path index = directory.resolve("model.safetensors.index.json");
        long bytes = 0;
        if (Files.isRegularFile(index)) {
            Set<String> names = new HashSet<>();
            JsonMapper.shared()
                    .readTree(Files.readString(index))
                    .path("weight_map")
                    .forEach(name -> names.add(name.asString("")));
            for (String name : names) {
                Path shard = directory.resolve(name);
                bytes += Files.isRegularFile(shard) ? Files.size(shard) : 0;
            }
        }
        return bytes;
    }

    private TeacherServer serve(LocalModel model, TeacherServerOptions options)
            throws IOException, InterruptedException {
        try {
            return TeacherServer.start(List.of(model), options);
        } catch (IOException e) {
            throw noAddress(e);
        }
    }

    private TeacherServer serveEngine(String engines, TeacherServerOptions options)
            throws IOException, InterruptedException {
        if (deterministic) {
            throw new IllegalArgumentException(
                    "--deterministic: true (expected: not with an engine, whose rows depend on what else it computes)");
        }
        EngineTeacher opened = EngineTeacher.open(
                engine.settings(
                        engines,
                        Optional.ofNullable(name),
                        runtime.options().precision().torchName()),
                options.encodeThreads());
        try {
            return TeacherServer.serve(List.of(opened), options);
        } catch (IOException e) {
            boolean unused = opened.close(TimeUnit.SECONDS.toNanos(1));
            throw noAddress(e);
        }
    }

    private TeacherServer replay(Path capture, TeacherServerOptions options) throws IOException, InterruptedException {
        ReplayedTeacher replayed =
                ReplayedTeacher.open(capture, Optional.ofNullable(name), options.encodeThreads(), System::nanoTime);
        try {
            return TeacherServer.replay(List.of(replayed), options);
        } catch (IOException e) {
            throw noAddress(e);
        }
    }

    private static IOException noAddress(IOException e) {
        return new IOException(
                e.getMessage()
                        + " (expected: free addresses for --listen, --health, --metrics and --http; port 0 picks a free one)",
                e);
    }

    private Map<String, Object> ready(TeacherServer server) {
        Map<String, Object> ready = new LinkedHashMap<>();
        ready.put("listening", host(listen) + ":" + server.port());
        server.healthPort().ifPresent(port -> ready.put("health", host(String.valueOf(health)) + ":" + port));
        server.metricsPort().ifPresent(port -> ready.put("metrics", host(String.valueOf(metrics)) + ":" + port));
        server.httpPort().ifPresent(port -> ready.put("http", host(String.valueOf(http)) + ":" + port));
        ready.put("teacher", server.teacherNames().get(0));
        if (replay != null) {
            ready.put("replay", replay.toString());
        }
        ready.put("pid", ProcessHandle.current().pid());
        return ready;
    }

    /** Drains, and ends the process where that takes longer than it may: a hook that does not return would keep it for ever. */
    private void drain(TeacherServer server) {
        Thread bound = new Thread(
                () -> {
                    try {
                        TimeUnit.SECONDS.sleep(drainSeconds + SECONDS_BEYOND_DRAIN);
                    } catch (InterruptedException e) {
                        return;
                    }
                    System.err.println("lyne: not drained within --drain-seconds " + drainSeconds + ", and ended");
                    Runtime.getRuntime().halt(1);
                },
                "drain-bound");
        bound.setDaemon(true);
        bound.start();
        try {
            server.drain();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String nameOf(Path directory) {
        return String.valueOf(directory.toAbsolutePath().normalize().getFileName());
    }

    private static String host(String address) {
        return address.substring(0, address.lastIndexOf(':'));
    }
}
