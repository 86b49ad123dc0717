package dev.lyne.load.proxy;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;

/** Tampering with one connection's bytes beside their journey. The connection's event loop alone calls it. */
final class Tampering {
    private final Channel student;
    private final Channel target;
    private final ProxyCounters counters;
    private boolean silent;
    private boolean cut;
    private boolean flip;
    private double flipAt;
    private boolean flipToTarget;

    Tampering(Channel student, Channel target, ProxyCounters counters) {
        this.student = student;
        this.target = target;
        this.counters = counters;
    }

    /** Ends the connection at both ends with a reset. */
    void reset() {
        for (Channel end : new Channel[] {student, target}) {
            end.config().setOption(ChannelOption.SO_LINGER, 0);
            var unused = end.close();
        }
    }

    /** Lets nothing pass from now on, and tells neither end: a cable that was pulled. */
    void silence() {
        silent = true;
    }

    /** The next piece that the target sends is the last, and half of it. */
    void cutNext() {
        cut = true;
    }

    /** A bit of the next piece in that direction is turned over. */
    void flipNext(double where, boolean toTarget) {
        flip = true;
        flipAt = where;
        flipToTarget = toTarget;
    }

    /** Takes back what has not happened yet. */
    void standDown() {
        cut = false;
        flip = false;
    }

    /** Whether nothing passes any more; what came is counted. */
    boolean swallows(int bytes) {
        if (silent) {
            counters.swallowed.addAndGet(bytes);
        }
        return silent;
    }

    /** How many bytes of a piece pass before the connection ends; all of them where it does not. */
    int passing(int bytes, boolean toTarget) {
        if (!cut || toTarget) {
            return bytes;
        }
        cut = false;
        counters.cut.incrementAndGet();
        return bytes / 2;
    }

    /** Turns a bit over, where this piece is the one. */
    void flip(ByteBuf piece, boolean toTarget) {
        if (flip && toTarget == flipToTarget) {
            flip = false;
            int index = piece.readerIndex() + (int) (flipAt * piece.readableBytes());
            piece.setByte(index, piece.getByte(index) ^ 0x10);
            counters.changed.incrementAndGet();
        }
    }
}
