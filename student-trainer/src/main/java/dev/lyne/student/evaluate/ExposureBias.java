package dev.lyne.student.evaluate;

import java.util.List;

/**
 * How much faster a student's error grows on text of its own than on its teacher's, by length (Arora et al., 2022, arXiv 2204.01171;
 * MiniLLM, arXiv 2306.08543): ExAccErr(l) = 100 (R(l) − l ε(l))/(l ε(l)) per cent, where R(l) is the sum over t ≤ l of KL(t‖s) on prefixes
 * that the student wrote, and ε(l) the mean of the same on prefixes that the teacher wrote.
 */
public final class ExposureBias {
    private ExposureBias() {}

    /**
     * The excess of accumulated error at that length, in per cent.
     *
     * @param onStudents KL(t‖s) of each token of responses that the student wrote, nats; shorter ones count as far as they go
     * @param onTeachers the same of responses that the teacher wrote
     * @param length l, 1 or more
     * @throws IllegalArgumentException where one side has no response that long, or the teacher's side no error
     */
    public static double excess(List<double[]> onStudents, List<double[]> onTeachers, int length) {
        double regret = 0;
        double expected = 0;
        for (int t = 0; t < length; t++) {
            regret += mean(onStudents, t, "students");
            expected += mean(onTeachers, t, "teachers");
        }
        if (!(expected > 0)) {
            throw new IllegalArgumentException(
                    "KL(t||s) on text of the teacher: " + expected + " in all (expected: above 0)");
        }
        // l ε(l) is the sum itself: ε(l) is the mean over t ≤ l.
        return 100 * (regret - expected) / expected;
    }

    private static double mean(List<double[]> responses, int t, String whose) {
        double sum = 0;
        int count = 0;
        for (double[] response : responses) {
            if (t < response.length) {
                sum += response[t];
                count++;
            }
        }
        if (count == 0) {
            throw new IllegalArgumentException(
                    "length: " + (t + 1) + " (expected: at most the longest of the " + whose + "' responses)");
        }
        return sum / count;
    }
}
