package dev.lyne.teacher.server;

import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import dev.lyne.v1.CancelSequence;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Precision;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.Selection;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.SequenceFailed;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.v1.TopK;
import dev.lyne.wire.Digests;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** A bare student: sends what it is told to, and keeps what comes, in order. */
final class TestStream implements ClientResponseObserver<ScoreSequencesRequest, ScoreSequencesResponse> {
    private final boolean reading;
    private final List<ScoreSequencesResponse> received = new CopyOnWriteArrayList<>();
    private volatile Optional<Status> ended = Optional.empty();
    private volatile Optional<Throwable> error = Optional.empty();
    private volatile Runnable whenDone = () -> {};
    private ClientCallStreamObserver<ScoreSequencesRequest> requests;

    /** Reads all that comes. */
    static TestStream reading(Channel channel) {
        return new TestStream(channel, true);
    }

    /** Reads only what {@link #read} asks for. */
    static TestStream stalled(Channel channel) {
        return new TestStream(channel, false);
    }

    @SuppressWarnings("NullAway.Init") // gRPC calls beforeStart from within the constructor
    private TestStream(Channel channel, boolean reading) {
        this.reading = reading;
        TeacherServiceGrpc.newStub(channel).scoreSequences(this);
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ScoreSequencesRequest> stream) {
        requests = stream;
        if (!reading) {
            stream.disableAutoRequestWithInitial(0);
        }
    }

    @Override
    public void onNext(ScoreSequencesResponse response) {
        received.add(response);
        if (response.hasDone()) {
            whenDone.run();
        }
    }

    /** Runs on the channel's thread as soon as a `done` is read. */
    TestStream whenDone(Runnable action) {
        whenDone = action;
        return this;
    }

    @Override
    public void onError(Throwable t) {
        error = Optional.of(t);
        ended = Optional.of(Status.fromThrowable(t));
    }

    @Override
    public void onCompleted() {
        ended = Optional.of(Status.OK);
    }

    static OpenStream topK(int k) {
        return OpenStream.newBuilder()
                .setSelection(Selection.newBuilder().setTopK(TopK.newBuilder().setK(k)))
                .setPrecision(Precision.PRECISION_EXACT)
                .setStudent("test")
                .build();
    }

    /** Opens with any selection and precision. */
    static OpenStream.Builder opening(dev.lyne.row.Selection selection, dev.lyne.row.Precision precision) {
        return OpenStream.newBuilder()
                .setSelection(selection.toMessage())
                .setPrecision(precision.toMessage())
                .setStudent("test");
    }

    static Sequence sequence(long id, int... tokens) {
        return Sequence.newBuilder()
                .setId(id)
                .addAllTokenIds(Arrays.stream(tokens).boxed().toList())
                .setTokenIdsCrc32C(Digests.tokenChecksum(tokens))
                .build();
    }

    TestStream open(int k) {
        return open(topK(k));
    }

    TestStream open(OpenStream open) {
        return send(ScoreSequencesRequest.newBuilder().setOpen(open).build());
    }

    TestStream score(long id, int... tokens) {
        return score(sequence(id, tokens));
    }

    TestStream score(Sequence sequence) {
        return send(ScoreSequencesRequest.newBuilder().setSequence(sequence).build());
    }

    TestStream withdraw(long id) {
        return send(ScoreSequencesRequest.newBuilder()
                .setCancel(CancelSequence.newBuilder().setId(id))
                .build());
    }

    TestStream send(ScoreSequencesRequest request) {
        requests.onNext(request);
        return this;
    }

    /** Sends what is no message: an opening whose bytes are none. */
    TestStream sendJunk() {
        UnknownFieldSet.Field junk = UnknownFieldSet.Field.newBuilder()
                .addLengthDelimited(ByteString.copyFrom(new byte[] {(byte) 0xff}))
                .build();
        return send(ScoreSequencesRequest.newBuilder()
                .setUnknownFields(UnknownFieldSet.newBuilder()
                        .addField(ScoreSequencesRequest.OPEN_FIELD_NUMBER, junk)
                        .build())
                .build());
    }

    TestStream halfClose() {
        requests.onCompleted();
        return this;
    }

    void read(int messages) {
        requests.request(messages);
    }

    void cut() {
        requests.cancel("the test cuts the call", null);
    }

    List<ScoreSequencesResponse> received() {
        return received;
    }

    List<Rows> rows(long id) {
        return received.stream()
                .filter(response -> response.hasRows() && response.getRows().getId() == id)
                .map(ScoreSequencesResponse::getRows)
                .toList();
    }

    long done() {
        return received.stream().filter(ScoreSequencesResponse::hasDone).count();
    }

    boolean done(long id) {
        return received.stream()
                .anyMatch(response -> response.hasDone() && response.getDone().getId() == id);
    }

    Optional<SequenceFailed> failed(long id) {
        return received.stream()
                .filter(response -> response.hasFailed() && response.getFailed().getId() == id)
                .map(ScoreSequencesResponse::getFailed)
                .findFirst();
    }

    TestStream awaitDone(long... ids) {
        await().until(() -> Arrays.stream(ids).allMatch(this::done));
        return this;
    }

    /** The same for one of hundreds that come one after the other: without a tenth of a second before the first look. */
    TestStream awaitNext(long id) {
        await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(2)).until(() -> done(id));
        return this;
    }

    SequenceFailed awaitFailed(long id) {
        await().until(() -> failed(id).isPresent());
        return failed(id).orElseThrow();
    }

    Status awaitEnd() {
        await().until(() -> ended.isPresent());
        return ended.orElseThrow();
    }

    Throwable error() {
        return error.orElseThrow();
    }

    boolean live() {
        return ended.isEmpty();
    }
}
