package dev.lyne.client;

import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** Decode call to one replica: what comes is put into a queue, for the decoder's thread. */
final class DecodeCallObserver implements ClientResponseObserver<DecodeRequest, DecodeResponse> {
    /** Something that came. */
    sealed interface Incoming {
        DecodeCallObserver call();

        record Message(DecodeCallObserver call, DecodeResponse response) implements Incoming {}

        /** The call is over; without a failure where the server completed it. */
        record Over(DecodeCallObserver call, @Nullable Throwable failure) implements Incoming {}
    }

    private final Replica replica;
    private final Queue<Incoming> queue;
    private @Nullable ClientCallStreamObserver<DecodeRequest> requests;

    private DecodeCallObserver(Replica replica, Queue<Incoming> queue) {
        this.replica = replica;
        this.queue = queue;
    }

    /** Starts a call. */
    static DecodeCallObserver start(Replica replica, Queue<Incoming> queue) {
        DecodeCallObserver call = new DecodeCallObserver(replica, queue);
        replica.channel().resetConnectBackoff();
        TeacherServiceGrpc.newStub(replica.channel()).decode(call);
        return call;
    }

    Replica replica() {
        return replica;
    }

    void send(DecodeRequest request) {
        requests().onNext(request);
    }

    void cancel(String why) {
        requests().cancel(why, null);
    }

    private ClientCallStreamObserver<DecodeRequest> requests() {
        ClientCallStreamObserver<DecodeRequest> made = requests;
        if (made == null) {
            throw new IllegalStateException("the call was not started");
        }
        return made;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<DecodeRequest> stream) {
        requests = stream;
    }

    @Override
    public void onNext(DecodeResponse response) {
        queue.add(new Incoming.Message(this, response));
    }

    @Override
    public void onError(Throwable failure) {
        queue.add(new Incoming.Over(this, failure));
    }

    @Override
    public void onCompleted() {
        queue.add(new Incoming.Over(this, null));
    }
}
