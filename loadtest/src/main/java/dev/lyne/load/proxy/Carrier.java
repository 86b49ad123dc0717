package dev.lyne.load.proxy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.concurrent.TimeUnit;

/**
 * Carries what one end of a connection sends to the other, over a line. Both ends have one event loop, which calls everything here.
 * Timers of one loop fire in the order of their times, and arrivals on a line only grow, so bytes keep their order.
 */
final class Carrier extends ChannelInboundHandlerAdapter {
    private final Channel to;
    private final Line line;
    private long underWay;
    private long lastArrival;

    Carrier(Channel to, Line line) {
        this.to = to;
        this.line = line;
        this.lastArrival = System.nanoTime();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        int count = bytes.readableBytes();
        underWay += count;
        long now = System.nanoTime();
        lastArrival = line.arrival(now, count);
        context.channel().config().setAutoRead(underWay < line.mostUnderWay());
        deliver(context, lastArrival - now, () -> {
            underWay -= count;
            if (to.isActive()) {
                to.writeAndFlush(bytes).addListener(written -> readOn(context.channel()));
            } else {
                bytes.release();
            }
        });
    }

    private void readOn(Channel from) {
        from.config().setAutoRead(underWay < line.mostUnderWay() && to.isWritable());
    }

    private static void deliver(ChannelHandlerContext context, long delayNanos, Runnable arrival) {
        var unused = context.channel().eventLoop().schedule(arrival, Math.max(0, delayNanos), TimeUnit.NANOSECONDS);
    }

    /** The end is carried, too: after everything that was sent before it. */
    @Override
    public void channelInactive(ChannelHandlerContext context) {
        deliver(
                context,
                lastArrival - System.nanoTime(),
                () -> to.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        var unused = context.close(); // a reset at one end becomes the connection's end at the other
    }
}
