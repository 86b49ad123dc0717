package dev.lyne.teacher.http;

import dev.lyne.teacher.access.Authenticator;
import dev.lyne.teacher.access.Identity;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.ServedMetrics;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.trace.CallTrace;
import dev.lyne.teacher.trace.CallTraces;
import io.netty.buffer.ByteBufInputStream;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpChunkedInput;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.IdleStateEvent;
import java.nio.charset.StandardCharsets;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Handler of one connection's requests, one after the other. Owned by its event loop. */
final class DoorHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final int MAX_WAITING = 16;
    private static final Set<String> TOKENIZE_KEYS = new TreeSet<>(List.of("add_special_tokens", "model"));

    /** Paths that stand in names of spans, which are few. */
    private static final Set<String> TRACED = Set.of("/v1/completions", "/tokenize", "/v1/models", "/version");

    private static final PacedLog STRANGERS =
            new PacedLog(LoggerFactory.getLogger(DoorHandler.class), TimeUnit.SECONDS.toNanos(10), System::nanoTime);
    private static final PacedLog DEFECTS = new PacedLog(LoggerFactory.getLogger(DoorHandler.class));

    private final HttpDoor.Served served;
    private final Deque<FullHttpRequest> waiting = new ArrayDeque<>();
    private @Nullable Running running;

    /** Whether the answer to it has begun. */
    private boolean writing;

    /** Whose request is being answered, once that is known. */
    private ServedMetrics.@Nullable OfTenant tenant;

    /** A request for rows, until its answer is out, and who made it. */
    private record Running(Completion completion, Caller caller) {}

    /** The span of the request that is being answered. */
    private CallTrace trace = CallTrace.NONE;

    /** Status of the answer; 0 before there is one. */
    private int answeredWith;

    private boolean busy;
    private long waitingBytes;

    /** Room that the request that is being answered has, and no worker gives back. */
    private long bodyRoom;

    /** Whether the connection was busy since it was last found idle. */
    private boolean wasBusy;

    DoorHandler(HttpDoor.Served served) {
        this.served = served;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
        int bytes = request.content().readableBytes();
        if (waiting.size() == MAX_WAITING || waitingBytes + bytes > HttpDoor.MAX_REQUEST_BYTES) {
            served.bodies().give(room(request));
            var unused = context.close(); // who sends so much at a time does not wait for answers
            return;
        }
        waiting.add(request.retain());
        waitingBytes += bytes;
        next(context);
    }

    private void next(ChannelHandlerContext context) {
        while (!busy && !waiting.isEmpty()) {
            FullHttpRequest request = waiting.remove();
            waitingBytes -= request.content().readableBytes();
            busy = true;
            wasBusy = true;
            tenant = null;
            writing = false;
            bodyRoom = room(request);
            answeredWith = 0;
            served.answering().begin();
            try {
                trace = trace(request);
                answerOrRefuse(context, request);
            } catch (Throwable e) { // behind another request nobody above hears of it
                end(context, e);
            } finally {
                request.release();
            }
        }
    }

    private void answerOrRefuse(ChannelHandlerContext context, FullHttpRequest request) {
        try {
            answer(context, request);
        } catch (BadRequest e) {
            refuse(context, request, e);
        } catch (RuntimeException e) {
            DEFECTS.error("a request could not be answered", e);
            refuse(context, request, new BadRequest(500, "", "the request could not be answered"));
        }
    }

    /** Ends a connection whose request cannot even be refused; all that the request has is given back with it. */
    private static void end(ChannelHandlerContext context, Throwable why) {
        DEFECTS.error("an answer could not be given", why);
        var unused = context.close();
    }

    /** Of what probes ask there is none. */
    private CallTrace trace(FullHttpRequest request) {
        Optional<CallTraces> traces = served.terms().traces();
        if (traces.isEmpty() || request.uri().equals("/health")) {
            return CallTrace.NONE;
        }
        String path = request.uri().split("\\?", 2)[0];
        String name = request.method() + (TRACED.contains(path) ? " " + path : "");
        return traces.get()
                .begin(name, Objects.requireNonNullElse(request.headers().get("traceparent"), ""));
    }

    /** Returns the room that {@link BodyRoom} took for a request. */
    private static long room(FullHttpRequest request) {
        return (long) request.content().readableBytes() * RequestBody.MEMORY_FACTOR;
    }

    private void answer(ChannelHandlerContext context, FullHttpRequest request) throws BadRequest {
        if (request.decoderResult().cause() instanceof BadRequest refused) {
            throw refused;
        }
        if (request.decoderResult().isFailure()) {
            throw new BadRequest("", "the request is no HTTP");
        }
        String path = path(request.uri());
        if (path.equals("/health")) {
            send(context, request, served.terms().serving().getAsBoolean() ? 200 : 503, new byte[0]);
            return;
        }
        if (served.answering().isEnding()) {
            throw new BadRequest(503, "", "the server is going away (expected: another one, or this one later)");
        }
        Caller caller = caller(context, request);
        switch (request.method() + " " + path) {
            case "GET /version" ->
                json(
                        context,
                        request,
                        JsonMapper.shared()
                                .createObjectNode()
                                .put("version", served.terms().version()));
            case "GET /v1/models" -> json(context, request, models(caller));
            case "POST /tokenize" ->
                work(context, request, body -> {
                    ObjectNode answer = tokenized(body, caller);
                    return () -> json(context, request, answer);
                });
            case "POST /v1/completions" -> {
                boolean keepAlive = HttpUtil.isKeepAlive(request);
                CallTrace within = trace;
                work(context, request, body -> complete(context, keepAlive, body, caller, within));
            }
            default ->
                throw new BadRequest(
                        404,
                        "",
                        request.method() + " " + path
                                + " (expected: POST /v1/completions or /tokenize, GET /v1/models, /health or"
                                + " /version)");
        }
    }

    private static String path(String uri) throws BadRequest {
        try {
            return new QueryStringDecoder(uri).path();
        } catch (IllegalArgumentException e) {
            throw new BadRequest("", "path: " + uri + " (expected: a URI)");
        }
    }

    /** Returns the identity of who sent a request, by its token or its connection's certificate. */
    static Identity identity(Authenticator authenticator, ChannelHandlerContext context, HttpRequest request) {
        return authenticator.identify(
                Optional.ofNullable(request.headers().get(HttpHeaderNames.AUTHORIZATION)), certificate(context));
    }

    private Caller caller(ChannelHandlerContext context, FullHttpRequest request) throws BadRequest {
        Identity identity = identity(served.terms().authenticator(), context, request);
        if (identity instanceof Identity.Refused refused) {
            STRANGERS.warn("refused a request of " + path(request.uri()) + " from "
                    + context.channel().remoteAddress() + ": "
                    + refused.failure().message());
            throw Statuses.toBadRequest(refused.failure());
        }
        Caller caller = ((Identity.Known) identity).caller();
        tenant = served.terms().metrics().tenant(caller.tenant().name());
        return caller;
    }

    private static Optional<X509Certificate> certificate(ChannelHandlerContext context) {
        SslHandler tls = context.pipeline().get(SslHandler.class);
        if (tls == null) {
            return Optional.empty();
        }
        try {
            Certificate[] chain = tls.engine().getSession().getPeerCertificates();
            return chain.length > 0 && chain[0] instanceof X509Certificate own ? Optional.of(own) : Optional.empty();
        } catch (SSLPeerUnverifiedException e) {
            return Optional.empty(); // it showed none
        }
    }

    /** Work of a worker on a body; gives what the event loop does then. */
    private interface Work {
        Runnable of(RequestBody body) throws BadRequest;
    }

    /** Reads a request and does what it asks for on a worker: no other connection waits while JSON is read or a text is tokenised. */
    private void work(ChannelHandlerContext context, FullHttpRequest request, Work work) throws BadRequest {
        long kept = request.content().readableBytes(); // what of it lives on in prompts
        long given = bodyRoom - kept;
        bodyRoom = kept;
        request.retain();
        Runnable task = () -> {
            Runnable then;
            try {
                then = work.of(RequestBody.read(new ByteBufInputStream(request.content()), served.longestPrompt()));
            } catch (BadRequest e) {
                then = () -> refuse(context, request, e);
            } catch (Throwable e) {
                DEFECTS.error("a request could not be answered", e);
                then = () -> refuse(context, request, new BadRequest(500, "", "the request could not be answered"));
            } finally {
                served.bodies().give(given);
                request.release();
            }
            onLoop(context, then);
        };
        try {
            served.workers().execute(task);
        } catch (RejectedExecutionException e) { // the door is closed
            served.bodies().give(given);
            request.release();
            throw new BadRequest(503, "", "the server is going away (expected: another one, or this one later)");
        }
    }

    /** Goes on with a request on its event loop; what goes wrong there ends the connection, which gives back all that it has. */
    private static void onLoop(ChannelHandlerContext context, Runnable then) {
        context.executor().execute(() -> {
            try {
                then.run();
            } catch (Throwable e) {
                end(context, e);
            }
        });
    }

    private HttpTeacher teacher(Optional<String> model, Caller caller) throws BadRequest {
        List<HttpTeacher> permitted = permitted(caller);
        if (model.isEmpty() && permitted.size() == 1) {
            return permitted.get(0);
        }
        List<String> names = new ArrayList<>();
        for (HttpTeacher teacher : permitted) {
            if (model.equals(Optional.of(teacher.description().name()))) {
                return teacher;
            }
            names.add(teacher.description().name());
        }
        Optional<String> why = model.filter(caller::mayAsk).flatMap(served.teachers()::whyNotServed);
        if (why.isPresent()) {
            throw goingAway(model.get(), why.get());
        }
        throw new BadRequest(
                model.isEmpty() ? 400 : 404,
                "model",
                "model: " + model.orElse("none") + " (expected: one of " + names + ")");
    }

    private static BadRequest goingAway(String name, String why) {
        return new BadRequest(
                503, "model", "model: " + name + ": " + why + " (expected: another server, or this one later)");
    }

    /** Counts a request among those that a teacher answers. */
    private static void begin(HttpTeacher teacher) throws BadRequest {
        if (!teacher.begin()) {
            throw goingAway(teacher.description().name(), "goes away");
        }
    }

    private List<HttpTeacher> permitted(Caller caller) {
        return served.teachers().served().stream()
                .filter(teacher -> caller.mayAsk(teacher.description().name()))
                .toList();
    }

    private ObjectNode models(Caller caller) {
        ObjectNode list = JsonMapper.shared().createObjectNode().put("object", "list");
        ArrayNode data = list.putArray("data");
        for (HttpTeacher teacher : permitted(caller)) {
            data.addObject()
                    .put("id", teacher.description().name())
                    .put("object", "model")
                    .put("created", served.startedSeconds())
                    .put("owned_by", "lyne")
                    .put("root", teacher.description().name())
                    .putNull("parent")
                    .put("max_model_len", teacher.description().contextLength() + 1);
        }
        return list;
    }

    private ObjectNode tokenized(RequestBody body, Caller caller) throws BadRequest {
        for (String name : body.others().propertyNames()) {
            if (!TOKENIZE_KEYS.contains(name) && !body.others().path(name).isNull()) {
                throw new BadRequest(name, name + " (expected: prompt, or one of " + TOKENIZE_KEYS + ")");
            }
        }
        HttpTeacher teacher = teacher(CompletionRequest.text(body.others(), "model"), caller);
        boolean special = CompletionRequest.flag(body.others(), "add_special_tokens", true);
        String text = body.prompts().size() == 1 ? body.prompts().get(0).text() : null;
        if (text == null) {
            throw new BadRequest("prompt", "prompt: none, token ids or several (expected: one text)");
        }
        int[] tokens;
        begin(teacher);
        try {
            tokens = teacher.encode(text, special);
        } finally {
            teacher.end();
        }
        ObjectNode answer = JsonMapper.shared()
                .createObjectNode()
                .put("count", tokens.length)
                .put("max_model_len", teacher.description().contextLength() + 1);
        ArrayNode ids = answer.putArray("tokens");
        for (int token : tokens) {
            ids.add(token);
        }
        return answer.putNull("token_strs");
    }

    /** Asks for the rows, on a worker. */
    private Runnable complete(
            ChannelHandlerContext context, boolean keepAlive, RequestBody body, Caller caller, CallTrace within)
            throws BadRequest {
        CompletionRequest parsed = CompletionRequest.parse(body);
        HttpTeacher teacher = teacher(parsed.model(), caller);
        CompletionRequest request = checked(parsed, teacher);
        Consumer<EncodedBlock> sent = sent(teacher, caller);
        Completion completion = new Completion(request, teacher, served.admission(), served.budget(), caller, within);
        begin(teacher); // until this one's answer is out
        try {
            context.executor().execute(() -> begin(context, new Running(completion, caller)));
        } catch (RejectedExecutionException e) { // the event loop has ended, and the connection with it
            teacher.end();
            throw e;
        }
        // To tell tokens as text takes long, so that it is done here, or where the last rows come from.
        CompletionStage<CompletionText> answered = completion
                .start()
                .thenApply(answer -> new CompletionText(request, teacher, answer, completion, head(), sent));
        return () -> {
            var unused = answered.whenComplete((text, failed) -> onLoop(context, () -> {
                if (running == null || running.completion() != completion) {
                    return; // it was ended
                }
                if (failed == null) {
                    write(context, keepAlive, text);
                } else {
                    completion.end();
                    refuse(context, keepAlive, why(failed));
                }
            }));
        };
    }

    /** Returns the counting of what is sent. */
    private Consumer<EncodedBlock> sent(HttpTeacher teacher, Caller caller) {
        ServedMetrics metrics = served.terms().metrics();
        ServedMetrics.OfTeacher ofTeacher =
                metrics.teacher(teacher.description().name());
        ServedMetrics.OfTenant ofTenant = metrics.tenant(caller.tenant().name());
        return block -> {
            ofTeacher.sent(block);
            ofTenant.sent(block);
        };
    }

    /** Has a connection that ends end what it asked for, too. */
    private void begin(ChannelHandlerContext context, Running asked) {
        if (context.channel().isActive()) {
            running = asked;
        } else {
            asked.completion().end();
            asked.completion().teacher().end();
        }
    }

    /** Ends the request that is being answered where its caller is not known any more, or may not ask any more what it did. */
    void endStranger(ChannelHandlerContext context) {
        Running asked = running;
        if (asked == null) {
            return;
        }
        Optional<Failure> refusal = refusal(asked);
        if (refusal.isEmpty()) {
            return;
        }
        if (writing) {
            served.terms().metrics().refused(refusal.get().reason());
            var unused = context.close(); // an answer that is cut short is none
            return;
        }
        endRunning();
        refuse(context, false, Statuses.toBadRequest(refusal.get()));
    }

    private Optional<Failure> refusal(Running asked) {
        Identity identity = served.terms().authenticator().again(asked.caller());
        if (identity instanceof Identity.Refused refused) {
            return Optional.of(refused.failure());
        }
        Caller known = ((Identity.Known) identity).caller();
        String name = asked.completion().teacher().description().name();
        return known.mayAsk(name)
                ? Admission.refusal(asked.caller().usual(), known)
                : Optional.of(new Failure(
                        Failure.Reason.PERMISSION_DENIED,
                        "model: " + name + ", which the credential of " + known + " does not open any more"
                                + " (expected: one of " + new TreeSet<>(known.teachers()) + ")"));
    }

    /** Returns the request with −1 as the whole vocabulary; refuses one of a row larger than the teacher's limit. */
    private CompletionRequest checked(CompletionRequest request, HttpTeacher teacher) throws BadRequest {
        int maxK = teacher.maxK(served.admission().limits().maxK());
        int k = request.k().orElse(0) == -1
                ? teacher.description().vocabularySize()
                : request.k().orElse(0);
        if (k > maxK) {
            throw new BadRequest(
                    "prompt_logprobs",
                    "prompt_logprobs: " + k + " (expected: at most " + maxK + ", the teacher's limit)");
        }
        if (request.logprobs().orElse(0) > maxK) {
            throw new BadRequest(
                    "logprobs",
                    "logprobs: " + request.logprobs().get() + " (expected: at most " + maxK + ", the teacher's limit)");
        }
        return new CompletionRequest(
                request.model(),
                request.prompts(),
                request.k().map(unused -> k),
                request.choice(),
                request.echo(),
                request.logprobs(),
                request.show());
    }

    private static CompletionText.Head head() {
        return new CompletionText.Head(
                "cmpl-" + UUID.randomUUID().toString().replace("-", "").substring(0, 16),
                System.currentTimeMillis() / 1000);
    }

    private static BadRequest why(Throwable failed) {
        Throwable cause =
                failed instanceof CompletionException && failed.getCause() != null ? failed.getCause() : failed;
        return cause instanceof BadRequest known ? known : new BadRequest(500, "", "the request failed: " + cause);
    }

    private void write(ChannelHandlerContext context, boolean keepAlive, CompletionText text) {
        writing = true;
        answeredWith = HttpResponseStatus.OK.code();
        HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON);
        HttpUtil.setTransferEncodingChunked(response, true);
        HttpUtil.setKeepAlive(response, keepAlive && !served.answering().isEnding());
        var unusedHead = context.write(response);
        done(context, keepAlive, context.writeAndFlush(new HttpChunkedInput(text)));
    }

    private void json(ChannelHandlerContext context, FullHttpRequest request, ObjectNode body) {
        send(context, request, 200, JsonMapper.shared().writeValueAsBytes(body));
    }

    private void send(ChannelHandlerContext context, FullHttpRequest request, int status, byte[] body) {
        send(context, HttpUtil.isKeepAlive(request), response(status, body));
    }

    private static FullHttpResponse response(int status, byte[] body) {
        FullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), Unpooled.wrappedBuffer(body));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON)
                .setInt(HttpHeaderNames.CONTENT_LENGTH, body.length);
        return response;
    }

    private void send(ChannelHandlerContext context, boolean keepAlive, FullHttpResponse response) {
        answeredWith = response.status().code();
        HttpUtil.setKeepAlive(response, keepAlive && !served.answering().isEnding());
        done(context, keepAlive, context.writeAndFlush(response));
    }

    private void refuse(ChannelHandlerContext context, FullHttpRequest request, BadRequest why) {
        // Where a request is no HTTP, nobody knows where the next one begins.
        boolean whole =
                request.decoderResult().isSuccess() || request.decoderResult().cause() instanceof BadRequest;
        boolean keepAlive = HttpUtil.isKeepAlive(request) && whole;
        refuse(context, keepAlive, why);
    }

    /** Refuses a request in vLLM's shape. */
    private void refuse(ChannelHandlerContext context, boolean keepAlive, BadRequest why) {
        served.terms().metrics().refused(why.reason());
        if (tenant != null) {
            tenant.refusals().increment();
        }
        ObjectNode body = JsonMapper.shared().createObjectNode();
        ObjectNode error = body.putObject("error")
                .put("message", why.line())
                .put(
                        "type",
                        HttpResponseStatus.valueOf(why.status()).reasonPhrase().replace(" ", "") + "Error");
        if (why.parameter().isEmpty()) {
            error.putNull("param");
        } else {
            error.put("param", why.parameter());
        }
        error.put("code", why.status());
        FullHttpResponse response = response(why.status(), body.toString().getBytes(StandardCharsets.UTF_8));
        if (why.status() == 503) {
            response.headers().setInt(HttpHeaderNames.RETRY_AFTER, why.retrySeconds());
        } else if (why.status() == 401) {
            response.headers().set(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer");
        }
        send(context, keepAlive, response);
    }

    /** The next request's turn comes once this one's last byte has left. */
    private void done(ChannelHandlerContext context, boolean keepAlive, ChannelFuture sent) {
        var unused = sent.addListener((ChannelFutureListener) written -> {
            answeredWith = written.isSuccess() ? answeredWith : 0;
            endRunning();
            idle();
            if (!written.isSuccess() || !keepAlive || served.answering().isEnding()) {
                var unusedClose = context.close();
            } else {
                next(context);
            }
        });
    }

    private void idle() {
        if (busy) {
            busy = false;
            served.bodies().give(bodyRoom);
            bodyRoom = 0;
            trace.over(answeredWith);
            trace = CallTrace.NONE;
            served.answering().end();
        }
    }

    private void endRunning() {
        Running ended = running;
        running = null;
        if (ended != null) {
            ended.completion().end();
            ended.completion().teacher().end();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        for (FullHttpRequest request : waiting) {
            served.bodies().give(room(request));
            request.release();
        }
        waiting.clear();
        answeredWith = 0;
        endRunning();
        idle();
    }

    /** Ends a connection over which nothing has come for a while, nor was asked before; twice, so that no answer's reader is cut off. */
    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof IdleStateEvent && !busy) {
            if (!wasBusy) {
                var unused = context.close();
            }
            wasBusy = false;
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        var unused = context.close();
    }
}
