package dev.lyne.load.bench;

import com.google.protobuf.Int64Value;
import dev.lyne.row.Selection;
import dev.lyne.v1.Credit;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.wire.Digests;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Reads streams without looking into their messages: what the transport and the server can do. */
final class MessageCounter {
    private MessageCounter() {}

    /** Reads messages of a {@link BareStream}; gives their bytes. */
    static long messages(Channel channel, long messages) {
        long bytes = 0;
        var answers = ClientCalls.blockingServerStreamingCall(
                channel, BareStream.METHOD, CallOptions.DEFAULT, Int64Value.of(messages));
        while (answers.hasNext()) {
            bytes += answers.next().getValue().size();
        }
        return bytes;
    }

    /** Asks a teacher for rows, keeping so many sequences in flight; gives the bytes of their blocks. */
    static long rows(Channel channel, Order.Workload workload, int student, int window) {
        var call = new RowsCall(workload, student, window);
        TeacherServiceGrpc.newStub(channel).scoreSequences(call);
        return call.bytes.join();
    }

    /** A call for rows; gRPC calls it from one thread at a time. */
    private static final class RowsCall
            implements ClientResponseObserver<ScoreSequencesRequest, ScoreSequencesResponse> {
        private final CompletableFuture<Long> bytes = new CompletableFuture<>();
        private final Order.Workload workload;
        private final int student;
        private final int window;
        private ClientCallStreamObserver<ScoreSequencesRequest> requests;
        private List<Sequence> sequences = List.of();
        private final long wanted;
        private long asked;
        private long answered;
        private long counted;
        private Credit credit = Credit.getDefaultInstance();

        @SuppressWarnings("NullAway.Init") // gRPC gives the requests before anything else
        RowsCall(Order.Workload workload, int student, int window) {
            this.workload = workload;
            this.student = student;
            this.window = window;
            this.wanted = (long) workload.count() * workload.times();
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<ScoreSequencesRequest> call) {
            requests = call;
            call.setOnReadyHandler(new Runnable() {
                private boolean opened;

                @Override
                public void run() {
                    if (!opened) {
                        opened = true;
                        requests.onNext(ScoreSequencesRequest.newBuilder()
                                .setOpen(OpenStream.newBuilder()
                                        .setSelection(new Selection.TopK(workload.k(), List.of()).toMessage())
                                        .setPrecision(workload.precision().toMessage()))
                                .build());
                    }
                }
            });
        }

        @Override
        public void onNext(ScoreSequencesResponse response) {
            switch (response.getMessageCase()) {
                case OPENED -> {
                    int vocabularySize = response.getOpened().getTeacher().getVocabularySize();
                    sequences = Arrays.stream(workload.sequences(student, vocabularySize))
                            .map(RowsCall::message)
                            .toList();
                    credit = response.getOpened().getCredit();
                }
                case CREDIT -> credit = response.getCredit();
                case ROWS -> counted += response.getRows().getBlock().size();
                case DONE -> answered++;
                case PROGRESS -> {}
                default -> throw new IllegalStateException("the server answered: " + response);
            }
            askOn();
        }

        private void askOn() {
            long most = Math.min(Math.min(window, credit.getSequences()), credit.getTokens() / workload.tokens());
            while (asked < wanted && asked - answered < most) {
                Sequence next = sequences.get((int) (asked % workload.count()));
                requests.onNext(ScoreSequencesRequest.newBuilder()
                        .setSequence(next.toBuilder().setId(asked++))
                        .build());
            }
            if (answered == wanted && !bytes.isDone()) {
                requests.onCompleted();
                bytes.complete(counted);
            }
        }

        private static Sequence message(int[] tokens) {
            return Sequence.newBuilder()
                    .addAllTokenIds(Arrays.stream(tokens).boxed().toList())
                    .setTokenIdsCrc32C(Digests.tokenChecksum(tokens))
                    .build();
        }

        @Override
        public void onError(Throwable error) {
            bytes.completeExceptionally(error);
        }

        @Override
        public void onCompleted() {
            bytes.completeExceptionally(
                    new IllegalStateException("the stream ended after " + answered + " of " + wanted + " sequences"));
        }
    }
}
