package dev.lyne.teacher.server;

import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.cache.TierOptions;
import dev.lyne.teacher.decode.DecodeOptions;
import dev.lyne.teacher.score.RowStore;
import io.opentelemetry.api.OpenTelemetry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * How a teacher server runs. Made by {@link #builder()}; limits and batching state their own bounds.
 *
 * @param addresses where it listens
 * @param security how the service is spoken to
 * @param limits bounds of what is taken on
 * @param memoryCacheBytes encoded rows kept in memory; 0 keeps none
 * @param slowerTiers what else keeps encoded rows, the fastest first: looked into in this order, behind memory
 * @param batching how sequences become batches; a deterministic teacher's run alone whatever it says
 * @param encodeThreads threads that encode and deliver a teacher's rows, 1 or more
 * @param timeouts how long what may hang is waited for
 * @param decoding how models decode, those that can
 * @param reflection whether the server describes its services to tools
 * @param telemetry where spans of calls, sequences and forwards go
 */
public record TeacherServerOptions(
        Addresses addresses,
        ServerSecurity security,
        ServerLimits limits,
        long memoryCacheBytes,
        List<TierOptions> slowerTiers,
        BatchOptions batching,
        int encodeThreads,
        Timeouts timeouts,
        DecodeOptions decoding,
        boolean reflection,
        OpenTelemetry telemetry) {
    /**
     * Where a server listens. Port 0 picks one.
     *
     * @param service the gRPC service
     * @param health gRPC health alone, in plain text, for probes that speak no TLS; where there is to be one
     * @param metrics the metrics page, where there is to be one
     * @param http the HTTP door, where there is to be one
     */
    public record Addresses(
            InetSocketAddress service,
            Optional<InetSocketAddress> health,
            Optional<InetSocketAddress> metrics,
            Optional<InetSocketAddress> http) {}

    /**
     * How long what may hang is waited for.
     *
     * @param drain how long {@link TeacherServer#drain} lets streams end by themselves
     * @param stuckDevice how long a device may be at one forward before health says that nobody is served; a minute later the server is lost
     * @param load how long a teacher may take to load and warm up before it has failed to; what its loader waits for elsewhere, by settings of its
     *     own, comes on top
     */
    public record Timeouts(Duration drain, Duration stuckDevice, Duration load) {
        public Timeouts {
            if (drain.isNegative()) {
                throw new IllegalArgumentException("drain timeout: " + drain + " (expected: 0 or more)");
            }
            requirePositive("stuck device", stuckDevice);
            requirePositive("load timeout", load);
        }

        private static void requirePositive(String name, Duration value) {
            if (value.isNegative() || value.isZero()) {
                throw new IllegalArgumentException(name + ": " + value + " (expected: above 0)");
            }
        }
    }

    public TeacherServerOptions {
        slowerTiers = List.copyOf(slowerTiers);
        Set<String> names = new HashSet<>(Set.of(RowStore.MEMORY));
        for (TierOptions tier : slowerTiers) {
            if (!names.add(tier.name())) {
                throw new IllegalArgumentException(
                        "cache tiers: two of name " + tier.name() + " (expected: one of each)");
            }
        }
        security.requireFits(addresses.service());
        addresses.http().ifPresent(security::requireFits);
        if (memoryCacheBytes < 0) {
            throw new IllegalArgumentException("memory cache bytes: " + memoryCacheBytes + " (expected: 0 or more)");
        }
        if (encodeThreads < 1) {
            throw new IllegalArgumentException("encode threads: " + encodeThreads + " (expected: 1 or more)");
        }
        long heap = Runtime.getRuntime().maxMemory();
        new HeapPlan(
                        memoryCacheBytes,
                        limits.maxServerUnsentBytes(),
                        slowerTiers.size() * HeapPlan.unwrittenBytes(heap),
                        heap)
                .requireFits();
    }

    InetSocketAddress listen() {
        return addresses.service();
    }

    Duration drainTimeout() {
        return timeouts.drain();
    }

    Duration stuckDevice() {
        return timeouts.stuckDevice();
    }

    Duration loadTimeout() {
        return timeouts.load();
    }

    Optional<InetSocketAddress> health() {
        return addresses.health();
    }

    Optional<InetSocketAddress> metrics() {
        return addresses.metrics();
    }

    Optional<InetSocketAddress> http() {
        return addresses.http();
    }

    /** Bytes of rows that may be computed or wait for their readers where nothing is said, beside such a cache. */
    public static long usualUnsentBytes(long memoryCacheBytes, int slowerTiers) {
        long heap = Runtime.getRuntime().maxMemory();
        return HeapPlan.usualUnsentBytes(memoryCacheBytes, slowerTiers * HeapPlan.unwrittenBytes(heap), heap);
    }

    /** Starts from what suits a small machine, on a free port of the loopback address, without a metrics page. */
    public static Builder builder() {
        return new Builder();
    }

    /** Options in the making, with the defaults. Not safe for several threads. */
    public static final class Builder {
        private InetSocketAddress listen = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        private ServerSecurity security = ServerSecurity.LOOPBACK;
        private Optional<InetSocketAddress> health = Optional.empty();
        private Optional<InetSocketAddress> metrics = Optional.empty();
        private Optional<InetSocketAddress> http = Optional.empty();
        private ServerLimits limits = ServerLimits.DEFAULT;
        private long memoryCacheBytes =
                Math.min(256L << 20, Runtime.getRuntime().maxMemory() / 4);
        private final List<TierOptions> slowerTiers = new ArrayList<>();
        private BatchOptions batching = BatchOptions.DEFAULT;
        private int encodeThreads = 2;
        private Duration drainTimeout = Duration.ofSeconds(30);
        private Duration stuckDevice = Duration.ofMinutes(5);
        private Duration loadTimeout = Duration.ofHours(1);
        private DecodeOptions decoding = DecodeOptions.DEFAULT;
        private boolean reflection;
        private OpenTelemetry telemetry = OpenTelemetry.noop();

        private Builder() {}

        /** Address of the service; port 0 picks one. */
        public Builder listen(InetSocketAddress address) {
            listen = address;
            return this;
        }

        /** Sets how the service is spoken to; by default in plain text, on this machine only. */
        public Builder security(ServerSecurity value) {
            security = value;
            return this;
        }

        /** Address that answers gRPC health alone, in plain text; port 0 picks one. */
        public Builder health(InetSocketAddress address) {
            health = Optional.of(address);
            return this;
        }

        /** Address of the metrics page; port 0 picks one. */
        public Builder metrics(InetSocketAddress address) {
            metrics = Optional.of(address);
            return this;
        }

        /** Address of the HTTP door, with the security of the service; port 0 picks one. */
        public Builder http(InetSocketAddress address) {
            http = Optional.of(address);
            return this;
        }

        /** Bounds of what is taken on. */
        public Builder limits(ServerLimits value) {
            limits = value;
            return this;
        }

        /** Encoded rows kept in memory; 0 keeps none. */
        public Builder memoryCacheBytes(long bytes) {
            memoryCacheBytes = bytes;
            return this;
        }

        /**
         * Adds a tier that keeps encoded rows, slower than those before it: on disk, on a Redis server, or one of your
         * own.
         */
        public Builder tier(TierOptions value) {
            slowerTiers.add(value);
            return this;
        }

        /** Sets how sequences become batches. */
        public Builder batching(BatchOptions value) {
            batching = value;
            return this;
        }

        /** Threads that encode and deliver a teacher's rows. */
        public Builder encodeThreads(int threads) {
            encodeThreads = threads;
            return this;
        }

        /** How long a drain lets streams end by themselves. */
        public Builder drainTimeout(Duration timeout) {
            drainTimeout = timeout;
            return this;
        }

        /** How long a device may be at one forward. */
        public Builder stuckDevice(Duration longest) {
            stuckDevice = longest;
            return this;
        }

        /** How long a teacher may take to load and warm up. */
        public Builder loadTimeout(Duration longest) {
            loadTimeout = longest;
            return this;
        }

        /** How models decode, those that can. */
        public Builder decoding(DecodeOptions value) {
            decoding = value;
            return this;
        }

        /** Whether the server describes its services to tools. */
        public Builder reflection(boolean on) {
            reflection = on;
            return this;
        }

        /** Sets where spans of calls, sequences and forwards go; by default nowhere. */
        public Builder telemetry(OpenTelemetry value) {
            telemetry = value;
            return this;
        }

        /**
         * The options.
         *
         * @throws IllegalArgumentException if one is out of its range
         */
        public TeacherServerOptions build() {
            return new TeacherServerOptions(
                    new Addresses(listen, health, metrics, http),
                    security,
                    limits,
                    memoryCacheBytes,
                    slowerTiers,
                    batching,
                    encodeThreads,
                    new Timeouts(drainTimeout, stuckDevice, loadTimeout),
                    decoding,
                    reflection,
                    telemetry);
        }
    }
}
