package dev.lyne.teacher.server;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerAdapter;
import io.netty.channel.ChannelHandlerContext;

/** The buffers of a connection, from the allocator that it would have anyway, watched for refusals of direct memory. */
final class WatchedAllocator extends AbstractByteBufAllocator {
    private final ByteBufAllocator allocator;
    private final DirectMemoryWatch watch;

    WatchedAllocator(ByteBufAllocator allocator, DirectMemoryWatch watch) {
        super(true);
        this.allocator = allocator;
        this.watch = watch;
    }

    /** Watches a connection's buffers from when it is registered, with its options set. */
    static void around(Channel connection, DirectMemoryWatch watch) {
        connection.pipeline().addFirst(new ChannelHandlerAdapter() {
            @Override
            public void handlerAdded(ChannelHandlerContext context) {
                var config = context.channel().config();
                config.setAllocator(new WatchedAllocator(config.getAllocator(), watch));
                context.pipeline().remove(this);
            }
        });
    }

    @Override
    public boolean isDirectBufferPooled() {
        return allocator.isDirectBufferPooled();
    }

    @Override
    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
        return allocator.heapBuffer(initialCapacity, maxCapacity);
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
        ByteBuf buffer;
        try {
            buffer = allocator.directBuffer(initialCapacity, maxCapacity);
        } catch (OutOfMemoryError e) {
            watch.refused(initialCapacity, e);
            throw e;
        }
        watch.granted(initialCapacity);
        return buffer;
    }
}
