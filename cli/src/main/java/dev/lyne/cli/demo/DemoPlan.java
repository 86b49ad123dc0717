package dev.lyne.cli.demo;

import dev.lyne.load.process.Home;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The demo's training: one student architecture twice, with the same seed, data, order and steps; the learning rate is
 * the best of the twin, which never meets the teacher.
 *
 * @param steps optimiser steps
 * @param batch windows a step
 * @param heldOutWindows held-out windows evaluated
 * @param evaluateEvery steps between evaluations
 * @param seed seed of initialisation and order
 */
record DemoPlan(int steps, int batch, int heldOutWindows, int evaluateEvery, long seed) {
    private static final int CONTEXT = 256;
    private static final String ALPHA = "0.9";
    private static final String LEARNING_RATE = "2e-3";
    private static final int WARMUP_DIVISOR = 20;

    static DemoPlan full(long seed) {
        return new DemoPlan(400, 8, 60, 50, seed);
    }

    static DemoPlan quick(long seed) {
        return new DemoPlan(24, 8, 12, 12, seed);
    }

    /** Arguments of {@code lyne train} for the student that learns from the teacher. */
    List<String> distilled(Path out, String teacher) {
        List<String> arguments = student("distilled", out);
        arguments.addAll(List.of("--alpha", ALPHA, "--teacher", teacher, "--top-k", "64"));
        return arguments;
    }

    /** Arguments of {@code lyne train} for its twin. */
    List<String> twin(Path out) {
        List<String> arguments = student("twin", out);
        arguments.addAll(List.of("--alpha", "0"));
        return arguments;
    }

    /** Returns the place of the tokenised text, for both students. */
    static Path tokens(Path out) {
        return out.resolve("tokens");
    }

    /** Arguments of {@code lyne train} that every student of the demo has, a new one. */
    List<String> student(String name, Path out) {
        Path example = Home.example();
        return new ArrayList<>(List.of(
                "train",
                "--name",
                name,
                "--out",
                out.resolve(name).toString(),
                "--student",
                example.resolve("student.config.json").toString(),
                "--tokenizer",
                Home.demoTeacher().toString(),
                "--corpus",
                Home.corpus().toString(),
                "--held-out",
                Home.heldOut().toString(),
                "--cache",
                tokens(out).toString(),
                "--context",
                Integer.toString(CONTEXT),
                "--batch",
                Integer.toString(batch),
                "--steps",
                Integer.toString(steps),
                "--learning-rate",
                LEARNING_RATE,
                "--warmup-steps",
                Integer.toString(Math.max(1, steps / WARMUP_DIVISOR)),
                "--evaluate-every",
                Integer.toString(evaluateEvery),
                "--held-out-windows",
                Integer.toString(heldOutWindows),
                "--seed",
                Long.toString(seed),
                "--threads",
                "1"));
    }
}
