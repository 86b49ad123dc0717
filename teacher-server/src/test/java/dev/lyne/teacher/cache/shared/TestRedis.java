package dev.lyne.teacher.cache.shared;

import io.lettuce.core.RedisClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import redis.embedded.RedisServer;

/** A real Redis server on a free port of the loopback address, which keeps its port over a restart. */
public final class TestRedis implements AutoCloseable {
    private final int port;
    private RedisServer server;

    public TestRedis() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        server = start();
    }

    private RedisServer start() throws IOException {
        RedisServer started = RedisServer.newRedisServer()
                .bind("127.0.0.1")
                .port(port)
                .setting("save \"\"")
                .setting("appendonly no")
                .build();
        started.start();
        return started;
    }

    public int port() {
        return port;
    }

    public String url() {
        return "redis://127.0.0.1:" + port;
    }

    /** Changes a setting of the running server. */
    void configure(String name, String value) {
        try (RedisClient client = RedisClient.create(url())) {
            String unusedOk = client.connect().sync().configSet(name, value);
        }
    }

    public void stop() throws IOException {
        server.stop();
    }

    /** Starts again, empty. */
    public void restart() throws IOException {
        server = start();
    }

    @Override
    public void close() throws IOException {
        stop();
    }
}
