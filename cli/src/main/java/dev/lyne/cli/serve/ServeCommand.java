package dev.lyne.cli.serve;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.cli.common.HostPort;
import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.cli.common.OptionDefaults;
import dev.lyne.cli.common.Telemetry;
import dev.lyne.cli.common.TraceOptions;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.server.TeacherEntry;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.server.UnusableAddressException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
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
import picocli.CommandLine.Spec;
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

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description =
                    "YAML file of settings; with teachers, a list, it serves several, and loads and drains them as"
                            + " the file changes (docs/operations.md).")
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
            names = "--load-seconds",
            defaultValue = "3600",
            description =
                    "Longest that a teacher may take to load and warm up, s, beside --engine-wait-seconds: then it could not be"
                            + " loaded, and others go on (default: ${DEFAULT-VALUE}).")
    private long loadSeconds;

    @Option(
            names = "--drain-seconds",
            defaultValue = "30",
            description = "Longest that a drain lets streams finish, s (default: ${DEFAULT-VALUE}).")
    private long drainSeconds;

    @Mixin
    private TraceOptions traces;

    @Spec
    private CommandSpec spec;

    @Option(names = "--reflection", description = "Describe the services to tools such as grpcurl.")
    private boolean reflection;

    /** The keys that stand for options, each with whether it takes several values. */
    static Map<String, Boolean> keys(CommandSpec serve) {
        return serve.options().stream()
                .filter(option -> !COMMAND_LINE_ALONE.contains(option.longestName()))
                .collect(Collectors.toMap(
                        option -> OptionDefaults.key(option.longestName()),
                        OptionSpec::isMultiValue,
                        (one, other) -> one,
                        TreeMap::new));
    }

    /** The keys of the file of {@code --config}: those of the options, and the list of teachers. */
    public static Map<String, Boolean> fileKeys(CommandSpec serve) {
        Map<String, Boolean> keys = new TreeMap<>(keys(serve));
        keys.put(TeachersFile.KEY, true);
        return keys;
    }

    @Override
    public Integer call() throws Exception {
        AtLeast.require("--batch-deadline-ms", batchDeadlineMillis, 0);
        AtLeast.require("--fair-batch-millis", fairBatchMillis, 1);
        AtLeast.require("--max-queue-millis", maxQueueMillis, 1);
        AtLeast.require("--stuck-device-seconds", stuckDeviceSeconds, 1);
        AtLeast.require("--load-seconds", loadSeconds, 1);
        AtLeast.require("--drain-seconds", drainSeconds, 0);
        Telemetry telemetry = traces.open("lyne-teacher"); // closed once the server has drained
        TeacherServerOptions.Builder options = TeacherServerOptions.builder()
                .listen(HostPort.parse("--listen", listen))
                .security(security.security())
                .batching(BatchOptions.of(batchTokens, Duration.ofMillis(batchDeadlineMillis))
                        .withFairBatch(Duration.ofMillis(fairBatchMillis))
                        .withMaxQueue(Duration.ofMillis(maxQueueMillis)))
                .stuckDevice(Duration.ofSeconds(stuckDeviceSeconds))
                .loadTimeout(Duration.ofSeconds(loadSeconds))
                .drainTimeout(Duration.ofSeconds(drainSeconds))
                .telemetry(telemetry.telemetry())
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
        decoding.applyTo(options, runtime.devices().get(0));
        TeacherServer server = serve(options.build());
        Thread drain = new Thread(() -> drain(server, telemetry), "drain");
        Runtime.getRuntime().addShutdownHook(drain);
        System.out.println(JsonMapper.shared().writeValueAsString(ready(server)));
        server.awaitTermination(); // throws where the device is lost: then the exit drains
        return 0;
    }

    private TeacherServer serve(TeacherServerOptions options) throws IOException, InterruptedException {
        try {
            if (config != null) {
                TeachersFile file = new TeachersFile(config, spec, runtime, options.encodeThreads());
                if (file.lists()) {
                    requireNoneBeside();
                    return TeacherServer.follow(file.watched(), options);
                }
            }
            if (replay != null) {
                caches.requireNone("with --replay, which keeps nothing");
            }
            TeacherEntry only = new WantedTeacher(
                            Optional.ofNullable(name),
                            Optional.ofNullable(teacher),
                            Optional.ofNullable(replay),
                            runtime.devices().stream().map(runtime::on).toList(),
                            deterministic,
                            engine,
                            Optional.empty(),
                            options.decoding().maxCacheBytes(),
                            options.encodeThreads())
                    .entry();
            return TeacherServer.load(List.of(only), options);
        } catch (UnusableAddressException e) {
            throw noAddress(e);
        }
    }

    /** Refuses other teachers where a file lists some. */
    private void requireNoneBeside() {
        Map<String, Optional<Object>> others = new LinkedHashMap<>();
        others.put("--teacher", Optional.ofNullable(teacher));
        others.put("--replay", Optional.ofNullable(replay));
        others.put("--name", Optional.ofNullable(name));
        others.forEach((option, given) -> {
            if (given.isPresent()) {
                throw new IllegalArgumentException(
                        option + ": " + given.get() + " (expected: none beside the teachers of " + config + ")");
            }
        });
        engine.requireNoneOfOneEngine();
    }

    private static IOException noAddress(UnusableAddressException e) {
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
        if (server.teacherNames().size() > 1) {
            ready.put("teachers", server.teacherNames());
        }
        if (replay != null) {
            ready.put("replay", replay.toString());
        }
        ready.put("pid", ProcessHandle.current().pid());
        return ready;
    }

    /** Drains, and ends the process where that takes longer than it may: a hook that does not return would keep it for ever. */
    private void drain(TeacherServer server, Telemetry telemetry) {
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
            telemetry.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String host(String address) {
        return address.substring(0, address.lastIndexOf(':'));
    }
}
