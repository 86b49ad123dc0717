package dev.lyne.cli.demo;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What the on-policy demo trains: a start on the text alone, and from there two students, for as many steps each: one goes on with the text, one
 * trains on text that it writes with the teacher.
 *
 * @param start the start
 * @param steps optimiser steps after it
 * @param batch windows of text, or responses, a step
 * @param responses held-out prompts that each responds to in the end
 */
record OnPolicyPlan(DemoPlan start, int steps, int batch, int responses) {
    private static final String RESPONSE_TOKENS = "64";
    private static final String PROMPT_TOKENS = "32";
    private static final String LEARNING_RATE = "3e-4";

    static OnPolicyPlan full(long seed) {
        return new OnPolicyPlan(new DemoPlan(160, 8, 60, 80, seed), 48, 8, 128);
    }

    static OnPolicyPlan quick(long seed) {
        return new OnPolicyPlan(new DemoPlan(24, 8, 12, 12, seed), 4, 8, 16);
    }

    /** Arguments of {@code lyne train} for the start. */
    List<String> beginning(Path out) {
        List<String> arguments = start.student(OnPolicyDemo.START, out);
        arguments.addAll(List.of("--alpha", "0"));
        return arguments;
    }

    /** Arguments of {@code lyne train} for the student that goes on with the text. */
    List<String> sft(Path out) {
        List<String> arguments = next(OnPolicyDemo.SFT, out);
        arguments.addAll(List.of("--alpha", "0"));
        return arguments;
    }

    /** Arguments of {@code lyne train} for the student that writes with the teacher. */
    List<String> miniLlm(Path out, String teacher) {
        List<String> arguments = next(OnPolicyDemo.MINILLM, out);
        arguments.addAll(List.of(
                "--recipe",
                "minillm",
                "--teacher",
                teacher,
                "--rollouts",
                Integer.toString(4 * batch),
                "--ppo-epochs",
                "2"));
        return arguments;
    }

    private List<String> next(String name, Path out) {
        List<String> arguments = new ArrayList<>(
                new DemoPlan(steps, batch, start.heldOutWindows(), steps, start.seed()).student(name, out));
        arguments.set(
                arguments.indexOf("--student") + 1,
                out.resolve(OnPolicyDemo.START + "/model").toString());
        arguments.set(arguments.indexOf("--learning-rate") + 1, LEARNING_RATE);
        arguments.addAll(List.of(
                "--schedule",
                "constant",
                "--prompt-tokens",
                PROMPT_TOKENS,
                "--response-tokens",
                RESPONSE_TOKENS,
                "--evaluate-responses",
                Integer.toString(responses)));
        return arguments;
    }
}
