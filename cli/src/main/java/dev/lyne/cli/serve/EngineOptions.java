package dev.lyne.cli.serve;

import dev.lyne.teacher.engine.EngineSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of an inference engine as the teacher. */
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class EngineOptions {
    private static final long PROBE_SECONDS = 60;
    private static final double PROBE_TOLERANCE = 0.02;
    private static final int IN_FLIGHT = 256;
    private static final long TIMEOUT_SECONDS = 120;
    private static final long WAIT_SECONDS = 600;

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "Directory of the model that the engine serves: its digest and tokenizer are the teacher's.")
    private @Nullable Path model;

    @Option(
            names = "--tokenizer",
            paramLabel = "DIR",
            description = "Directory of the engine's tokenizer, where its weights are not here.")
    private @Nullable Path tokenizer;

    @Option(
            names = "--identity",
            paramLabel = "FILE",
            description =
                    "Where an engine's id and the rows that tell its weights are kept over restarts, one for all addresses (default: for"
                            + " the life of the process).")
    private @Nullable Path identity;

    @Option(
            names = "--engine-tls-ca",
            paramLabel = "FILE",
            description =
                    "PEM certificates of whom to believe that an engine at https:// is who it says (default: those that Java believes).")
    private @Nullable Path authorities;

    @Option(
            names = "--engine-token-file",
            paramLabel = "FILE",
            description =
                    "The key that an engine was started with (vLLM: --api-key), alone in a file; read again when it changes, never logged.")
    private @Nullable Path tokenFile;

    @Option(
            names = "--probe-seconds",
            description = "Time between probes of an engine's weights, s (default: " + PROBE_SECONDS + ").")
    private @Nullable Long probeSeconds;

    @Option(
            names = "--probe-tolerance",
            description = "How far a probe's log-probability may be off, nats (default: " + PROBE_TOLERANCE
                    + "; with --engine-batch-invariant not at all).")
    private @Nullable Double probeTolerance;

    @Option(
            names = "--engine-batch-invariant",
            description =
                    "An engine's rows have the same bits whatever else it computes (vLLM: VLLM_BATCH_INVARIANT=1): the teacher is"
                            + " deterministic, and each probe has to be equal bit for bit.")
    private boolean batchInvariant;

    @Option(
            names = "--engine-in-flight",
            description = "Most sequences in flight at an engine's address (default: " + IN_FLIGHT + ").")
    private @Nullable Integer inFlight;

    @Option(
            names = "--engine-timeout-seconds",
            description = "Longest that an engine's answer is waited for, s (default: " + TIMEOUT_SECONDS + ").")
    private @Nullable Long timeoutSeconds;

    @Option(
            names = "--engine-wait-seconds",
            description = "Longest that a start waits for an engine, and sequences for one that is gone, s (default: "
                    + WAIT_SECONDS + ").")
    private @Nullable Long waitSeconds;

    /** Refuses options that only an engine has. */
    void requireNone() {
        requireNoneOfOneEngine();
        Map<String, Boolean> given = new LinkedHashMap<>();
        given.put("--probe-seconds", probeSeconds != null);
        given.put("--probe-tolerance", probeTolerance != null);
        given.put("--engine-in-flight", inFlight != null);
        given.put("--engine-timeout-seconds", timeoutSeconds != null);
        given.put("--engine-wait-seconds", waitSeconds != null);
        refuse(given);
    }

    /** Refuses options of one engine; the others may stand for what engines of a list do not say. */
    void requireNoneOfOneEngine() {
        Map<String, Boolean> given = new LinkedHashMap<>();
        given.put("--model", model != null);
        given.put("--tokenizer", tokenizer != null);
        given.put("--identity", identity != null);
        given.put("--engine-tls-ca", authorities != null);
        given.put("--engine-token-file", tokenFile != null);
        given.put("--engine-batch-invariant", batchInvariant);
        refuse(given);
    }

    private static void refuse(Map<String, Boolean> given) {
        given.forEach((option, isGiven) -> {
            if (isGiven) {
                throw new IllegalArgumentException(
                        option
                                + ": given (expected: only with --teacher vllm:http://HOST:PORT or sglang:http://HOST:PORT, or grpc://)");
            }
        });
    }

    /**
     * Returns the settings of a {@code --teacher} that names an engine.
     *
     * @param name the teacher's name, where it is given
     * @param precision what the engine computes in
     */
    EngineSettings settings(String teacher, Optional<String> name, String precision) {
        EngineSettings.Engines engines = EngineSettings.parse(teacher);
        if (model != null && tokenizer != null) {
            throw new IllegalArgumentException("--model: " + model + ", --tokenizer: " + tokenizer
                    + " (expected: one of them; a model's directory has its tokenizer)");
        }
        Path directory = model != null ? model : tokenizer;
        if (directory == null) {
            throw new IllegalArgumentException("--teacher: " + teacher
                    + " (expected: with --model DIR, or --tokenizer DIR where the weights are not here)");
        }
        return new EngineSettings(
                engines.wire(),
                engines.addresses(),
                new EngineSettings.Access(
                        engines.tls(), Optional.ofNullable(authorities), Optional.ofNullable(tokenFile)),
                name.orElse(engines.wire().word()),
                Optional.ofNullable(model),
                directory,
                new EngineSettings.Arithmetic(precision, batchInvariant),
                Optional.ofNullable(identity),
                new EngineSettings.Probing(
                        Duration.ofSeconds(Objects.requireNonNullElse(probeSeconds, PROBE_SECONDS)),
                        Objects.requireNonNullElse(probeTolerance, PROBE_TOLERANCE)),
                new EngineSettings.Limits(
                        Objects.requireNonNullElse(inFlight, IN_FLIGHT),
                        Duration.ofSeconds(Objects.requireNonNullElse(timeoutSeconds, TIMEOUT_SECONDS)),
                        Duration.ofSeconds(Objects.requireNonNullElse(waitSeconds, WAIT_SECONDS))));
    }
}
