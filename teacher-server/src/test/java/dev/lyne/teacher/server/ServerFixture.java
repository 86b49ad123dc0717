package dev.lyne.teacher.server;

import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.LocalModel;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;

/** A real server on the loopback address around a fake teacher, and channels to it. */
final class ServerFixture implements AutoCloseable {
    static {
        // A bound on how long a hang is watched; a busy machine needs more than the library's ten seconds.
        Awaitility.setDefaultTimeout(Duration.ofMinutes(1));
    }

    final FakeTeacher teacher;
    final TeacherServer server;
    private final List<ManagedChannel> channels = new ArrayList<>();

    ServerFixture() throws IOException, InterruptedException {
        this(new FakeTeacher("fake", 1_000, 1_024), options -> options);
    }

    ServerFixture(FakeTeacher teacher, UnaryOperator<TeacherServerOptions.Builder> options)
            throws IOException, InterruptedException {
        this.teacher = teacher;
        this.server = TeacherServer.start(
                List.<LocalModel>of(teacher),
                options.apply(TeacherServerOptions.builder()).build());
    }

    ManagedChannel channel() {
        return channel(server.port());
    }

    ManagedChannel channel(int port) {
        ManagedChannel channel =
                NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
        channels.add(channel);
        return channel;
    }

    TestStream stream() {
        return TestStream.reading(channel());
    }

    double gauge(String name) {
        return server.registry().get(name).gauge().value();
    }

    double counter(String name) {
        return server.registry().get(name).counter().count();
    }

    double refusals(String reason) {
        return server.registry()
                .get("lyne.teacher.refusals")
                .tag("reason", reason)
                .counter()
                .count();
    }

    @Override
    public void close() throws InterruptedException {
        teacher.allowAll();
        for (ManagedChannel channel : channels) {
            channel.shutdownNow();
        }
        for (ManagedChannel channel : channels) {
            channel.awaitTermination(10, TimeUnit.SECONDS);
        }
        server.close();
    }
}
