package dev.lyne.load.bench;

import dev.lyne.student.client.ClientOptions;
import dev.lyne.student.client.TargetRequest;
import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.client.TeacherClient;
import dev.lyne.student.client.TeacherExpectation;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What a {@link BenchStudent} does in its process: for each line {@code ROUND SEQUENCES TOKENS K} that it reads it
 * takes the rows of that many random sequences, verified and decoded, and answers with their number of positions.
 */
public final class ServeWorker {
    private final String teacher;
    private final int number;
    private final int window;

    /** @param window sequences to keep in flight */
    public ServeWorker(String teacher, int number, int window) {
        this.teacher = teacher;
        this.number = number;
        this.window = window;
    }

    /** Works until the orders end. */
    public void run(BufferedReader orders, PrintStream answers) throws IOException, InterruptedException {
        var options = ClientOptions.builder()
                .student("bench-" + number)
                .window(window, 1 << 20)
                .build();
        try (var client = TeacherClient.connect(teacher, options)) {
            int vocabularySize = client.describe().vocabularySize();
            for (String line = orders.readLine(); line != null; line = orders.readLine()) {
                String[] order = line.split(" ");
                int k = Integer.parseInt(order[3]);
                try (TargetStream stream = client.open(TargetRequest.topK(k, List.of(), TeacherExpectation.any()))) {
                    answers.println(round(
                            stream,
                            vocabularySize,
                            Long.parseLong(order[0]),
                            Integer.parseInt(order[1]),
                            Integer.parseInt(order[2])));
                    answers.flush();
                }
            }
        }
    }

    private long round(TargetStream stream, int vocabularySize, long round, int sequences, int tokens)
            throws InterruptedException {
        var random = new SplittableRandom(round << 32 | number);
        long positions = 0;
        int offered = 0;
        int[] next = random.ints(tokens, 0, vocabularySize).toArray();
        for (int taken = 0; taken < sequences; taken++) {
            while (offered < sequences && stream.offer(TargetSequence.whole(offered, next))) {
                offered++;
                next = random.ints(tokens, 0, vocabularySize).toArray();
            }
            positions += stream.take().rows();
        }
        return positions;
    }
}
