package dev.lyne.teacher.cache.shared;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.ClientOptions.DisconnectedBehavior;
import io.lettuce.core.MaintNotificationsConfig;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SetArgs;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * One connection to a Redis server, made when it is needed and made anew when it is gone. Safe for several threads; every call
 * ends within its limit, connecting included. A connection that takes longer than a call goes on being made, for the next.
 */
final class RedisConnection implements AutoCloseable {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);
    private static final int MAX_QUEUED_COMMANDS = 256;
    private static final Pattern USED_MEMORY = Pattern.compile("(?m)^used_memory:(\\d+)\\s*$");

    private final RedisURI server;
    private final ClientResources resources;
    private final RedisClient client;

    private Optional<CompletableFuture<StatefulRedisConnection<byte[], byte[]>>> connection =
            Optional.empty(); // by this

    RedisConnection(RedisURI server) {
        this.server = server;
        this.resources = DefaultClientResources.builder()
                .ioThreadPoolSize(2)
                .computationThreadPoolSize(2)
                .build();
        this.client = RedisClient.create(resources);
        client.setOptions(ClientOptions.builder()
                .autoReconnect(false) // the breaker says when to try again
                .disconnectedBehavior(DisconnectedBehavior.REJECT_COMMANDS)
                .maintNotificationsConfig(MaintNotificationsConfig.disabled())
                .requestQueueSize(MAX_QUEUED_COMMANDS)
                .socketOptions(SocketOptions.builder()
                        .connectTimeout(CONNECT_TIMEOUT)
                        .keepAlive(true)
                        .build())
                .build());
    }

    /** Connects, where it is not connected. */
    void connect(Duration limit) throws InterruptedException, ExecutionException, TimeoutException {
        connected(System.nanoTime() + limit.toNanos());
    }

    /** The first {@code maxBytes + 1} bytes under a key, so that a value larger than that shows without being read. */
    byte[] get(byte[] key, int maxBytes, Duration limit)
            throws InterruptedException, ExecutionException, TimeoutException {
        return call(commands -> commands.getrange(key, 0, maxBytes), limit);
    }

    /** Sets a key that expires. */
    void set(byte[] key, byte[] value, Duration timeToLive, Duration limit)
            throws InterruptedException, ExecutionException, TimeoutException {
        SetArgs expiring = SetArgs.Builder.px(timeToLive.toMillis());
        String unusedOk = call(commands -> commands.set(key, value, expiring), limit);
    }

    /** Takes how many keys a server holds, and how many bytes it uses. */
    interface SizeListener {
        void told(long keys, long bytes);
    }

    /** Asks how much the server holds, where it is connected. Does not wait; the listener is called where the server answers. */
    void askSize(SizeListener listener) {
        StatefulRedisConnection<byte[], byte[]> open;
        synchronized (this) {
            if (connection.isEmpty() || !connection.get().isDone() || isOver(connection.get())) {
                return;
            }
            open = connection.get().join();
        }
        RedisFuture<String> memory = open.async().info("memory");
        var unusedTold = open.async()
                .dbsize()
                .thenAcceptBoth(
                        memory,
                        (keys, info) -> USED_MEMORY
                                .matcher(info)
                                .results()
                                .findFirst()
                                .ifPresent(used -> listener.told(keys, Long.parseLong(used.group(1)))));
    }

    private <T> T call(Function<RedisAsyncCommands<byte[], byte[]>, RedisFuture<T>> command, Duration limit)
            throws InterruptedException, ExecutionException, TimeoutException {
        long endNanos = System.nanoTime() + limit.toNanos();
        RedisFuture<T> reply = command.apply(connected(endNanos).async());
        try {
            return within(reply, endNanos);
        } finally {
            reply.cancel(true); // without effect once it is there
        }
    }

    private StatefulRedisConnection<byte[], byte[]> connected(long endNanos)
            throws InterruptedException, ExecutionException, TimeoutException {
        CompletableFuture<StatefulRedisConnection<byte[], byte[]>> current;
        synchronized (this) {
            if (connection.map(RedisConnection::isOver).orElse(true)) {
                drop();
                connection = Optional.of(
                        client.connectAsync(ByteArrayCodec.INSTANCE, server).toCompletableFuture());
            }
            current = connection.get();
        }
        return within(current, endNanos);
    }

    private static boolean isOver(CompletableFuture<StatefulRedisConnection<byte[], byte[]>> connection) {
        return connection.isCompletedExceptionally()
                || (connection.isDone() && !connection.join().isOpen());
    }

    private static <T> T within(Future<T> future, long endNanos)
            throws InterruptedException, ExecutionException, TimeoutException {
        return future.get(Math.max(0, endNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
    }

    /** Gives the connection up: the server does not answer on it, and may on another. */
    synchronized void drop() {
        connection.ifPresent(dropped -> {
            var unusedClosed = dropped.thenCompose(StatefulRedisConnection::closeAsync);
        });
        connection = Optional.empty();
    }

    @Override
    public void close() {
        drop();
        client.shutdown(Duration.ZERO, Duration.ofSeconds(1));
        var unusedTerminated = resources.shutdown(0, 1, TimeUnit.SECONDS);
    }
}
