package dev.lyne.load.proxy;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A listening proxy: every connection to it becomes one to the target, over the network that it plays. It can do to the connections that
 * stand what networks do: be slow, fall silent, reset them, end them within a message, turn a bit over. One event loop carries
 * everything, so that a fault strikes between two pieces and never within one.
 */
public final class NetworkProxy implements AutoCloseable {
    private final Line toTarget;
    private final Line fromTarget;
    private final MultiThreadIoEventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final EventLoop loop = loops.next();
    private final ProxyCounters counters = new ProxyCounters();
    private final InetSocketAddress listen;
    private volatile InetSocketAddress target;
    private volatile Channel listener;

    /** Connections that stand. The event loop's own. */
    private final Set<Tampering> standing = new LinkedHashSet<>();

    /**
     * Starts it.
     *
     * @param listen port 0 picks one
     * @param shape of each direction by itself
     * @throws IOException where the address cannot be listened on
     */
    public NetworkProxy(InetSocketAddress listen, InetSocketAddress target, NetworkShape shape) throws IOException {
        this.target = target;
        this.toTarget = new Line(shape);
        this.fromTarget = new Line(shape);
        try {
            this.listener = bind(listen);
        } catch (IOException e) {
            var unused = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
            throw e;
        }
        this.listen = (InetSocketAddress) listener.localAddress();
    }

    private Channel bind(InetSocketAddress address) throws IOException {
        ChannelFuture bound = new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .childOption(ChannelOption.AUTO_READ, false)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new Accepting())
                .bind(address)
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new IOException(address + " cannot be listened on: " + bound.cause(), bound.cause());
        }
        return bound.channel();
    }

    /** Port that it listens on. */
    public int port() {
        return listen.getPort();
    }

    /** Bytes carried from the target to whoever connected. */
    public long bytesFromTarget() {
        return fromTarget.bytes();
    }

    /** Bytes carried to the target. */
    public long bytesToTarget() {
        return toTarget.bytes();
    }

    /** Returns the counts of what the proxy carried and did so far. */
    public ProxyCounts counts() {
        return new ProxyCounts(
                toTarget.bytes(),
                fromTarget.bytes(),
                counters.standing.get(),
                counters.ended.get(),
                counters.cut.get(),
                counters.changed.get(),
                counters.swallowed.get());
    }

    /** Sets the target of connections that come from now on. */
    public void retarget(InetSocketAddress other) {
        target = other;
    }

    /** Sets how the network treats bytes that come from now on. */
    public void shape(NetworkShape shape) {
        toTarget.shape(shape);
        fromTarget.shape(shape);
    }

    /** Resets the connections that stand. */
    public void reset() {
        toAll(Tampering::reset);
    }

    /** Lets nothing pass any more on the connections that stand, and tells neither end. */
    public void silence() {
        toAll(Tampering::silence);
    }

    /** Ends each connection that stands within the next piece that the target sends on it. */
    public void cutNext() {
        toAll(Tampering::cutNext);
    }

    /**
     * Turns over a bit of the next piece on each connection that stands.
     *
     * @param where in the piece, from 0 to below 1
     */
    public void flipNext(double where, boolean toTarget) {
        toAll(connection -> connection.flipNext(where, toTarget));
    }

    /** Forgets cuts and flips that have not happened yet. */
    public void standDown() {
        toAll(Tampering::standDown);
    }

    /** Stops listening, and resets the connections that stand. */
    public void pause() {
        listener.close().awaitUninterruptibly();
        reset();
    }

    /** Listens again, on the same port. */
    public void resume() throws IOException {
        listener = bind(listen);
    }

    private void toAll(Consumer<Tampering> what) {
        loop.submit(() -> List.copyOf(standing).forEach(what)).awaitUninterruptibly();
    }

    @Override
    public void close() {
        listener.close().awaitUninterruptibly();
        loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(5, TimeUnit.SECONDS);
    }

    /** Connects to the target for each connection that comes, and reads nothing before that stands. */
    private final class Accepting extends ChannelInitializer<SocketChannel> {
        @Override
        protected void initChannel(SocketChannel accepted) {
            ChannelFuture connecting = new Bootstrap()
                    .group(accepted.eventLoop())
                    .channel(NioSocketChannel.class)
                    .option(ChannelOption.AUTO_READ, false)
                    .option(ChannelOption.TCP_NODELAY, true)
                    .handler(new ChannelInboundHandlerAdapter()) // replaced when the connection stands
                    .connect(target);
            Channel onward = connecting.channel();
            connecting.addListener(connected -> {
                if (connected.isSuccess()) {
                    stand(accepted, onward);
                } else {
                    var unused = accepted.close();
                }
            });
        }

        private void stand(Channel accepted, Channel onward) {
            var tampering = new Tampering(accepted, onward, counters);
            standing.add(tampering);
            counters.standing.incrementAndGet();
            accepted.closeFuture().addListener(closed -> {
                standing.remove(tampering);
                counters.standing.decrementAndGet();
                counters.ended.incrementAndGet();
            });
            accepted.pipeline().addLast(new Carrier(onward, toTarget, tampering, true));
            onward.pipeline().addLast(new Carrier(accepted, fromTarget, tampering, false));
            accepted.config().setAutoRead(true);
            onward.config().setAutoRead(true);
        }
    }
}
