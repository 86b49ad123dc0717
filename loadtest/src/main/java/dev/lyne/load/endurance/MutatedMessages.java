package dev.lyne.load.endurance;

import com.google.protobuf.ByteString;
import dev.lyne.load.wire.RawCall;
import dev.lyne.v1.CancelSequence;
import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeSequence;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTokenizerRequest;
import dev.lyne.v1.ListTeachersRequest;
import dev.lyne.v1.OpenDecode;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.PositionRange;
import dev.lyne.v1.Precision;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.Selection;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.StartSequences;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.v1.TopK;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Supplier;

/** Calls of the contract whose messages have bytes changed, taken out, put in, or put twice; the first of a stream is often left whole. */
final class MutatedMessages {
    private static final int MESSAGES_A_CALL = 8;
    private static final double LEFT_WHOLE = 0.6;

    private final SplittableRandom random;

    MutatedMessages(long seed) {
        random = new SplittableRandom(seed);
    }

    /** Counts of some calls: messages sent, and how the calls ended. */
    record Sent(long messages, Map<Status.Code, Long> ends) {}

    /** Sends so many messages at least, in calls side by side, and waits for the calls' ends. */
    Sent send(ManagedChannel channel, int messages) throws InterruptedException {
        List<RawCall> calls = new ArrayList<>();
        long sent = 0;
        while (sent < messages) {
            RawCall call = call(channel);
            sent += call.sent();
            calls.add(call);
        }
        Map<Status.Code, Long> ends = new TreeMap<>();
        for (RawCall call : calls) {
            ends.merge(call.end().getCode(), 1L, Long::sum);
        }
        return new Sent(sent, ends);
    }

    private RawCall call(ManagedChannel channel) {
        switch (random.nextInt(8)) {
            case 0 -> {
                return one(
                        channel,
                        TeacherServiceGrpc.getGetTeacherMethod().getFullMethodName(),
                        GetTeacherRequest.newBuilder()
                                .setName("teacher")
                                .build()
                                .toByteString());
            }
            case 1 -> {
                return one(
                        channel,
                        TeacherServiceGrpc.getGetTokenizerMethod().getFullMethodName(),
                        GetTokenizerRequest.newBuilder()
                                .setTeacher("teacher")
                                .build()
                                .toByteString());
            }
            case 2 -> {
                return one(
                        channel,
                        TeacherServiceGrpc.getListTeachersMethod().getFullMethodName(),
                        ListTeachersRequest.getDefaultInstance().toByteString());
            }
            case 3 -> {
                return stream(
                        channel, TeacherServiceGrpc.getDecodeMethod().getFullMethodName(), openDecode(), this::start);
            }
            default -> {
                return stream(
                        channel,
                        TeacherServiceGrpc.getScoreSequencesMethod().getFullMethodName(),
                        open(),
                        this::sequence);
            }
        }
    }

    private RawCall one(ManagedChannel channel, String method, ByteString message) {
        RawCall call = new RawCall(channel, method);
        call.send(mutated(message.toByteArray()));
        call.halfClose();
        return call;
    }

    private RawCall stream(ManagedChannel channel, String method, ByteString first, Supplier<ByteString> next) {
        RawCall call = new RawCall(channel, method);
        call.send(random.nextDouble() < LEFT_WHOLE ? first.toByteArray() : mutated(first.toByteArray()));
        int more = 1 + random.nextInt(MESSAGES_A_CALL);
        for (int i = 0; i < more; i++) {
            call.send(mutated(next.get().toByteArray()));
        }
        if (random.nextInt(4) == 0) {
            call.cancel();
        } else {
            call.halfClose();
        }
        return call;
    }

    private static ByteString open() {
        return ScoreSequencesRequest.newBuilder()
                .setOpen(OpenStream.newBuilder()
                        .setSelection(
                                Selection.newBuilder().setTopK(TopK.newBuilder().setK(8)))
                        .setPrecision(Precision.PRECISION_EXACT)
                        .setStudent("hostile"))
                .build()
                .toByteString();
    }

    private ByteString sequence() {
        if (random.nextInt(6) == 0) {
            return ScoreSequencesRequest.newBuilder()
                    .setCancel(CancelSequence.newBuilder().setId(random.nextInt(4)))
                    .build()
                    .toByteString();
        }
        return ScoreSequencesRequest.newBuilder()
                .setSequence(Sequence.newBuilder()
                        .setId(random.nextInt(4))
                        .addAllTokenIds(tokens())
                        .addPositions(PositionRange.newBuilder().setCount(8))
                        .setTimeoutMillis(1_000))
                .build()
                .toByteString();
    }

    private static ByteString openDecode() {
        return DecodeRequest.newBuilder()
                .setOpen(OpenDecode.newBuilder()
                        .setTemperature(1)
                        .setTopP(1)
                        .setSeed(3)
                        .setStudent("hostile"))
                .build()
                .toByteString();
    }

    private ByteString start() {
        return DecodeRequest.newBuilder()
                .setStart(StartSequences.newBuilder()
                        .addSequences(DecodeSequence.newBuilder()
                                .setSequence(random.nextInt(4))
                                .setKey(7)
                                .addAllTokenIds(tokens())
                                .setPromptTokens(4)
                                .setDraws(2)))
                .build()
                .toByteString();
    }

    private List<Integer> tokens() {
        return random.ints(9, 0, 400).boxed().toList();
    }

    /** The bytes with one to four changes. */
    private byte[] mutated(byte[] message) {
        byte[] bytes = message;
        for (int change = random.nextInt(4); change >= 0; change--) {
            bytes = Mutation.of(random).apply(bytes, random);
        }
        return bytes;
    }
}
