package dev.lyne.client;

import com.google.protobuf.ByteString;
import dev.lyne.v1.GetTokenizerRequest;
import dev.lyne.v1.GetTokenizerResponse;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Takes a teacher's tokenizer from its server, checked file by file. What does not fit its digest may have been changed on the way: that a
 * server sends it so is believed once it was sent so a few times.
 */
public final class TokenizerDownload {
    private static final Set<String> NAMES = Set.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "generation_config.json",
            "config.json");
    private static final long MOST_BYTES = 256L << 20;
    private static final Duration TIMEOUT = Duration.ofMinutes(1);

    private static final long PAUSE_MILLIS = 500;
    private static final long NANOS_BETWEEN_LINES = TimeUnit.SECONDS.toNanos(10);

    /** Garbled answers of a server after which they are its own. */
    private static final int FEW = 3;

    private TokenizerDownload() {}

    /**
     * Writes the tokenizer's files into a directory, which is made where there is none. Waits for a server to answer as a {@link
     * TeacherClient} does: for as long as the options' timeout to retry, and the listener hears of it.
     *
     * @param addresses of the teacher's servers, all asked side by side; the first to answer sends it, or another where that refuses
     * @param options the teacher's name, security, timeouts and listener
     * @throws TeacherUnavailableException where none answers, or none sends it
     * @throws TeacherRefusedException where no server has a tokenizer or lets the caller in, or sends what it did not announce, a few times
     */
    public static void into(Path directory, String addresses, ClientOptions options) throws IOException {
        into(directory, addresses, options, System::nanoTime);
    }

    static void into(Path directory, String addresses, ClientOptions options, LongSupplier nanoTime)
            throws IOException {
        Failures failures = new Failures(options, nanoTime);
        while (true) {
            try (TeacherClient client = new TeacherClient(addresses, options, nanoTime, InetAddress::getAllByName)) {
                if (fetched(directory, client.replicasByAnswer(), options.teacher(), failures)) {
                    return;
                }
            }
            pause();
        }
    }

    /** Fetches from the first that does not refuse; throws where all do. Returns whether it is there; false: one is to be asked again. */
    private static boolean fetched(Path directory, List<Replica> replicas, String teacher, Failures failures)
            throws IOException {
        List<String> refusals = new ArrayList<>();
        for (Replica replica : replicas) {
            try {
                write(directory, download(replica.channel(), teacher));
                return true;
            } catch (StatusRuntimeException e) {
                CallFailure failure = CallFailure.of(e);
                boolean again = failure.isGarbled()
                        ? failures.mayBeMended(replica)
                        : failure.ofCall() != CallFailure.Remedy.GIVE_UP && !CallFailure.isUntrusted(e);
                if (again) {
                    failures.add("teacher " + replica.label() + ": " + failure.description());
                    return false;
                }
                refusals.add("teacher " + replica.label() + ": " + failure);
            } catch (NotAsAnnouncedException e) {
                if (failures.mayBeMended(replica)) {
                    failures.add("teacher " + replica.label() + ": " + e.getMessage());
                    return false;
                }
                refusals.add("teacher " + replica.label() + ": " + e.getMessage());
            }
        }
        throw new TeacherRefusedException(String.join("; ", refusals));
    }

    /** Files that came otherwise than announced. */
    private static final class NotAsAnnouncedException extends Exception {
        private static final long serialVersionUID = 1;

        NotAsAnnouncedException(String what) {
            super("the server sent " + what);
        }
    }

    /** Downloads that broke off from servers that had answered, or came garbled: how long so, and the lines that say it. */
    private static final class Failures {
        private final ClientOptions options;
        private final LongSupplier nanoTime;
        private final Map<String, Integer> garbled = new HashMap<>();
        private boolean any;
        private long firstNanos;
        private long lineNanos;

        Failures(ClientOptions options, LongSupplier nanoTime) {
            this.options = options;
            this.nanoTime = nanoTime;
        }

        /** A server's answer, or what it heard, was garbled. Returns whether that may have come about on the way. */
        boolean mayBeMended(Replica by) {
            return garbled.merge(by.label(), 1, Integer::sum) < FEW;
        }

        /** Throws after the progress timeout. */
        void add(String what) {
            long now = nanoTime.getAsLong();
            long retryNanos = options.timeouts().retry().toNanos();
            firstNanos = any ? firstNanos : now;
            if (now - firstNanos >= retryNanos) {
                throw new TeacherUnavailableException(what);
            }
            if (!any || now - lineNanos >= NANOS_BETWEEN_LINES) {
                lineNanos = now;
                options.listener()
                        .onWaiting(
                                "waiting for the teacher's tokenizer for " + ReplicaConnection.seconds(now - firstNanos)
                                        + " (for " + ReplicaConnection.seconds(retryNanos) + " at most): " + what);
            }
            any = true;
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TeacherUnavailableException("interrupted while the tokenizer was being fetched");
        }
    }

    private record Announced(ByteString sha256, long bytes, ByteArrayOutputStream received) {}

    private static Map<String, byte[]> download(ManagedChannel channel, String teacher)
            throws IOException, NotAsAnnouncedException {
        Map<String, Announced> files = new LinkedHashMap<>();
        long left = MOST_BYTES;
        Iterator<GetTokenizerResponse> parts = TeacherServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(TIMEOUT.toSeconds(), TimeUnit.SECONDS)
                .getTokenizer(
                        GetTokenizerRequest.newBuilder().setTeacher(teacher).build());
        while (parts.hasNext()) {
            GetTokenizerResponse part = parts.next();
            left -= part.getPart().size();
            if (!NAMES.contains(part.getFileName()) || left < 0) {
                throw new NotAsAnnouncedException(part.getFileName() + " as a part of its tokenizer (expected: at most "
                        + MOST_BYTES + " bytes of " + NAMES + ")");
            }
            Announced file = files.computeIfAbsent(
                    part.getFileName(),
                    unused -> new Announced(part.getFileSha256(), part.getFileBytes(), new ByteArrayOutputStream()));
            part.getPart().writeTo(file.received());
        }
        Map<String, byte[]> whole = new LinkedHashMap<>();
        for (Map.Entry<String, Announced> file : files.entrySet()) {
            whole.put(file.getKey(), checked(file.getKey(), file.getValue()));
        }
        if (!whole.containsKey("tokenizer.json")) {
            throw new NotAsAnnouncedException(whole.keySet() + " (expected: tokenizer.json)");
        }
        return whole;
    }

    private static byte[] checked(String name, Announced file) throws NotAsAnnouncedException {
        byte[] bytes = file.received().toByteArray();
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
            if (bytes.length == file.bytes() && ByteString.copyFrom(digest).equals(file.sha256())) {
                return bytes;
            }
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
        throw new NotAsAnnouncedException(bytes.length + " bytes of " + name + " (expected: the "
                + Long.toUnsignedString(file.bytes()) + " bytes of the SHA-256 that it announced)");
    }

    /** The tokenizer last: where it stands, all is there. */
    private static void write(Path directory, Map<String, byte[]> files) throws IOException {
        Files.createDirectories(directory);
        List<String> names = new ArrayList<>(files.keySet());
        names.remove("tokenizer.json");
        names.add("tokenizer.json");
        for (String name : names) {
            Path aside =
                    Files.createTempFile(directory, name, ".part"); // several processes may fetch into one directory
            Files.write(aside, files.get(name));
            Files.move(aside, directory.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        }
    }
}
