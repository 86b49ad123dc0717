package dev.lyne.cli.demo;

import dev.lyne.load.process.Home;
import java.nio.file.Path;
import java.util.List;

/**
 * The on-policy demo's training: two students from the start that ships, which was trained on the text until that
 * taught it no more, for as many steps each: one goes on with the text, one trains on text that it writes with the
 * teacher.
 *
 * @param students what both have in common
 * @param responses held-out prompts that each responds to in the end
 */
record OnPolicyPlan(DemoPlan students, int responses) {
    private static final String RESPONSE_TOKENS = "96";
    private static final String PROMPT_TOKENS = "32";
    private static final String LEARNING_RATE = "1e-4";

    static OnPolicyPlan full(long seed) {
        return new OnPolicyPlan(new DemoPlan(64, 16, 60, 16, seed), 128);
    }

    static OnPolicyPlan quick(long seed) {
        return new OnPolicyPlan(new DemoPlan(8, 8, 12, 8, seed), 16);
    }

    /** Arguments of {@code lyne train} for the student that goes on with the text; the teacher is for its evaluation alone. */
    List<String> sft(Path out, String teacher) {
        List<String> arguments = student(OnPolicyDemo.SFT, out, teacher);
        arguments.addAll(List.of("--alpha", "0"));
        return arguments;
    }

    /** Arguments of {@code lyne train} for the student that writes with the teacher. */
    List<String> miniLlm(Path out, String teacher) {
        List<String> arguments = student(OnPolicyDemo.MINILLM, out, teacher);
        arguments.addAll(List.of(
                "--recipe",
                "minillm",
                "--rollouts",
                Integer.toString(4 * students.batch()),
                "--ppo-epochs",
                students.steps() < 16 ? "1" : "4"));
        return arguments;
    }

    private List<String> student(String name, Path out, String teacher) {
        List<String> arguments = students.student(name, out);
        arguments.set(arguments.indexOf("--student") + 1, Home.onPolicyStart().toString());
        arguments.set(arguments.indexOf("--learning-rate") + 1, LEARNING_RATE);
        arguments.addAll(List.of(
                "--teacher",
                teacher,
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
