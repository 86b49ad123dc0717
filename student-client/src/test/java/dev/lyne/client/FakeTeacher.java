package dev.lyne.client;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.v1.Credit;
import dev.lyne.v1.ExecutionFingerprint;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTeacherResponse;
import dev.lyne.v1.GetTokenizerRequest;
import dev.lyne.v1.GetTokenizerResponse;
import dev.lyne.v1.Limits;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.SequenceDone;
import dev.lyne.v1.SequenceFailed;
import dev.lyne.v1.Source;
import dev.lyne.v1.StreamOpened;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherDigests;
import dev.lyne.v1.TeacherServiceGrpc.TeacherServiceImplBase;
import dev.lyne.wire.Digests;
import dev.lyne.wire.Positions;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A teacher server on loopback that scores with {@link RandomLogits} and answers each sequence as its test says. */
final class FakeTeacher extends TeacherServiceImplBase implements AutoCloseable {
    static final int VOCABULARY = 60;
    static final int CONTEXT = 128;

    final RandomLogits model;
    final ByteString modelDigest;
    /** Treatment of a sequence; by default it is answered at once. */
    volatile Consumer<Asked> answering = asked -> asked.answer(5);

    /** Source that rows are said to come from. */
    volatile Source source = Source.SOURCE_COMPUTED;

    volatile String tier = "";

    /** Refusal of an opening message; null: it is accepted. */
    volatile @Nullable StatusRuntimeException refusal;

    /** Refusals of the next opening messages, before that. */
    final Queue<StatusRuntimeException> nextRefusals = new ConcurrentLinkedQueue<>();

    /** Refusal of a question for the description; null: it is answered. */
    volatile @Nullable StatusRuntimeException descriptionRefusal;

    /** Answers to the next questions for the description, before that. */
    final Queue<Teacher> nextDescriptions = new ConcurrentLinkedQueue<>();

    /** Descriptions asked for. */
    final AtomicInteger described = new AtomicInteger();

    /** How the tokenizer is sent; by default there is none. */
    volatile Consumer<StreamObserver<GetTokenizerResponse>> tokenizer = responses ->
            responses.onError(Status.NOT_FOUND.withDescription("no tokenizer").asRuntimeException());

    volatile Credit credit =
            Credit.newBuilder().setSequences(16).setTokens(100_000).build();
    final List<Asked> asked = new CopyOnWriteArrayList<>();
    final List<OpenStream> opened = new CopyOnWriteArrayList<>();
    final AtomicInteger cancelledSequences = new AtomicInteger();
    final AtomicInteger endedStreams = new AtomicInteger();
    final List<String> violations = new CopyOnWriteArrayList<>();
    private final List<Session> sessions = new CopyOnWriteArrayList<>();
    private final Server server;
    private final int boundPort;

    FakeTeacher(long seed) throws IOException {
        this(seed, "127.0.0.1", 0);
    }

    FakeTeacher(long seed, String host, int port) throws IOException {
        model = new RandomLogits(VOCABULARY, seed);
        byte[] digest = new byte[32];
        digest[0] = (byte) seed;
        modelDigest = ByteString.copyFrom(digest);
        server = NettyServerBuilder.forAddress(new InetSocketAddress(host, port))
                .addService(this)
                .build()
                .start();
        boundPort = server.getPort();
    }

    /** One device: answers one sequence after the other, each after so long. */
    static Consumer<Asked> taking(java.time.Duration each) {
        return taking(() -> each);
    }

    /** One device: answers one sequence after the other, the next after as long as is said then. */
    static Consumer<Asked> taking(Supplier<java.time.Duration> next) {
        var device = java.util.concurrent.Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "fake-device");
            thread.setDaemon(true);
            return thread;
        });
        return asked -> device.execute(() -> {
            java.util.concurrent.locks.LockSupport.parkNanos(next.get().toNanos());
            asked.answerRest();
        });
    }

    /** Tells every open stream how far the device is. */
    void progress(long devicePositions) {
        sessions.forEach(session -> session.send(ScoreSequencesResponse.newBuilder()
                .setProgress(dev.lyne.v1.Progress.newBuilder().setDevicePositions(devicePositions))
                .build()));
    }

    /** Tells every open stream that it takes nothing more. */
    void drain() {
        sessions.forEach(session -> session.send(ScoreSequencesResponse.newBuilder()
                .setCredit(Credit.getDefaultInstance())
                .build()));
    }

    /** Ends every open stream. */
    void end(StatusRuntimeException failure) {
        sessions.forEach(session -> session.end(failure));
    }

    /** A failure as a server words it. */
    static StatusRuntimeException failure(Status.Code code, String reason, String message) {
        return StatusProto.toStatusRuntimeException(status(code, message).toBuilder()
                .addDetails(Any.pack(ErrorInfo.newBuilder().setReason(reason).build()))
                .build());
    }

    int port() {
        return boundPort;
    }

    String address() {
        return "127.0.0.1:" + port();
    }

    /** Breaks every connection at once, as the end of the process would. */
    @Override
    public void close() throws InterruptedException {
        server.shutdownNow();
        if (!server.awaitTermination(10, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the server does not end");
        }
    }

    /** Says that it computes elsewhere. */
    volatile String device = "a fake";

    volatile boolean deterministic;

    /** Greater than 0: an engine. */
    volatile double tailError;

    /** Whether the server knows how to hold back rows. */
    volatile boolean knowsVouching = true;

    Teacher description() {
        return Teacher.newBuilder()
                .setName("fake")
                .setDigests(TeacherDigests.newBuilder()
                        .setModelSha256(modelDigest)
                        .setTokenizerSha256(ByteString.copyFrom(new byte[32])))
                .setExecutionFingerprint(ExecutionFingerprint.newBuilder()
                        .setTorchVersion("none")
                        .setDevice(device)
                        .setArithmeticVersion(1)
                        .setThreads(1)
                        .setComputePrecision("float32"))
                .setVocabularySize(VOCABULARY)
                .setDeterministic(deterministic)
                .setTailError(tailError)
                .setContextLength(CONTEXT)
                .setLimits(Limits.newBuilder().setMaxK(VOCABULARY).setMaxTemperatures(4))
                .build();
    }

    private BlockIdentity identity(OpenStream opening) {
        return new BlockIdentity(
                Selection.of(opening.getSelection()),
                Precision.of(opening.getPrecision()),
                opening.getSelection().getRawLogits(),
                VOCABULARY,
                modelDigest.toByteArray(),
                Digests.fingerprint(description().getExecutionFingerprint()));
    }

    @Override
    public void getTeacher(GetTeacherRequest request, StreamObserver<GetTeacherResponse> responses) {
        described.incrementAndGet();
        StatusRuntimeException refused = descriptionRefusal;
        if (refused != null) {
            responses.onError(refused);
            return;
        }
        Teacher next = nextDescriptions.poll();
        responses.onNext(GetTeacherResponse.newBuilder()
                .setTeacher(next == null ? description() : next)
                .build());
        responses.onCompleted();
    }

    @Override
    public void getTokenizer(GetTokenizerRequest request, StreamObserver<GetTokenizerResponse> responses) {
        tokenizer.accept(responses);
    }

    @Override
    public StreamObserver<ScoreSequencesRequest> scoreSequences(StreamObserver<ScoreSequencesResponse> responses) {
        Session session = new Session(responses);
        sessions.add(session);
        return session;
    }

    static com.google.rpc.Status status(Status.Code code, String message) {
        return com.google.rpc.Status.newBuilder()
                .setCode(code.value())
                .setMessage(message)
                .build();
    }

    static com.google.rpc.Status retryable(Status.Code code, long delayMillis) {
        Duration delay = Duration.newBuilder()
                .setSeconds(delayMillis / 1_000)
                .setNanos((int) (delayMillis % 1_000) * 1_000_000)
                .build();
        return status(code, "busy").toBuilder()
                .addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(delay).build()))
                .build();
    }

    /** One stream; every method may be called from any thread. */
    final class Session implements StreamObserver<ScoreSequencesRequest> {
        private final StreamObserver<ScoreSequencesResponse> responses;
        private final Map<Long, Sequence> inFlight = new HashMap<>();
        private @Nullable OpenStream open;
        private boolean ended;

        Session(StreamObserver<ScoreSequencesResponse> responses) {
            this.responses = responses;
            // With a handler, sending to a student that is gone is silently nothing.
            ((ServerCallStreamObserver<ScoreSequencesResponse>) responses)
                    .setOnCancelHandler(() -> endedStreams.incrementAndGet());
        }

        @Override
        public void onNext(ScoreSequencesRequest request) {
            switch (request.getMessageCase()) {
                case OPEN -> onOpen(request.getOpen());
                case SEQUENCE -> onSequence(request.getSequence());
                case CANCEL -> onCancel(request.getCancel().getId());
                case MESSAGE_NOT_SET -> violations.add("an empty message");
            }
        }

        private synchronized void onOpen(OpenStream message) {
            opened.add(message);
            StatusRuntimeException next = nextRefusals.poll();
            StatusRuntimeException refused = next == null ? refusal : next;
            if (refused != null) {
                end(refused);
                return;
            }
            open = message;
            send(ScoreSequencesResponse.newBuilder()
                    .setOpened(StreamOpened.newBuilder()
                            .setTeacher(description())
                            .setVouchedOnly(message.getVouchedOnly() && knowsVouching)
                            .setCredit(credit))
                    .build());
        }

        private void onSequence(Sequence sequence) {
            OpenStream opening = open;
            if (opening == null) {
                violations.add("a sequence before the stream was opened");
                return;
            }
            synchronized (this) {
                if (inFlight.put(sequence.getId(), sequence) != null) {
                    violations.add("sequence " + sequence.getId() + " twice in flight");
                }
                long inFlightTokens = inFlight.values().stream()
                        .mapToLong(Sequence::getTokenIdsCount)
                        .sum();
                if (inFlight.size() > credit.getSequences()
                        || (inFlight.size() > 1 && inFlightTokens > credit.getTokens())) {
                    violations.add(inFlight.size() + " sequences of " + inFlightTokens + " tokens in flight");
                }
            }
            Asked question = new Asked(this, sequence, identity(opening));
            asked.add(question);
            if (sequence.getTokenIdsCrc32C() != Digests.tokenChecksum(question.tokens())) {
                violations.add("checksum of sequence " + sequence.getId());
                question.fail(status(Status.Code.DATA_LOSS, "token_ids_crc32c differs"));
                return;
            }
            answering.accept(question);
        }

        private synchronized void onCancel(long id) {
            cancelledSequences.incrementAndGet();
            Sequence sequence = inFlight.get(id);
            if (sequence != null) {
                answer(sequence, failed(sequence, status(Status.Code.CANCELLED, "withdrawn")), true);
            }
        }

        synchronized void send(ScoreSequencesResponse response) {
            responses.onNext(response);
        }

        /** Sends something about a sequence, unless it was withdrawn or the stream ended. */
        synchronized void answer(Sequence sequence, ScoreSequencesResponse response, boolean last) {
            if (!ended && inFlight.containsKey(sequence.getId())) {
                if (last) {
                    inFlight.remove(sequence.getId());
                }
                responses.onNext(response);
            }
        }

        /** Grants another credit, from now on. */
        synchronized void grant(Credit granted) {
            credit = granted;
            send(ScoreSequencesResponse.newBuilder().setCredit(granted).build());
        }

        synchronized void end(Throwable failure) {
            if (!ended) {
                ended = true;
                responses.onError(failure);
            }
        }

        @Override
        public synchronized void onError(Throwable failure) {
            ended = true;
        }

        @Override
        public synchronized void onCompleted() {
            ended = true;
            endedStreams.incrementAndGet();
            responses.onCompleted();
        }
    }

    /** A sequence that arrived, to be answered now or later. */
    final class Asked {
        final Session session;
        final Sequence sequence;
        final BlockIdentity identity;
        final long arrivedNanos = System.nanoTime();
        private volatile int sentRows;

        Asked(Session session, Sequence sequence, BlockIdentity identity) {
            this.session = session;
            this.sequence = sequence;
            this.identity = identity;
        }

        int[] tokens() {
            return FakeTeacher.tokens(sequence);
        }

        int[] positions() {
            return Positions.from(sequence.getPositionsList(), sequence.getTokenIdsCount());
        }

        /** Returns the sequence that was asked for, under an id of its own. */
        TargetSequence asTarget() {
            int[][] chosen = sequence.getChosenList().stream()
                    .map(tokens -> tokens.getTokenIdsList().stream()
                            .mapToInt(Integer::intValue)
                            .toArray())
                    .toArray(int[][]::new);
            return new TargetSequence(sequence.getId(), tokens(), positions(), chosen);
        }

        /** Sends all rows, some to a block, and done. */
        void answer(int rowsPerBlock) {
            int rows = positions().length;
            for (int from = 0; from < rows; from += rowsPerBlock) {
                rows(from, Math.min(rows, from + rowsPerBlock));
            }
            done(rows);
        }

        /** Sends the rows that have not been sent, and done. */
        void answerRest() {
            int rows = positions().length;
            if (sentRows < rows) {
                rows(sentRows, rows);
            }
            done(rows);
        }

        void rows(int from, int to) {
            sentRows = to;
            block(positions()[from], model.block(asTarget(), from, to, identity));
        }

        void block(int firstPosition, byte[] block) {
            session.answer(
                    sequence,
                    ScoreSequencesResponse.newBuilder()
                            .setRows(Rows.newBuilder()
                                    .setId(sequence.getId())
                                    .setFirstPosition(firstPosition)
                                    .setBlock(ByteString.copyFrom(block))
                                    .setSource(source)
                                    .setTier(tier))
                            .build(),
                    false);
        }

        void done(int rows) {
            session.answer(
                    sequence,
                    ScoreSequencesResponse.newBuilder()
                            .setDone(SequenceDone.newBuilder()
                                    .setId(sequence.getId())
                                    .setRows(rows))
                            .build(),
                    true);
        }

        void fail(com.google.rpc.Status status) {
            session.answer(sequence, failed(sequence, status), true);
        }
    }

    private static ScoreSequencesResponse failed(Sequence sequence, com.google.rpc.Status status) {
        return ScoreSequencesResponse.newBuilder()
                .setFailed(SequenceFailed.newBuilder().setId(sequence.getId()).setStatus(status))
                .build();
    }

    private static int[] tokens(Sequence sequence) {
        return sequence.getTokenIdsList().stream().mapToInt(Integer::intValue).toArray();
    }
}
