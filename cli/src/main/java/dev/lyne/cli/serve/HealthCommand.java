package dev.lyne.cli.serve;

import dev.lyne.cli.common.LinePace;
import dev.lyne.cli.common.TeacherSecurityOptions;
import dev.lyne.client.TeacherDialer;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Asks a teacher server whether it serves: what images, units and scripts probe with. */
@Command(
        name = "health",
        description =
                "Asks a teacher server for its health (grpc.health.v1); exit code 0 where it serves, else 1. A server "
                        + "that warms up or drains does not serve.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class HealthCommand implements Callable<Integer> {
    private static final long PAUSE_MILLIS = 500;
    private static final long CALL_SECONDS = 5;

    @Option(
            names = "--teacher",
            paramLabel = "HOST:PORT",
            defaultValue = "127.0.0.1:50051",
            description = "The teacher server (default: ${DEFAULT-VALUE}).")
    private String teacher;

    @Mixin
    private TeacherSecurityOptions security;

    @Option(
            names = "--wait",
            paramLabel = "SECONDS",
            defaultValue = "0",
            description = "Ask again until it serves, for so long at most (default: ${DEFAULT-VALUE}, once).")
    private long waitSeconds;

    @Override
    public Integer call() throws Exception {
        if (waitSeconds < 0) {
            throw new IllegalArgumentException("--wait: " + waitSeconds + " (expected: 0 or more)");
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(waitSeconds);
        ManagedChannel channel =
                TeacherDialer.open(security.withoutToken()).channel(teacher).build();
        LinePace pace = new LinePace();
        try {
            while (true) {
                String answer = ask(channel);
                if (answer.equals(ServingStatus.SERVING.name())) {
                    System.out.println(answer);
                    return 0;
                }
                if (System.nanoTime() - end >= 0) {
                    throw new IllegalStateException("teacher " + teacher + ": " + answer + " (expected: SERVING)");
                }
                if (pace.due()) {
                    System.err.println("waiting for the teacher (for " + waitSeconds + " s at most): teacher " + teacher
                            + ": " + answer);
                }
                Thread.sleep(PAUSE_MILLIS);
                channel.resetConnectBackoff();
            }
        } finally {
            channel.shutdownNow();
        }
    }

    /** The server's word, or why there is none. */
    private static String ask(ManagedChannel channel) {
        try {
            return HealthGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
                    .check(HealthCheckRequest.newBuilder()
                            .setService(TeacherServiceGrpc.SERVICE_NAME)
                            .build())
                    .getStatus()
                    .name();
        } catch (StatusRuntimeException e) {
            return TeacherDialer.explain(e);
        }
    }
}
