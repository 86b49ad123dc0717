package dev.lyne.load.bench;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.load.run.ProcessCpu;
import dev.lyne.row.Selection;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.ToLongFunction;

/** Process of a {@link BenchStudent}: it reads {@link Order}s and answers each with a number. */
public final class ServeWorker {
    private static final int MAX_MESSAGE_BYTES = 8 << 20;

    private final String teacher;
    private final int number;
    private final int window;
    private final TeacherSecurity security;
    private long cpuNanos; // of the last order

    /**
     * A worker for one teacher.
     *
     * @param window sequences to keep in flight
     * @param token file of its token; empty where the server asks for none
     */
    public ServeWorker(String teacher, int number, int window, Optional<Path> token) {
        this.teacher = teacher;
        this.number = number;
        this.window = window;
        this.security = token.map(TeacherSecurity.LOOPBACK::withTokenFile).orElse(TeacherSecurity.LOOPBACK);
    }

    /** Works until the orders end. */
    public void run(BufferedReader orders, PrintStream answers) throws IOException, InterruptedException {
        var options = ClientOptions.builder()
                .student("bench-" + number)
                .security(security)
                .window(window, 1 << 20)
                .build();
        try (var client = TeacherClient.connect(teacher, options)) {
            int vocabularySize = client.describe().vocabularySize();
            for (String line = orders.readLine(); line != null; line = orders.readLine()) {
                Order order = Order.parse(line);
                answers.println(order instanceof Order.TellCpuTime ? cpuNanos : answer(client, vocabularySize, order));
                answers.flush();
            }
        }
    }

    private long answer(TeacherClient client, int vocabularySize, Order order)
            throws IOException, InterruptedException {
        if (order instanceof Order.Load load) {
            LoadWorker.Measured measured = new LoadWorker(teacher, number, window).run(load);
            cpuNanos = measured.cpuNanos();
            return measured.rate();
        }
        long before = ProcessCpu.nanos();
        long answer = read(client, vocabularySize, order);
        cpuNanos = ProcessCpu.nanos() - before;
        return answer;
    }

    private long read(TeacherClient client, int vocabularySize, Order order) throws InterruptedException {
        if (order instanceof Order.TakeRows take) {
            return positions(client, take.workload(), take.workload().sequences(number, vocabularySize));
        } else if (order instanceof Order.CountRows count) {
            return on(teacher, security, channel -> MessageCounter.rows(channel, count.workload(), number, window));
        } else if (order instanceof Order.CountMessages bare) {
            return on(
                    "127.0.0.1:" + bare.port(),
                    TeacherSecurity.LOOPBACK,
                    channel -> MessageCounter.messages(channel, bare.messages()));
        }
        throw new IllegalArgumentException("order: " + order);
    }

    private static long positions(TeacherClient client, Order.Workload workload, int[][] sequences)
            throws InterruptedException {
        var request = new TargetRequest(
                new Selection.TopK(workload.k(), List.of()), workload.precision(), false, TeacherExpectation.any());
        try (TargetStream stream = client.open(request)) {
            long wanted = (long) sequences.length * workload.times();
            long positions = 0;
            long offered = 0;
            for (long taken = 0; taken < wanted; taken++) {
                while (offered < wanted
                        && stream.offer(TargetSequence.whole(offered, sequences[(int) (offered % sequences.length)]))) {
                    offered++;
                }
                positions += stream.take().rows();
            }
            return positions;
        }
    }

    private static long on(String address, TeacherSecurity security, ToLongFunction<Channel> reading) {
        ManagedChannel channel = TeacherDialer.open(security)
                .channel(address)
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                .build();
        try {
            return reading.applyAsLong(channel);
        } finally {
            channel.shutdownNow();
        }
    }
}
