package dev.lyne.teacher.engine;

import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where an engine is, and how it is spoken to.
 *
 * @param wire the engine's kind
 * @param addresses host and port of each, one or more
 * @param access how it is spoken to
 * @param name the teacher's name; unique within a server
 * @param model directory of the model that it serves, whose digest is part of the identity; empty: not named
 * @param tokenizer directory of its tokenizer
 * @param arithmetic what it computes with, as its operator states it
 * @param identity file of the teacher's id and its reference rows; empty: kept for the life of the process
 * @param probe how its weights are watched
 * @param limits how much it is asked at a time
 */
public record EngineSettings(
        Wire wire,
        List<InetSocketAddress> addresses,
        Access access,
        String name,
        Optional<Path> model,
        Path tokenizer,
        Arithmetic arithmetic,
        Optional<Path> identity,
        Probing probe,
        Limits limits) {
    /** Kinds of engines. */
    public enum Wire {
        /** vLLM's {@code /v1/completions}. */
        VLLM("vllm", false),
        /** SGLang's {@code /generate}. */
        SGLANG("sglang", false),
        /** vLLM's form of the gRPC protocol that engines share. */
        VLLM_GRPC("vllm", true),
        /** SGLang's form of it. */
        SGLANG_GRPC("sglang", true);

        private final String word;
        private final boolean grpc;

        Wire(String word, boolean grpc) {
            this.word = word;
            this.grpc = grpc;
        }

        /** Returns whether the wire is gRPC, and not HTTP with JSON. */
        public boolean isGrpc() {
            return grpc;
        }

        /** Returns the word in options and identities. */
        public String word() {
            return word;
        }
    }

    /**
     * How an engine is spoken to.
     *
     * @param tls by TLS, as https:// addresses say
     * @param authorities PEM certificates of whom to believe; empty: those that the Java runtime believes
     * @param tokenFile holds the key that each request carries, as {@code Authorization: Bearer}; read again when it changes
     */
    public record Access(boolean tls, Optional<Path> authorities, Optional<Path> tokenFile) {
        /** Access in plain text, without a key. */
        public static final Access PLAIN = new Access(false, Optional.empty(), Optional.empty());

        public Access {
            if (!tls && authorities.isPresent()) {
                throw new IllegalArgumentException(
                        "--engine-tls-ca: " + authorities.get() + " (expected: only with https://HOST:PORT)");
            }
        }
    }

    /**
     * What an engine computes rows with, which none says.
     *
     * @param precision "float32", "bfloat16" or "float16"
     * @param batchInvariant whether a row has the same bits whatever else is computed beside it
     */
    public record Arithmetic(String precision, boolean batchInvariant) {
        /** Returns the words of an execution fingerprint for what the forward is computed by; empty: not known. */
        String kernels() {
            return batchInvariant ? "batch-invariant" : "";
        }

        /** Both, as they stand in an identity: with other ones it is another teacher. */
        String inIdentity() {
            return batchInvariant ? precision + " " + kernels() : precision;
        }
    }

    /**
     * How an engine's weights are watched.
     *
     * @param between time between probes of an address
     * @param toleranceNats how far a log-probability of the reference rows may be off
     */
    public record Probing(Duration between, double toleranceNats) {
        public Probing {
            if (between.compareTo(Duration.ofSeconds(1)) < 0) {
                throw new IllegalArgumentException(
                        "--probe-seconds: " + between.toSeconds() + " (expected: 1 or more)");
            }
            if (!(toleranceNats > 0) || toleranceNats > 1) {
                throw new IllegalArgumentException(
                        "--probe-tolerance: " + toleranceNats + " (expected: above 0, at most 1, in nats)");
            }
        }
    }

    /**
     * How much an engine is asked at a time, and how long it is waited for.
     *
     * @param inFlight most sequences in flight at an address
     * @param answer longest that an answer is waited for
     * @param absence longest that sequences wait while no address answers; also the longest that a start waits for the first
     */
    public record Limits(int inFlight, Duration answer, Duration absence) {
        public Limits {
            require("--engine-in-flight", inFlight, 1, 4096);
            require("--engine-timeout-seconds", answer.toSeconds(), 1, 86_400);
            require("--engine-wait-seconds", absence.toSeconds(), 1, 86_400);
        }

        private static void require(String option, long value, long least, long most) {
            if (value < least || value > most) {
                throw new IllegalArgumentException(option + ": " + value + " (expected: " + least + ".." + most + ")");
            }
        }
    }

    private static final String FORMS =
            "vllm:http://HOST:PORT[,HOST:PORT…] or sglang:http://HOST:PORT[,HOST:PORT…], or https:// or grpc://";

    public EngineSettings {
        addresses = List.copyOf(addresses);
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("--teacher: no address (expected: " + FORMS + ")");
        }
        if (access.tokenFile().isPresent() && wire.isGrpc()) {
            throw new IllegalArgumentException(
                    "--engine-token-file: " + access.tokenFile().get()
                            + " with grpc:// (expected: none, since the engines' gRPC asks for no key; http:// or https:// takes one)");
        }
        if (access.tokenFile().isPresent() && !access.tls()) {
            for (InetSocketAddress address : addresses) {
                if (!isThisMachine(address.getHostString())) {
                    throw new IllegalArgumentException(
                            "--engine-token-file: " + access.tokenFile().get() + " with http://"
                                    + address.getHostString() + ":" + address.getPort()
                                    + " (expected: https://, or an engine on this machine: a key is not sent in plain text)");
                }
            }
        }
    }

    /** How far a log-probability of the reference rows may be off: not at all where rows have the same bits at any time. */
    double toleranceNats() {
        return arithmetic.batchInvariant() ? 0 : probe.toleranceNats();
    }

    private static boolean isThisMachine(String host) {
        return host.equalsIgnoreCase("localhost") || host.matches("127(\\.\\d{1,3}){3}") || host.equals("[::1]");
    }

    /** Whether an option value means an engine. */
    public static boolean names(String teacher) {
        return wire(teacher) != null;
    }

    /**
     * The engine's kind and addresses in an option value.
     *
     * @throws IllegalArgumentException with the value and the expectation
     */
    public static Engines parse(String teacher) {
        Wire wire = wire(teacher);
        if (wire == null) {
            throw new IllegalArgumentException("--teacher: " + teacher + " (expected: " + FORMS + ")");
        }
        String all = teacher.substring(wire.word().length() + 1);
        String scheme = wire.isGrpc() ? "grpc" : all.startsWith("https://") ? "https" : "http";
        List<InetSocketAddress> addresses = new ArrayList<>();
        for (String part : all.split(",", -1)) {
            boolean bare = !part.contains("://") && !addresses.isEmpty();
            addresses.add(address(teacher, bare ? scheme + "://" + part : part, scheme));
        }
        if (addresses.stream().distinct().count() < addresses.size()) {
            throw new IllegalArgumentException("--teacher: " + teacher + " (expected: each address once)");
        }
        return new Engines(wire, List.copyOf(addresses), scheme.equals("https"));
    }

    /**
     * Engines that an option value names.
     *
     * @param addresses one or more, not resolved
     * @param tls whether they are spoken to by TLS; all of them, or none
     */
    public record Engines(Wire wire, List<InetSocketAddress> addresses, boolean tls) {}

    private static @Nullable Wire wire(String teacher) {
        for (Wire wire : Wire.values()) {
            if (teacher.startsWith(wire.word() + ":")
                    && teacher.startsWith(wire.word() + ":grpc://") == wire.isGrpc()) {
                return wire;
            }
        }
        return null;
    }

    private static InetSocketAddress address(String teacher, String part, String scheme) {
        URI uri;
        try {
            uri = URI.create(part);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--teacher: " + teacher + " (expected: " + FORMS + ")", e);
        }
        boolean bare = uri.getRawPath() == null
                || uri.getRawPath().isEmpty()
                || uri.getRawPath().equals("/");
        if (!scheme.equals(uri.getScheme()) || uri.getHost() == null || uri.getPort() < 1 || !bare) {
            throw new IllegalArgumentException("--teacher: " + teacher + " with " + part + " (expected: " + FORMS
                    + "; one scheme for all addresses)");
        }
        return InetSocketAddress.createUnresolved(uri.getHost(), uri.getPort());
    }
}
