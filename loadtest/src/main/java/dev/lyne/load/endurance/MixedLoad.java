package dev.lyne.load.endurance;

import dev.lyne.client.ClientListener;
import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TeacherSecurity;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Clients of one server that do what clients do, each on a thread of its own: one asks for texts that nobody has asked for, one withdraws
 * what it asked for, one comes back on a new connection each time, one sends what is no request. Hits come from an audit beside them.
 */
final class MixedLoad implements AutoCloseable {
    private static final int TOKENS = 64;
    private static final int WINDOW = 8;
    private static final long MILLIS_BETWEEN = 30;

    private final String address;
    private final Map<String, AtomicLong> done = new ConcurrentHashMap<>();
    private final List<Thread> threads = new ArrayList<>();
    private final List<Throwable> failures = new ArrayList<>(); // guarded by itself
    private volatile boolean stopping;

    /** A client, which does one thing over and over. */
    private interface Client {
        void act(SplittableRandom random) throws Exception;
    }

    MixedLoad(String address, int vocabulary, long seed) {
        this.address = address;
        SplittableRandom random = new SplittableRandom(seed);
        begin("misses", random.split(), each -> ask(each, vocabulary, WINDOW, true));
        begin("cancellations", random.split(), each -> ask(each, vocabulary, WINDOW, false));
        begin("reconnections", random.split(), each -> ask(each, vocabulary, 1, true));
        begin("bad_requests", random.split(), this::sendNoRequests);
    }

    private void begin(String name, SplittableRandom random, Client client) {
        AtomicLong count = done.computeIfAbsent(name, missing -> new AtomicLong());
        Thread thread = new Thread(
                () -> {
                    try {
                        while (!stopping) {
                            client.act(random);
                            count.incrementAndGet();
                            TimeUnit.MILLISECONDS.sleep(MILLIS_BETWEEN);
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    } catch (Throwable e) {
                        synchronized (failures) {
                            failures.add(e);
                        }
                    }
                },
                "soak-" + name);
        thread.setDaemon(true);
        thread.start();
        threads.add(thread);
    }

    /** Connects, asks for texts of its own, and takes their rows or goes without them. */
    private void ask(SplittableRandom random, int vocabulary, int sequences, boolean take) throws InterruptedException {
        ClientOptions options = ClientOptions.builder()
                .window(WINDOW, 1 << 16)
                .retryFor(Duration.ofMinutes(1))
                .listener(ClientListener.LOGGING)
                .build();
        try (TeacherClient client = TeacherClient.connect(address, options);
                TargetStream stream = client.open(TargetRequest.topK(16, List.of(), TeacherExpectation.any()))) {
            for (int i = 0; i < sequences; i++) {
                stream.offer(TargetSequence.whole(
                        i, random.ints(TOKENS, 0, vocabulary).toArray()));
            }
            while (take && stream.pending() > 0) {
                stream.take();
            }
            if (!take) {
                TimeUnit.MILLISECONDS.sleep(random.nextInt(50));
            }
        }
    }

    private void sendNoRequests(SplittableRandom random) throws Exception {
        ManagedChannel channel =
                TeacherDialer.open(TeacherSecurity.LOOPBACK).channel(address).build();
        try {
            new MutatedMessages(random.nextLong()).send(channel, 16);
        } finally {
            channel.shutdownNow();
        }
    }

    /** Times that each client did what it does. */
    Map<String, Long> done() {
        Map<String, Long> counts = new TreeMap<>();
        done.forEach((name, count) -> counts.put(name, count.get()));
        return counts;
    }

    /** Fails with what ended a client, where something has. */
    void requireGoingOn() {
        synchronized (failures) {
            if (!failures.isEmpty()) {
                throw new IllegalStateException("a client of the load ended: " + failures.get(0), failures.get(0));
            }
        }
    }

    @Override
    public void close() throws InterruptedException {
        stopping = true;
        for (Thread thread : threads) {
            thread.join(TimeUnit.MINUTES.toMillis(1));
        }
    }
}
