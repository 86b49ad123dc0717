package dev.lyne.load.endurance;

import dev.lyne.load.process.ProcessFigures;
import dev.lyne.load.process.ServerFigures;
import dev.lyne.load.process.ServerProcess;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * Resources that a server holds which nobody asks for anything.
 *
 * @param streams open streams
 * @param sequences sequences in flight
 * @param unsentBytes rows that wait for their readers
 * @param nativeArrays tensors outside the heap that something still refers to
 */
public record HeldResources(
        long threads, long descriptors, double streams, double sequences, double unsentBytes, long nativeArrays) {
    /** DJL's tensors, each of which holds memory outside the heap. */
    private static final String NATIVE_ARRAY = "ai.djl.pytorch.engine.PtNDArray";

    private static final int SECONDS_TO_SETTLE = 120;

    /**
     * Returns the resources of a server once streams have ended and its numbers of threads and connections stand still;
     * after two minutes as they are.
     */
    static HeldResources ofIdle(ServerProcess server, ServerProcess.Ready ready)
            throws IOException, InterruptedException {
        HeldResources before = of(server, ready);
        for (int second = 0, still = 0; second < SECONDS_TO_SETTLE && still < 5; second++) {
            TimeUnit.SECONDS.sleep(1);
            HeldResources now = of(server, ready);
            boolean same = now.equals(before) && now.streams == 0 && now.sequences == 0 && now.unsentBytes == 0;
            still = same ? still + 1 : 0;
            before = now;
        }
        return new HeldResources(
                before.threads,
                before.descriptors,
                before.streams,
                before.sequences,
                before.unsentBytes,
                ProcessFigures.instances(server.pid(), NATIVE_ARRAY));
    }

    private static HeldResources of(ServerProcess server, ServerProcess.Ready ready)
            throws IOException, InterruptedException {
        double streams = ServerFigures.gauge(ready.metrics(), "lyne_teacher_streams");
        double sequences = ServerFigures.gauge(ready.metrics(), "lyne_teacher_sequences_in_flight");
        double unsent = ServerFigures.gauge(ready.metrics(), "lyne_teacher_unsent_bytes");
        ProcessFigures process = ProcessFigures.of(server.pid());
        return new HeldResources(process.threads(), process.descriptors(), streams, sequences, unsent, 0);
    }
}
