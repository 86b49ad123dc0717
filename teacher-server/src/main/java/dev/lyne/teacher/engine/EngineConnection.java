package dev.lyne.teacher.engine;

import dev.lyne.teacher.engine.EngineException.Kind;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.HttpConversionUtil;
import io.netty.handler.codec.http2.HttpToHttp2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.InboundHttp2ToHttpAdapterBuilder;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One connection to an engine, HTTP/1.1 or, for gRPC, HTTP/2, for one exchange at a time. That connections are visible is the point: one process answers on
 * one, so that what a probe showed holds for as long as it stays open.
 */
final class EngineConnection extends SimpleChannelInboundHandler<HttpObject> {
    private static final int CONNECT_MILLIS = 5_000;
    private static final int MAX_ERROR_BYTES = 4_096;
    private static final int MAX_ANSWER_BYTES = 1 << 29;
    private static final int WINDOW_BYTES = 1 << 20;
    private static final String GRPC_STATUS = "grpc-status";

    private final String host;
    private final EngineAccess access;
    private final Runnable onClosed;

    // Written on the connection's event loop alone.
    private volatile @Nullable Channel channel;
    private volatile @Nullable Exchange exchange;
    private volatile boolean keepAlive = true;

    /** Why it was left; null unless it was. */
    private volatile @Nullable String left;

    private EngineConnection(String host, EngineAccess access, Runnable onClosed) {
        this.host = host;
        this.access = access;
        this.onClosed = onClosed;
    }

    /** Returns the handler that makes streams of requests, and whole answers of what comes over them. */
    private static ChannelHandler http2() {
        Http2Connection made = new DefaultHttp2Connection(false);
        return new HttpToHttp2ConnectionHandlerBuilder()
                .connection(made)
                .initialSettings(new Http2Settings().pushEnabled(false).initialWindowSize(WINDOW_BYTES))
                .frameListener(new InboundHttp2ToHttpAdapterBuilder(made)
                        .maxContentLength(MAX_ANSWER_BYTES)
                        .propagateSettings(false)
                        .build())
                .gracefulShutdownTimeoutMillis(0) // to close is to drop what is in progress
                .build();
    }

    /** An exchange in progress. */
    private static final class Exchange {
        final boolean grpc;
        final AnswerReader reader;
        final CompletableFuture<Void> done;
        int status;
        final StringBuilder error = new StringBuilder();

        Exchange(boolean grpc, AnswerReader reader, CompletableFuture<Void> done) {
            this.grpc = grpc;
            this.reader = reader;
            this.done = done;
        }
    }

    /**
     * Connects, and by TLS shakes hands, before which nothing is sent.
     *
     * @param onClosed called once on the event loop when the connection is gone, whatever it was doing
     */
    static CompletableFuture<EngineConnection> open(
            EngineAddress.Transport transport, InetSocketAddress address, Runnable onClosed) {
        EngineConnection connection =
                new EngineConnection(address.getHostString() + ":" + address.getPort(), transport.access(), onClosed);
        CompletableFuture<EngineConnection> opened = new CompletableFuture<>();
        Bootstrap bootstrap = new Bootstrap()
                .group(transport.loops())
                .channel(NioSocketChannel.class)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.SO_KEEPALIVE, true)
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel made) {
                        transport.access().handler(made, address).ifPresent(made.pipeline()::addLast);
                        made.pipeline().addLast(transport.http2() ? http2() : new HttpClientCodec(), connection);
                    }
                });
        var unused = bootstrap
                .connect(new InetSocketAddress(address.getHostString(), address.getPort()))
                .addListener((Future<Void> connected) -> {
                    if (connected.isSuccess()) {
                        connection.shakeHands(opened);
                    } else {
                        opened.completeExceptionally(new EngineException(
                                Kind.GONE,
                                connection.host + ": " + connected.cause().getMessage()));
                    }
                });
        return opened;
    }

    private void shakeHands(CompletableFuture<EngineConnection> opened) {
        SslHandler tls = Objects.requireNonNull(channel, "connected before it was made")
                .pipeline()
                .get(SslHandler.class);
        if (tls == null) {
            opened.complete(this);
            return;
        }
        var unused = tls.handshakeFuture().addListener((Future<Channel> shaken) -> {
            if (shaken.isSuccess()) {
                opened.complete(this);
            } else {
                opened.completeExceptionally(handshakeFailure(shaken.cause()));
                close();
            }
        });
    }

    private EngineException handshakeFailure(Throwable cause) {
        if (cause instanceof NotSslRecordException) {
            return new EngineException(
                    Kind.UNTRUSTED, host + " speaks plain text (expected: TLS, as https:// says; or http://)");
        }
        for (Throwable because = cause; because != null; because = because.getCause()) {
            if (because instanceof CertificateException) {
                return new EngineException(
                        Kind.UNTRUSTED, host + ": its certificate is not to be believed: " + because.getMessage());
            }
        }
        return new EngineException(Kind.GONE, host + ": TLS: " + cause.getMessage());
    }

    /** Before it is connected, so that whoever is told of that finds it. */
    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        channel = context.channel();
    }

    /**
     * Asks, and reads the answer. Safe to be called from any thread, while no other exchange is in progress.
     *
     * @return completes when the answer is whole; fails with {@link EngineException}
     */
    CompletableFuture<Void> ask(Question question, AnswerReader reader, long timeoutNanos) {
        Channel open = Objects.requireNonNull(channel, "asked before it was connected");
        CompletableFuture<Void> done = new CompletableFuture<>();
        open.eventLoop().execute(() -> send(open, question, new Exchange(question.grpc(), reader, done), timeoutNanos));
        return done;
    }

    private void send(Channel open, Question question, Exchange next, long timeoutNanos) {
        if (!open.isActive()) {
            next.done.completeExceptionally(new EngineException(Kind.STALE, host + ": the connection is closed"));
            return;
        }
        exchange = next;
        boolean get = question.body().length == 0;
        FullHttpRequest request = new DefaultFullHttpRequest(
                HttpVersion.HTTP_1_1,
                get ? HttpMethod.GET : HttpMethod.POST,
                question.path(),
                Unpooled.wrappedBuffer(question.body()));
        request.headers().set(HttpHeaderNames.HOST, host);
        if (question.grpc()) {
            request.headers()
                    .set(HttpConversionUtil.ExtensionHeaderNames.SCHEME.text(), "http")
                    .set(HttpHeaderNames.TE, HttpHeaderValues.TRAILERS);
        } else {
            request.headers().set(HttpHeaderNames.ACCEPT, HttpHeaderValues.APPLICATION_JSON);
        }
        access.authorization().ifPresent(value -> request.headers().set(HttpHeaderNames.AUTHORIZATION, value));
        if (!get) {
            request.headers()
                    .set(
                            HttpHeaderNames.CONTENT_TYPE,
                            question.grpc() ? "application/grpc" : HttpHeaderValues.APPLICATION_JSON)
                    .setInt(HttpHeaderNames.CONTENT_LENGTH, question.body().length);
        }
        var timer = open.eventLoop()
                .schedule(
                        () -> fail(
                                next,
                                new EngineException(
                                        Kind.LATE,
                                        host + ": no answer within " + TimeUnit.NANOSECONDS.toMillis(timeoutNanos)
                                                + " ms")),
                        timeoutNanos,
                        TimeUnit.NANOSECONDS);
        var unusedTimer = next.done.whenComplete((nothing, failed) -> timer.cancel(false));
        var unused = open.writeAndFlush(request).addListener((Future<Void> sent) -> {
            if (!sent.isSuccess()) {
                fail(next, new EngineException(Kind.GONE, host + ": " + sent.cause()));
            }
        });
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, HttpObject message) {
        Exchange current = exchange;
        if (current == null) {
            close(); // nothing was asked
            return;
        }
        if (message.decoderResult().isFailure()) {
            fail(
                    current,
                    EngineException.strange(host + ": an answer that is no HTTP: "
                            + message.decoderResult().cause()));
            return;
        }
        try {
            if (message instanceof HttpResponse response) {
                current.status = response.status().code();
                keepAlive = HttpUtil.isKeepAlive(response);
            }
            if (message instanceof HttpContent content) {
                take(current, content.content());
            }
            if (message instanceof LastHttpContent last) {
                end(current, current.grpc ? status(message, last) : Optional.empty());
            }
        } catch (EngineException e) {
            fail(current, e);
        } catch (RuntimeException e) {
            fail(current, EngineException.strange(host + ": an answer that cannot be read: " + e));
        }
    }

    private static void take(Exchange current, ByteBuf part) throws EngineException {
        if (current.status == 200) {
            current.reader.take(part);
        } else if (current.error.length() < MAX_ERROR_BYTES) {
            current.error.append(part.toString(StandardCharsets.UTF_8));
        }
    }

    /**
     * Returns the failure of a gRPC call from its trailers, or from its headers where there was no more; empty where it
     * succeeded.
     */
    private Optional<EngineException> status(HttpObject message, LastHttpContent last) {
        HttpHeaders trailers = last.trailingHeaders();
        HttpHeaders headers = !trailers.contains(GRPC_STATUS) && message instanceof HttpResponse response
                ? response.headers()
                : trailers;
        String code = headers.get(GRPC_STATUS, "none");
        if (code.equals("0")) {
            return Optional.empty();
        }
        String words = QueryStringDecoder.decodeComponent(
                headers.get("grpc-message", "").replace("+", "%2B"), StandardCharsets.UTF_8);
        Kind kind = switch (code) {
            case "3", "9", "11", "12" ->
                Kind.REFUSED; // invalid argument, failed precondition, out of range, unimplemented
            case "8", "14" -> Kind.BUSY; // resource exhausted, unavailable
            case "7", "16" -> Kind.UNTRUSTED; // permission denied, unauthenticated
            default -> Kind.FAULT;
        };
        return Optional.of(new EngineException(kind, host + " answers status " + code + ": " + access.redacted(words)));
    }

    private void end(Exchange current, Optional<EngineException> grpcFailure) throws EngineException {
        if (current.status != 200 || grpcFailure.isPresent()) {
            boolean reusable = keepAlive;
            exchange = null;
            if (!reusable) {
                close();
            }
            current.done.completeExceptionally(current.status != 200 ? refusal(current) : grpcFailure.get());
            return;
        }
        current.reader.end();
        exchange = null;
        if (!keepAlive) {
            close();
        }
        current.done.complete(null);
    }

    private EngineException refusal(Exchange current) {
        Kind kind;
        if (current.status == 503 || current.status == 429) {
            kind = Kind.BUSY;
        } else if (current.status == 401 || current.status == 403) {
            return new EngineException(
                    Kind.UNTRUSTED,
                    host + " answers " + current.status + ": " + access.redacted(current.error.toString())
                            + " (expected: --engine-token-file FILE with the key that it was started with)");
        } else {
            kind = current.status >= 500 ? Kind.FAULT : Kind.REFUSED;
        }
        return new EngineException(
                kind, host + " answers " + current.status + ": " + access.redacted(current.error.toString()));
    }

    /** Whether another exchange may follow, as far as is known here. */
    boolean isReusable() {
        Channel open = channel;
        return keepAlive && open != null && open.isActive() && exchange == null;
    }

    /** Closes it; an exchange in progress fails, and the engine drops its work. Safe to be called from any thread. */
    void close() {
        Channel open = channel;
        if (open != null) {
            var unused = open.close();
        }
    }

    /** Closes it because of what another connection showed of the address, which an exchange in progress is told. Safe to be called from any thread. */
    void leave(String why) {
        left = why;
        close();
    }

    /** Closes it where that still holds on its event loop, where exchanges begin and end. Safe to be called from any thread. */
    void closeIf(BooleanSupplier still) {
        Channel open = channel;
        if (open == null) {
            return;
        }
        try {
            open.eventLoop().execute(() -> {
                if (still.getAsBoolean()) {
                    close();
                }
            });
        } catch (RejectedExecutionException e) {
            close(); // the loop has ended, and its connections with it
        }
    }

    private void fail(Exchange failed, EngineException why) {
        if (exchange == failed) {
            exchange = null;
            close(); // what is left of the answer is not waited for
            failed.done.completeExceptionally(why);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        Exchange current = exchange;
        exchange = null;
        String why = left;
        if (current != null && why != null) {
            current.done.completeExceptionally(
                    new EngineException(Kind.LEFT, host + ": its connections were ended: " + why));
        } else if (current != null) {
            current.done.completeExceptionally(new EngineException(
                    Kind.GONE,
                    host + ": the connection broke " + (current.status == 0 ? "before" : "within") + " the answer"));
        }
        onClosed.run();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        Exchange current = exchange;
        if (current != null) {
            fail(current, new EngineException(Kind.GONE, host + ": " + cause));
        }
        close();
    }
}
