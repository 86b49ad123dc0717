package dev.lyne.load.wire;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** A call that sends bytes, whatever they are, and looks at no answer. */
public final class RawCall {
    private static final byte[] NOTHING = {};

    private final ClientCall<byte[], byte[]> call;
    private final CompletableFuture<Status> end = new CompletableFuture<>();
    private int sent;

    /**
     * Starts it.
     *
     * @param method full name
     */
    public RawCall(ManagedChannel channel, String method) {
        var descriptor = MethodDescriptor.<byte[], byte[]>newBuilder()
                .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
                .setFullMethodName(method)
                .setRequestMarshaller(new Bytes())
                .setResponseMarshaller(new Bytes())
                .build();
        call = channel.newCall(descriptor, CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.MINUTES));
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onMessage(byte[] answer) {
                        call.request(1);
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        end.complete(status);
                    }
                },
                new Metadata());
        call.request(1);
    }

    /** Sends a message of these bytes. */
    public void send(byte[] message) {
        sent++;
        call.sendMessage(message);
    }

    /** Messages sent. */
    public int sent() {
        return sent;
    }

    /** Sends no more. */
    public void halfClose() {
        call.halfClose();
    }

    /** Wants nothing of it any more. */
    public void cancel() {
        call.cancel("enough", null);
    }

    /** Waits for its end. */
    public Status end() throws InterruptedException {
        try {
            return end.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] message) {
            return new ByteArrayInputStream(message);
        }

        @Override
        public byte[] parse(InputStream stream) {
            return NOTHING;
        }
    }
}
