package dev.lyne.teacher.http;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Takes room for a request's body as it arrives, which {@link DoorHandler} gives back. Where there is none, or the body is too large, the rest
 * is let go of, and the request is refused once it has ended, as its failed decoder result says. Ends a connection whose request is too long
 * in coming. Owned by its connection's event loop.
 */
final class BodyRoom extends ChannelInboundHandlerAdapter {
    private final BodyBudget budget;
    private final long mostMillis;

    /** Bytes of the request that is coming, as passed on. */
    private long taken;

    private @Nullable BadRequest refusal;
    private @Nullable Future<?> deadline;

    /** @param mostMillis from a request's head to its last byte */
    BodyRoom(BodyBudget budget, long mostMillis) {
        this.budget = budget;
        this.mostMillis = mostMillis;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof HttpRequest) {
            refusal = null;
            deadline = context.executor()
                    .schedule(
                            () -> {
                                var unused = context.close();
                            },
                            mostMillis,
                            TimeUnit.MILLISECONDS);
        }
        if (message instanceof HttpContent content) {
            content(context, content);
        } else {
            context.fireChannelRead(message);
        }
    }

    private void content(ChannelHandlerContext context, HttpContent content) {
        boolean last = content instanceof LastHttpContent;
        int bytes = content.content().readableBytes();
        if (refusal == null) {
            refusal = refusal(bytes);
        }
        BadRequest why = refusal;
        if (last) {
            endDeadline();
        }
        if (why == null) {
            taken = last ? 0 : taken + bytes; // what has come whole is the next handler's to give back
            context.fireChannelRead(content);
            return;
        }
        ReferenceCountUtil.release(content);
        if (last) {
            taken = 0;
            LastHttpContent end = new DefaultLastHttpContent();
            end.setDecoderResult(DecoderResult.failure(why));
            context.fireChannelRead(end);
        }
    }

    private @Nullable BadRequest refusal(int bytes) {
        if (taken + bytes > HttpDoor.MAX_REQUEST_BYTES) {
            return new BadRequest(
                    413,
                    "",
                    "the body: more than " + HttpDoor.MAX_REQUEST_BYTES + " bytes (expected: at most as many,"
                            + " unpacked; send fewer prompts at a time)");
        }
        boolean room = budget.take((long) bytes * RequestBody.MEMORY_FACTOR, taken * RequestBody.MEMORY_FACTOR);
        return room ? null : BodyBudget.refusal();
    }

    private void endDeadline() {
        Future<?> running = deadline;
        deadline = null;
        if (running != null) {
            boolean unusedEnded = running.cancel(false);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        endDeadline();
        budget.give(taken * RequestBody.MEMORY_FACTOR);
        taken = 0;
        context.fireChannelInactive();
    }
}
