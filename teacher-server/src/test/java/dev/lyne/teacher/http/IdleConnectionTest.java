package dev.lyne.teacher.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.timeout.IdleStateEvent;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class IdleConnectionTest {
    private final Answering answering = new Answering();

    /** Of what stands behind the door, health needs no more. */
    @SuppressWarnings("NullAway")
    private final EmbeddedChannel connection = new EmbeddedChannel(new DoorHandler(new HttpDoor.Served(
            null,
            null,
            null,
            new BodyBudget(1),
            Runnable::run,
            answering,
            new HttpDoor.Terms(null, () -> true, "", 1, 1, null, Optional.empty()),
            0)));

    private int health() {
        connection.writeInbound(new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/health"));
        FullHttpResponse response = connection.readOutbound();
        int status = response.status().code();
        response.release();
        return status;
    }

    private boolean isOpenAfterAWhile() {
        connection.pipeline().fireUserEventTriggered(IdleStateEvent.READER_IDLE_STATE_EVENT);
        connection.runPendingTasks();
        return connection.isOpen();
    }

    @Test
    void connection_overWhichNothingWasAsked_ends() {
        assertThat(isOpenAfterAWhile()).isFalse();
    }

    @Test
    void connection_overWhichSomethingWasAsked_endsAWhileLater() {
        assertThat(health()).isEqualTo(200);
        assertThat(isOpenAfterAWhile()).isTrue();
        assertThat(health()).isEqualTo(200);
        assertThat(isOpenAfterAWhile()).isTrue();
        assertThat(isOpenAfterAWhile()).isFalse();
    }

    @Test
    void connection_onceTheDoorEnds_endsWithItsAnswer() throws Exception {
        answering.endAfterThese();
        assertThat(health()).isEqualTo(200);
        assertThat(connection.isOpen()).isFalse();
        assertThat(answering.awaitNone(0)).isTrue();
    }
}
