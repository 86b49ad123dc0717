package dev.lyne.teacher.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.access.OpenedSecurity;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.admission.ServedMetrics;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.noop.NoopCounter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Work on a request: what is done on an event loop, and what is left to workers. */
final class DoorWorkersTest {
    private static final byte[] BODY = "{\"prompt\": {}}".getBytes(StandardCharsets.UTF_8);

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final Queue<Runnable> work = new ArrayDeque<>();
    private final BodyBudget bodies = new BodyBudget(1_000);
    private final Answering answering = new Answering();

    private static HttpTeachers noTeachers() {
        return new HttpTeachers() {
            @Override
            public List<HttpTeacher> served() {
                return List.of();
            }

            @Override
            public Optional<String> whyNotServed(String name) {
                return Optional.empty();
            }
        };
    }

    private EmbeddedChannel connection() {
        return connection(work::add, registry);
    }

    /** Nothing gets as far as rows. */
    @SuppressWarnings("NullAway")
    private EmbeddedChannel connection(Executor workers, MeterRegistry counts) {
        HttpDoor.Terms terms = new HttpDoor.Terms(
                OpenedSecurity.open(ServerSecurity.LOOPBACK, registry).authenticator(),
                () -> true,
                "",
                1,
                1,
                new ServedMetrics(counts),
                Optional.empty());
        return new EmbeddedChannel(
                new DoorHandler(new HttpDoor.Served(noTeachers(), null, null, bodies, workers, answering, terms, 0)));
    }

    private void post(EmbeddedChannel connection, String path) {
        assertThat(bodies.take((long) BODY.length * RequestBody.MEMORY_FACTOR, 0))
                .isTrue();
        connection.writeInbound(
                new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.POST, path, Unpooled.wrappedBuffer(BODY)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/tokenize", "/v1/completions"})
    void body_isReadByAWorker(String path) {
        EmbeddedChannel connection = connection();
        post(connection, path);
        assertThat(work).hasSize(1);
        assertThat((Object) connection.readOutbound()).isNull();

        work.remove().run();
        connection.runPendingTasks();
        FullHttpResponse response = connection.readOutbound();
        assertThat(response.status().code()).isEqualTo(400);
        assertThat(response.content().toString(StandardCharsets.UTF_8)).contains("prompt: keys and values");
        response.release();
        assertThat(bodies.heldBytes()).isZero();
    }

    @Test
    void workers_thatTakeNothingAnyMore_refuseAndLeaveNothingTaken() {
        EmbeddedChannel connection = connection(
                task -> {
                    throw new RejectedExecutionException("shut down");
                },
                registry);
        post(connection, "/v1/completions");
        FullHttpResponse response = connection.readOutbound();
        assertThat(response.status().code()).isEqualTo(503);
        response.release();
        assertThat(bodies.heldBytes()).isZero();
    }

    /** A drain would wait for an answer that nobody gives. */
    @Test
    void answer_thatFailsOnTheEventLoop_endsItsConnection() throws InterruptedException {
        EmbeddedChannel connection = connection(work::add, new BrokenRefusals());
        post(connection, "/tokenize");
        work.remove().run();
        connection.runPendingTasks();
        assertThat(connection.isOpen()).isFalse();
        assertThat(answering.awaitNone(0)).isTrue();
        assertThat(bodies.heldBytes()).isZero();
    }

    @Test
    void request_thatCannotEvenBeRefused_endsItsConnection() throws InterruptedException {
        EmbeddedChannel connection = connection(work::add, new BrokenRefusals());
        post(connection, "/nowhere");
        assertThat(connection.isOpen()).isFalse();
        assertThat(answering.awaitNone(0)).isTrue();
        assertThat(bodies.heldBytes()).isZero();
    }

    /** Throws as a tenant's refusals are counted. */
    private static final class BrokenRefusals extends SimpleMeterRegistry {
        @Override
        protected Counter newCounter(Meter.Id id) {
            return id.getName().equals("lyne.teacher.tenant.refusals") ? new BrokenCounter(id) : super.newCounter(id);
        }
    }

    private static final class BrokenCounter extends NoopCounter {
        BrokenCounter(Meter.Id id) {
            super(id);
        }

        @Override
        public void increment(double amount) {
            throw new IllegalStateException("no count");
        }
    }

    @Test
    void connection_thatEndsBeforeItsBodyIsRead_leavesNothingTaken() {
        EmbeddedChannel connection = connection();
        post(connection, "/v1/completions");
        post(connection, "/v1/completions");
        var unused = connection.close();
        work.remove().run();
        connection.runPendingTasks();
        assertThat(work).isEmpty();
        assertThat(bodies.heldBytes()).isZero();
    }
}
