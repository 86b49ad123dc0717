package dev.lyne.load.proxy;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/** A listening proxy: every connection to it becomes one to the target, over the network that it plays. */
public final class NetworkProxy implements AutoCloseable {
    private final InetSocketAddress target;
    private final Line toTarget;
    private final Line fromTarget;
    private final MultiThreadIoEventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final Channel listener;

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
        ChannelFuture bound = new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .childOption(ChannelOption.AUTO_READ, false)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new Accepting())
                .bind(listen)
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            var unused = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
            throw new IOException(listen + " cannot be listened on: " + bound.cause(), bound.cause());
        }
        this.listener = bound.channel();
    }

    /** Port that it listens on. */
    public int port() {
        return ((InetSocketAddress) listener.localAddress()).getPort();
    }

    /** Bytes carried from the target to whoever connected. */
    public long bytesFromTarget() {
        return fromTarget.bytes();
    }

    /** Bytes carried to the target. */
    public long bytesToTarget() {
        return toTarget.bytes();
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
                    accepted.pipeline().addLast(new Carrier(onward, toTarget));
                    onward.pipeline().addLast(new Carrier(accepted, fromTarget));
                    accepted.config().setAutoRead(true);
                    onward.config().setAutoRead(true);
                } else {
                    var unused = accepted.close();
                }
            });
        }
    }
}
