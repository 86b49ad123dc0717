package dev.lyne.load.wire;

import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Calls that send bytes which are no message of the contract. */
public final class MalformedCalls {
    private static final byte[] NO_MESSAGE = {(byte) 0xff};

    private MalformedCalls() {}

    /** Opens so many streams side by side, a message that is none on each, and counts how they end, by status code. */
    public static Map<Status.Code, Integer> end(ManagedChannel channel, int streams) {
        List<CompletableFuture<Status>> ends = new ArrayList<>();
        for (int i = 0; i < streams; i++) {
            ends.add(end(channel));
        }
        Map<Status.Code, Integer> counts = new TreeMap<>();
        ends.forEach(end -> counts.merge(end.join().getCode(), 1, Integer::sum));
        return counts;
    }

    private static CompletableFuture<Status> end(ManagedChannel channel) {
        MethodDescriptor<byte[], byte[]> method = MethodDescriptor.<byte[], byte[]>newBuilder()
                .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
                .setFullMethodName(TeacherServiceGrpc.getScoreSequencesMethod().getFullMethodName())
                .setRequestMarshaller(new Bytes())
                .setResponseMarshaller(new Bytes())
                .build();
        ClientCall<byte[], byte[]> call =
                channel.newCall(method, CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.MINUTES));
        CompletableFuture<Status> end = new CompletableFuture<>();
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        end.complete(status);
                    }
                },
                new Metadata());
        call.request(1);
        call.sendMessage(NO_MESSAGE);
        return end;
    }

    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] message) {
            return new ByteArrayInputStream(message);
        }

        @Override
        public byte[] parse(InputStream stream) {
            return NO_MESSAGE; // an answer is not looked at
        }
    }
}
