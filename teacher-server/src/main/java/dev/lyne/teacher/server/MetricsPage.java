package dev.lyne.teacher.server;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.timeout.WriteTimeoutHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * Serves the meters as Prometheus text at `/metrics`; for people, what the server does now at `/status`, and the same as JSON at
 * `/status.json`; for probes, whether it serves at `/healthz`.
 *
 * <p>Nobody who asks holds up who asks beside it: an event loop reads and writes, pages are made on threads of their own, and whether the
 * server serves is said at once. A connection ends where its request is not whole, or its answer not read, in time.
 */
final class MetricsPage implements AutoCloseable {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();
    private static final int MAX_CONNECTIONS = 256;
    private static final int MAX_HEADER_BYTES = 1 << 14;
    private static final int MAX_BODY_BYTES = 1 << 14;
    private static final int PAGES_AT_ONCE = 2;
    private static final String PLAIN = "text/plain; charset=utf-8";

    /**
     * How long a connection may take.
     *
     * @param request from the opening, or the answer before, until a request is whole
     * @param answer until its reader has taken an answer
     */
    record Limits(Duration request, Duration answer) {
        /** More than the minute that passes between rare scrapes over one connection. */
        static final Limits DEFAULT = new Limits(Duration.ofMinutes(2), Duration.ofSeconds(30));
    }

    /** Source of what the page shows of a server. */
    interface Shown {
        /** Returns whether the server serves; never waits. */
        boolean serving();

        ServerStatus status();
    }

    private final PrometheusMeterRegistry registry;
    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("lyne-metrics", true), NioIoHandler.newFactory());
    private final ExecutorService pages =
            Executors.newFixedThreadPool(PAGES_AT_ONCE, new DefaultThreadFactory("lyne-metrics-page", true));
    private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    private final Channel listening;
    private volatile Optional<Shown> shown = Optional.empty();

    /** @throws IOException where the address cannot be listened on, with its name */
    MetricsPage(InetSocketAddress address, PrometheusMeterRegistry registry, Limits limits) throws IOException {
        this.registry = registry;
        ChannelFuture bound = new ServerBootstrap()
                .group(loop)
                .channel(NioServerSocketChannel.class)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel connection) {
                        if (connections.size() >= MAX_CONNECTIONS) {
                            var unused = connection.close();
                            return;
                        }
                        connections.add(connection);
                        connection
                                .pipeline()
                                .addLast(
                                        new WriteTimeoutHandler(limits.answer().toMillis(), TimeUnit.MILLISECONDS),
                                        new HttpServerCodec(4096, MAX_HEADER_BYTES, 8192),
                                        new HttpServerKeepAliveHandler(),
                                        new HttpObjectAggregator(MAX_BODY_BYTES),
                                        new Requests(limits.request()));
                    }
                })
                .bind(address)
                .awaitUninterruptibly();
        this.listening = bound.channel();
        if (!bound.isSuccess()) {
            close();
            throw new IOException("--metrics: " + address + ": " + bound.cause().getMessage(), bound.cause());
        }
    }

    /** Sets the server that is shown from now on. */
    void show(Shown now) {
        shown = Optional.of(now);
    }

    int port() {
        return ((InetSocketAddress) listening.localAddress()).getPort();
    }

    /** Connections that are open, for tests. */
    int openConnections() {
        return connections.size();
    }

    @Override
    public void close() {
        var unusedListening = listening.close();
        var unusedConnections = connections.close();
        pages.shutdownNow();
        var unusedLoop = loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    /** A page that takes a moment to make. */
    private record Page(int code, String type, String text) {
        FullHttpResponse response() {
            FullHttpResponse response = new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1,
                    HttpResponseStatus.valueOf(code),
                    Unpooled.wrappedBuffer(text.getBytes(StandardCharsets.UTF_8)));
            response.headers().set(HttpHeaderNames.CONTENT_TYPE, type);
            HttpUtil.setContentLength(response, response.content().readableBytes());
            return response;
        }
    }

    /** Returns the maker of a path's page; empty: there is none. */
    private Optional<Supplier<Page>> page(String path) {
        return switch (path) {
            case "/metrics" ->
                Optional.of(() -> new Page(200, "text/plain; version=0.0.4; charset=utf-8", registry.scrape()));
            case "/status" -> Optional.of(() -> new Page(200, "text/html; charset=utf-8", statusPage()));
            case "/status.json" ->
                Optional.of(() -> shown.map(
                                now -> new Page(200, "application/json", MAPPER.writeValueAsString(now.status())))
                        .orElse(new Page(503, "application/json", "")));
            default -> Optional.empty();
        };
    }

    private Page health() {
        boolean serving = shown.map(Shown::serving).orElse(false);
        return new Page(serving ? 200 : 503, PLAIN, serving ? "SERVING\n" : "NOT_SERVING\n");
    }

    private static String statusPage() {
        try (InputStream page = MetricsPage.class.getResourceAsStream("status.html")) {
            return new String(Objects.requireNonNull(page, "status.html").readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Handler of one connection's requests, one after the other. Owned by its event loop. */
    private final class Requests extends SimpleChannelInboundHandler<FullHttpRequest> {
        private final Duration longest;
        private @Nullable Future<?> tooLate;
        private boolean busy;

        Requests(Duration longest) {
            this.longest = longest;
        }

        @Override
        public void handlerAdded(ChannelHandlerContext context) {
            await(context);
        }

        private void await(ChannelHandlerContext context) {
            Runnable close = () -> {
                var unused = context.close();
            };
            tooLate = context.executor().schedule(close, longest.toMillis(), TimeUnit.MILLISECONDS);
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            waitNoMore();
        }

        private void waitNoMore() {
            Future<?> waiting = tooLate;
            if (waiting != null) {
                waiting.cancel(false);
            }
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            if (busy) {
                var unused = context.close(); // who does not wait for answers is no scraper, probe or browser
                return;
            }
            busy = true;
            waitNoMore();
            String path = new QueryStringDecoder(request.uri()).path();
            if (request.decoderResult().isFailure()) {
                answer(context, new Page(400, PLAIN, ""));
            } else if (!request.method().equals(HttpMethod.GET)) {
                answer(context, new Page(405, PLAIN, ""));
            } else if (path.equals("/healthz")) {
                answer(context, health());
            } else {
                page(path)
                        .ifPresentOrElse(
                                made -> pages.execute(() -> make(context, made)),
                                () -> answer(context, new Page(404, PLAIN, "")));
            }
        }

        private void make(ChannelHandlerContext context, Supplier<Page> made) {
            Page page;
            try {
                page = made.get();
            } catch (Throwable e) {
                LoggerFactory.getLogger(MetricsPage.class).error("a page could not be made", e);
                page = new Page(500, PLAIN, "the page could not be made; the server's log has more\n");
            }
            Page ready = page;
            context.executor().execute(() -> answer(context, ready));
        }

        private void answer(ChannelHandlerContext context, Page page) {
            var unused = context.writeAndFlush(page.response()).addListener((ChannelFutureListener) written -> {
                busy = false;
                if (!written.isSuccess()) {
                    var unusedClose = context.close();
                } else if (context.channel().isActive()) {
                    await(context);
                }
            });
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            var unused = context.close(); // the connection is lost, or its reader does not read
        }
    }
}
