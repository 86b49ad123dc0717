package dev.lyne.load.proxy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;

/**
 * Carries what one end of a connection sends to the other, over a line. Both ends have one event loop, which calls everything here. A
 * timer is started for each piece, and whichever fires delivers the piece that came first: timers of nearly equal times may change
 * places, bytes must not.
 */
final class Carrier extends ChannelInboundHandlerAdapter {
    private final Channel to;
    private final Line line;
    private final Tampering tampering;
    private final boolean toTarget;
    private final ArrayDeque<ByteBuf> pieces = new ArrayDeque<>();
    private long underWay;
    private long lastArrival;

    Carrier(Channel to, Line line, Tampering tampering, boolean toTarget) {
        this.to = to;
        this.line = line;
        this.tampering = tampering;
        this.toTarget = toTarget;
        this.lastArrival = System.nanoTime();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        int count = bytes.readableBytes();
        if (tampering.swallows(count)) {
            bytes.release();
            return;
        }
        tampering.flip(bytes, toTarget);
        int passing = tampering.passing(count, toTarget);
        bytes.writerIndex(bytes.readerIndex() + passing);
        underWay += passing;
        lastArrival = line.arrival(System.nanoTime(), passing);
        readOn(context.channel());
        if (passing == 0) {
            bytes.release(); // an empty piece would be the end, which comes below
        } else {
            carry(context, bytes);
        }
        if (passing < count) {
            var unused = context.close();
        }
    }

    /** The end is carried, too: after everything that was sent before it. */
    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (!tampering.swallows(0)) {
            carry(context, Unpooled.EMPTY_BUFFER);
        }
    }

    private void carry(ChannelHandlerContext context, ByteBuf piece) {
        pieces.add(piece);
        long delayNanos = Math.max(0, lastArrival - System.nanoTime());
        var unused = context.channel()
                .eventLoop()
                .schedule(() -> arrive(context.channel(), pieces.remove()), delayNanos, TimeUnit.NANOSECONDS);
    }

    private void arrive(Channel from, ByteBuf piece) {
        if (!piece.isReadable()) {
            to.writeAndFlush(piece).addListener(ChannelFutureListener.CLOSE);
            return;
        }
        int count = piece.readableBytes();
        to.writeAndFlush(piece)
                .addListener(
                        written -> { // under way until the other end took it
                            underWay -= count;
                            readOn(from);
                        });
    }

    private void readOn(Channel from) {
        from.config().setAutoRead(underWay < line.mostUnderWay());
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        var unused = context.close(); // a reset at one end becomes the connection's end at the other
    }
}
