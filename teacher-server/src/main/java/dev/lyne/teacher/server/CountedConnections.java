package dev.lyne.teacher.server;

import dev.lyne.teacher.model.PacedLog;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.LoggerFactory;

/**
 * Listening sockets that take so many connections together, whose buffers are watched; more are closed as they come, before anything is
 * read of them.
 */
final class CountedConnections implements ChannelFactory<ServerChannel> {
    private final int most;
    private final DirectMemoryWatch memory;
    private final AtomicInteger open = new AtomicInteger();
    private final PacedLog refusals = new PacedLog(LoggerFactory.getLogger(CountedConnections.class));

    CountedConnections(int most, DirectMemoryWatch memory) {
        this.most = most;
        this.memory = memory;
    }

    @Override
    public ServerChannel newChannel() {
        return new CountingSocket();
    }

    private final class CountingSocket extends NioServerSocketChannel {
        @Override
        protected int doReadMessages(List<Object> accepted) throws Exception {
            int before = accepted.size();
            int read = super.doReadMessages(accepted);
            for (int i = accepted.size() - 1; i >= before; i--) {
                Channel connection = (Channel) accepted.get(i);
                if (open.incrementAndGet() > most) {
                    open.decrementAndGet();
                    accepted.remove(i);
                    refusals.warn("refused a connection: " + most + " are open (expected: at most --max-connections)");
                    connection.unsafe().closeForcibly();
                } else {
                    WatchedAllocator.around(connection, memory);
                    connection.closeFuture().addListener(closed -> open.decrementAndGet());
                }
            }
            return read;
        }
    }
}
