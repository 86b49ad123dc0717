package dev.lyne.teacher.server;

import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.RequestSize;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.batch.BatchMetrics;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.cache.TeacherCaches;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.rpc.RpcMetrics;
import dev.lyne.teacher.rpc.ServedTeacher;
import dev.lyne.teacher.rpc.TeacherRpc;
import dev.lyne.teacher.score.CacheMetrics;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.score.Scorer;
import dev.lyne.teacher.score.SequenceEncoder;
import dev.lyne.teacher.score.SingleFlight;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** The stages of a real server, put together with something wrong between them. */
final class FaultyServer implements AutoCloseable {
    /** Change of a request. */
    interface Change {
        ScoreTask of(ScoreTask task);
    }

    private final Batcher batcher;
    private final Scorer scorer;
    private final Server server;

    /** @param fault what stands between the streams and the stage that answers them */
    FaultyServer(LocalModel teacher, UnaryOperator<Scorer> fault) throws Exception {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        // Batches wait for company, so that there are two sequences to swap.
        BatchOptions batching = BatchOptions.of(4_096, Duration.ofMillis(200));
        batcher = new Batcher(teacher, batching, 1, System::nanoTime, new BatchMetrics(registry, "fake"));
        scorer = fault.apply(new SingleFlight(
                batcher,
                TeacherCaches.open(List.of(), System::nanoTime, registry).of("fake", 1 << 20),
                new SequenceEncoder(teacher.description(), 1 << 20),
                batcher.options().maxEntries(),
                System::nanoTime,
                new CacheMetrics(registry, "fake")));
        HealthStatusManager health = new HealthStatusManager();
        health.setStatus(HealthStatusManager.SERVICE_NAME_ALL_SERVICES, ServingStatus.SERVING);
        TeacherRpc rpc = new TeacherRpc(
                new Admission(ServerLimits.DEFAULT, registry),
                new RpcMetrics(registry),
                RequestSize.LONGEST_USUAL_CONTEXT,
                name -> Optional.empty(),
                System::nanoTime);
        rpc.serve(new ServedTeacher(teacher.description(), scorer, batcher::devicePositions, List.of()));
        server = NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .addService(rpc)
                .addService(health.getHealthService())
                .build()
                .start();
    }

    int port() {
        return server.getPort();
    }

    Scorer scorer() {
        return scorer;
    }

    @Override
    public void close() throws Exception {
        server.shutdownNow().awaitTermination();
        batcher.close();
    }
}
