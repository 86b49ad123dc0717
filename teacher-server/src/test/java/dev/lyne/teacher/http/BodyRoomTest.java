package dev.lyne.teacher.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Room for bodies over two connections. */
final class BodyRoomTest {
    private static final int FACTOR = RequestBody.MEMORY_FACTOR;

    private final BodyBudget budget = new BodyBudget(100L * FACTOR);
    private final EmbeddedChannel one = connection();
    private final EmbeddedChannel other = connection();

    private EmbeddedChannel connection() {
        EmbeddedChannel connection =
                new EmbeddedChannel(new BodyRoom(budget, 1_000), new HttpObjectAggregator(Integer.MAX_VALUE));
        connection.freezeTime();
        return connection;
    }

    private static void begin(EmbeddedChannel connection, int... chunks) {
        connection.writeInbound(new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.POST, "/"));
        for (int bytes : chunks) {
            connection.writeInbound(new DefaultHttpContent(Unpooled.wrappedBuffer(new byte[bytes])));
        }
    }

    private static FullHttpRequest end(EmbeddedChannel connection) {
        connection.writeInbound(LastHttpContent.EMPTY_LAST_CONTENT);
        return connection.readInbound();
    }

    @Test
    void body_beyondTheRoomOfAll_isRefusedOnceItHasEnded() {
        begin(one, 60);
        begin(other, 30, 11, 30);
        FullHttpRequest refused = end(other);
        assertThat(refused.decoderResult().cause())
                .isInstanceOfSatisfying(
                        BadRequest.class, why -> assertThat(why.status()).isEqualTo(503));
        assertThat(refused.content().readableBytes()).isEqualTo(30);
        refused.release();
        budget.give(30L * FACTOR);
        begin(other, 40);
        FullHttpRequest taken = end(other);
        assertThat(taken.decoderResult().isSuccess()).isTrue();
        taken.release();
        assertThat(budget.heldBytes()).isEqualTo(100L * FACTOR);
    }

    @Test
    void body_largerThanTheRoom_isTakenWhereNothingElseIsHeld() {
        begin(one, 90, 90);
        FullHttpRequest taken = end(one);
        assertThat(taken.decoderResult().isSuccess()).isTrue();
        taken.release();
    }

    @Test
    void body_largerThanAnyMayBe_isRefused() {
        begin(one, HttpDoor.MAX_REQUEST_BYTES, 1);
        FullHttpRequest refused = end(one);
        assertThat(refused.decoderResult().cause())
                .isInstanceOfSatisfying(
                        BadRequest.class, why -> assertThat(why.status()).isEqualTo(413));
        refused.release();
    }

    @Test
    void body_thatIsTooLongInComing_endsItsConnectionAndGivesItsRoomBack() {
        begin(one, 60);
        one.advanceTimeBy(999, TimeUnit.MILLISECONDS);
        one.runScheduledPendingTasks();
        assertThat(one.isOpen()).isTrue();
        one.advanceTimeBy(1, TimeUnit.MILLISECONDS);
        one.runScheduledPendingTasks();
        assertThat(one.isOpen()).isFalse();
        assertThat(budget.heldBytes()).isZero();

        begin(other, 1);
        end(other).release();
        other.advanceTimeBy(2, TimeUnit.SECONDS);
        other.runScheduledPendingTasks();
        assertThat(other.isOpen()).as("it came whole").isTrue();
    }
}
