package dev.lyne.load.wire;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import dev.lyne.client.RequestPriority;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** The contract's method with requests as bytes and responses as {@link Answer}s. */
final class Marshalling {
    private Marshalling() {}

    static MethodDescriptor<byte[], Answer> method(boolean keepBlocks) {
        return MethodDescriptor.<byte[], Answer>newBuilder()
                .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
                .setFullMethodName(TeacherServiceGrpc.getScoreSequencesMethod().getFullMethodName())
                .setRequestMarshaller(new Requests())
                .setResponseMarshaller(new Answers(keepBlocks))
                .build();
    }

    static byte[] opening(StreamKind kind, RequestPriority priority) {
        var selection = kind.selection().toMessage().toBuilder().setRawLogits(kind.rawLogits());
        return ScoreSequencesRequest.newBuilder()
                .setOpen(OpenStream.newBuilder()
                        .setSelection(selection)
                        .setPrecision(kind.precision().toMessage())
                        .setPriority(priority.toMessage())
                        .setStudent(kind.student()))
                .build()
                .toByteArray();
    }

    /** A request for a sequence; its fields may come in any order, so that only the id is coded anew. */
    static byte[] sequence(long id, byte[] body) {
        int length = body.length + CodedOutputStream.computeUInt64Size(Sequence.ID_FIELD_NUMBER, id);
        byte[] request = new byte
                [CodedOutputStream.computeTagSize(ScoreSequencesRequest.SEQUENCE_FIELD_NUMBER)
                        + CodedOutputStream.computeUInt32SizeNoTag(length)
                        + length];
        CodedOutputStream out = CodedOutputStream.newInstance(request);
        try {
            out.writeTag(ScoreSequencesRequest.SEQUENCE_FIELD_NUMBER, 2); // length-delimited
            out.writeUInt32NoTag(length);
            out.writeRawBytes(body);
            out.writeUInt64(Sequence.ID_FIELD_NUMBER, id);
            out.checkNoSpaceLeft();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return request;
    }

    private static final class Requests implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] request) {
            return new KnownLengthStream(request);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static final class KnownLengthStream extends ByteArrayInputStream implements KnownLength {
        KnownLengthStream(byte[] bytes) {
            super(bytes);
        }
    }

    private record Answers(boolean keepBlocks) implements MethodDescriptor.Marshaller<Answer> {
        @Override
        public InputStream stream(Answer answer) {
            throw new IllegalStateException("answers are only read");
        }

        @Override
        public Answer parse(InputStream stream) {
            try {
                CodedInputStream in = CodedInputStream.newInstance(stream);
                in.setSizeLimit(Integer.MAX_VALUE);
                return Answer.read(in, keepBlocks);
            } catch (IOException | IllegalArgumentException e) {
                throw Status.INTERNAL
                        .withDescription("a response cannot be read: " + e.getMessage())
                        .withCause(e)
                        .asRuntimeException();
            }
        }
    }
}
