package dev.lyne.load.wire;

import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Calls that send bytes which are no message of the contract. */
public final class MalformedCalls {
    private static final byte[] NO_MESSAGE = {(byte) 0xff};

    private MalformedCalls() {}

    /** Opens so many streams side by side, a message that is none on each, and counts how they end, by status code. */
    public static Map<Status.Code, Integer> end(ManagedChannel channel, int streams) throws InterruptedException {
        List<RawCall> calls = new ArrayList<>();
        for (int i = 0; i < streams; i++) {
            RawCall call = new RawCall(
                    channel, TeacherServiceGrpc.getScoreSequencesMethod().getFullMethodName());
            call.send(NO_MESSAGE);
            calls.add(call);
        }
        Map<Status.Code, Integer> counts = new TreeMap<>();
        for (RawCall call : calls) {
            counts.merge(call.end().getCode(), 1, Integer::sum);
        }
        return counts;
    }
}
