package com.example;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import java.util.Arrays;
import java.util.List;

/** A program that asks a teacher for the rows of one sequence: {@code HOST:PORT TOKEN-ID...}. */
public final class FirstRows {
    public static void main(String[] arguments) throws InterruptedException {
        int[] tokens =
                Arrays.stream(arguments).skip(1).mapToInt(Integer::parseInt).toArray();
        try (TeacherClient teachers = TeacherClient.connect(arguments[0], ClientOptions.defaults());
                TargetStream targets = teachers.open(TargetRequest.topK(8, List.of(), TeacherExpectation.any()))) {
            targets.offer(TargetSequence.whole(0, tokens));
            Targets rows = targets.take();
            for (int row = 0; row < rows.rows(); row++) {
                int best = row * rows.columns().stride(); // entries stand in descending order of probability
                System.out.printf(
                        "after token %d at position %d: token %d with log-probability %.3f; the text's own %.3f%n",
                        tokens[rows.positions()[row]],
                        rows.positions()[row],
                        rows.columns().ids()[best],
                        rows.columns().logProbabilities()[best],
                        rows.columns().labelLogProbability()[row]);
            }
        }
    }

    private FirstRows() {}
}
