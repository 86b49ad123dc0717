package dev.lyne.load.bench;

import com.google.protobuf.ByteString;
import dev.lyne.v1.Credit;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.SequenceDone;
import dev.lyne.v1.Source;
import dev.lyne.v1.StreamOpened;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.stub.StreamObserver;

/** The contract's stream with nothing behind it: every sequence is answered with the same bytes, at once. */
final class BareTeacher extends TeacherServiceGrpc.TeacherServiceImplBase {
    private static final int VOCABULARY = 32_768;
    private static final Credit CREDIT =
            Credit.newBuilder().setSequences(256).setTokens(1 << 20).build(); // bounds what waits for a reader

    private final ByteString block;

    BareTeacher(ByteString block) {
        this.block = block;
    }

    @Override
    public StreamObserver<ScoreSequencesRequest> scoreSequences(StreamObserver<ScoreSequencesResponse> answers) {
        return new StreamObserver<>() {
            @Override
            public void onNext(ScoreSequencesRequest request) {
                if (request.hasSequence()) {
                    answer(request.getSequence(), answers);
                } else {
                    answers.onNext(ScoreSequencesResponse.newBuilder()
                            .setOpened(StreamOpened.newBuilder()
                                    .setTeacher(Teacher.newBuilder().setVocabularySize(VOCABULARY))
                                    .setCredit(CREDIT))
                            .build());
                }
            }

            @Override
            public void onError(Throwable gone) {
                // the reader dropped the stream, and nothing is kept for it
            }

            @Override
            public void onCompleted() {
                answers.onCompleted();
            }
        };
    }

    private void answer(Sequence sequence, StreamObserver<ScoreSequencesResponse> answers) {
        answers.onNext(ScoreSequencesResponse.newBuilder()
                .setRows(Rows.newBuilder()
                        .setId(sequence.getId())
                        .setBlock(block)
                        .setSource(Source.SOURCE_CACHED)
                        .setTier("memory"))
                .build());
        answers.onNext(ScoreSequencesResponse.newBuilder()
                .setDone(SequenceDone.newBuilder().setId(sequence.getId()).setRows(sequence.getTokenIdsCount() - 1))
                .build());
    }
}
