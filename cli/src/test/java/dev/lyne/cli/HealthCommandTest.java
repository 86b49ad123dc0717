package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Probes of a server that serves, warms up, or is not there. */
final class HealthCommandTest {
    private final HealthStatusManager health = new HealthStatusManager();
    private Server server;
    private String address;

    private record Outcome(int code, String err) {}

    @BeforeEach
    void start() throws IOException {
        server = NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .addService(health.getHealthService())
                .build()
                .start();
        address = "127.0.0.1:" + server.getPort();
    }

    @AfterEach
    void stop() {
        server.shutdownNow();
    }

    private static Outcome run(String... arguments) {
        StringWriter err = new StringWriter();
        int code = Lyne.commandLine().setErr(new PrintWriter(err, true)).execute(arguments);
        return new Outcome(code, err.toString());
    }

    private void report(ServingStatus status) {
        health.setStatus(TeacherServiceGrpc.SERVICE_NAME, status);
    }

    @Test
    void servingServer_isHealthy() {
        report(ServingStatus.SERVING);
        assertThat(run("health", "--teacher", address).code()).isZero();
    }

    @Test
    void warmingServer_isNot() {
        report(ServingStatus.NOT_SERVING);
        assertThat(run("health", "--teacher", address))
                .isEqualTo(new Outcome(
                        1, "lyne: teacher " + address + ": NOT_SERVING (expected: SERVING)" + System.lineSeparator()));
    }

    @Test
    void absentServer_isNot() throws InterruptedException {
        server.shutdownNow().awaitTermination();
        Outcome outcome = run("health", "--teacher", address);
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.err()).contains(address).contains("expected: SERVING");
    }

    @Test
    void waiting_lastsUntilTheServerServes() {
        report(ServingStatus.NOT_SERVING);
        CompletableFuture<Outcome> waiting =
                CompletableFuture.supplyAsync(() -> run("health", "--teacher", address, "--wait", "60"));
        assertThat(waiting).isNotDone();
        report(ServingStatus.SERVING);
        Awaitility.await().untilAsserted(() -> assertThat(waiting).isCompletedWithValue(new Outcome(0, "")));
    }

    @Test
    void wrongAddress_isWrongUsage() {
        assertThat(run("health", "--teacher", "somewhere").code()).isEqualTo(2);
    }
}
