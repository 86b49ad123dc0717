package com.example.trainer;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.SequenceFailedException;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.lm.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** A trainer that has its own model, loop and loss, and learns from a Lyne teacher. */
public final class DistillingTrainer {
    private static final int WINDOW_TOKENS = 128;

    private DistillingTrainer() {}

    /**
     * Figures of a pass over the corpus.
     *
     * @param positions targets learnt from
     * @param divergence mean divergence from the teacher before each step, in nats
     */
    public record Pass(long positions, double divergence) {}

    /** Trains on a text file: {@code HOST:PORT TOKENIZER-DIRECTORY TEXT-FILE PASSES}. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        try (Tokenizer tokenizer = Tokenizer.load(Path.of(arguments[1]))) {
            List<int[]> windows = windows(tokenizer.encode(Files.readString(Path.of(arguments[2]))));
            var student = new BigramStudent(tokenizer.vocabularySize());
            train(arguments[0], tokenizer, windows, student, Integer.parseInt(arguments[3]));
        }
    }

    static List<Pass> train(
            String addresses, Tokenizer tokenizer, List<int[]> windows, BigramStudent student, int passes)
            throws InterruptedException {
        // The teacher must have these token ids. With modelDigest set, it must be this very model, too.
        var expectation = new TeacherExpectation(
                null, HexFormat.of().formatHex(tokenizer.digest()), tokenizer.vocabularySize(), null);
        var options = ClientOptions.builder()
                .student("bigram")
                .window(32, 32L * WINDOW_TOKENS) // what is asked ahead of need
                .build();
        List<Pass> results = new ArrayList<>();
        try (TargetSource teachers = TeacherClient.connect(addresses, options);
                TargetStream targets = teachers.open(TargetRequest.topK(32, List.of(), expectation))) {
            for (int pass = 0; pass < passes; pass++) {
                results.add(pass(targets, windows, student));
            }
            var statistics = targets.statistics();
            System.out.printf(
                    "%d positions, %.1f bytes each, from %s; waited %.1f s for the teacher%n",
                    statistics.received().positions(),
                    statistics.bytesPerPosition(),
                    statistics.receivedBySource(),
                    statistics.stallNanos() / 1e9);
        }
        return results;
    }

    private static Pass pass(TargetStream targets, List<int[]> windows, BigramStudent student)
            throws InterruptedException {
        int offered = 0;
        long positions = 0;
        double divergence = 0;
        for (int taken = 0; taken < windows.size(); taken++) {
            // Offer until the prefetch window is full: the teacher works ahead while the student learns.
            while (offered < windows.size() && targets.offer(TargetSequence.whole(offered, windows.get(offered)))) {
                offered++;
            }
            Targets rows = take(targets, windows.get(taken), taken); // in the order of the offers, whatever came first
            for (int row = 0; row < rows.rows(); row++) {
                divergence += student.learn(rows.sequence().tokens()[rows.positions()[row]], rows.columns(), row, 0.5);
            }
            positions += rows.rows();
        }
        return new Pass(positions, divergence / positions);
    }

    /** A sequence fails alone, and the stream goes on: here it is asked for once more. Anything else ends the run. */
    private static Targets take(TargetStream targets, int[] window, int id) throws InterruptedException {
        try {
            return targets.take();
        } catch (SequenceFailedException e) {
            System.err.println(e.getMessage() + "; asking again");
            targets.askAgain(TargetSequence.whole(id, window));
            return targets.take();
        }
    }

    /** Cuts a text into windows that overlap by one token, so that each token after the first is predicted once. */
    static List<int[]> windows(int[] tokens) {
        List<int[]> windows = new ArrayList<>();
        for (int start = 0; start + 1 < tokens.length; start += WINDOW_TOKENS - 1) {
            windows.add(Arrays.copyOfRange(tokens, start, Math.min(tokens.length, start + WINDOW_TOKENS)));
        }
        return windows;
    }
}
