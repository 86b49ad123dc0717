package dev.lyne.student.evaluate;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lyne.client.TargetStream;
import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How much faster a student's error grows on text of its own than on its teacher's, by length (Arora et al., 2022, arXiv 2204.01171;
 * MiniLLM, arXiv 2306.08543): ExAccErr(l) = 100 (R(l) − l ε(l))/(l ε(l)) per cent, where R(l) is the sum over t ≤ l of KL(t‖s) on prefixes
 * that the student wrote, and ε(l) the mean of the same on prefixes that the teacher wrote.
 */
public final class ExposureBias {
    private static final int SHORTEST = 8;

    private ExposureBias() {}

    /**
     * Cost of a student's text of a length.
     *
     * @param length l, tokens
     * @param onOwn R(l), nats
     * @param onTeachers l ε(l), nats
     * @param excessPercent ExAccErr(l), per cent
     */
    public record At(
            int length,
            @JsonProperty("on_own_nats") double onOwn,
            @JsonProperty("on_teachers_nats") double onTeachers,
            @JsonProperty("excess_percent") double excessPercent) {}

    /**
     * At lengths of 8, 16, 32, … and the longest that both sides have, where the student errs on the teacher's texts at all.
     *
     * @param teacher a stream of the teacher's most probable tokens; the divergence is over them and one bucket of all others
     * @param onStudents texts with responses of the student's, whose positions are the responses'
     * @param onTeachers the same of the teacher's
     * @param maxTokens most tokens in one forward of the student, padding included
     */
    public static List<At> of(
            BatchScorer student, TargetStream teacher, List<Window> onStudents, List<Window> onTeachers, int maxTokens)
            throws InterruptedException {
        List<Window> all = new ArrayList<>(onStudents);
        all.addAll(onTeachers);
        PrefetchedRows rows = new PrefetchedRows(teacher, number -> all.get(Math.toIntExact(number)), all.size());
        List<double[]> divergences = new ArrayList<>();
        for (List<Window> batch : Evaluator.batches(all, maxTokens)) {
            divergences.addAll(Evaluator.divergences(student, batch, rows.next(batch)));
        }
        List<double[]> own = divergences.subList(0, onStudents.size());
        List<double[]> theirs = divergences.subList(onStudents.size(), all.size());
        int longest = Math.min(longest(own), longest(theirs));
        List<At> found = new ArrayList<>();
        for (int length = SHORTEST; length < longest; length *= 2) {
            addAt(found, own, theirs, length);
        }
        if (longest > 0) {
            addAt(found, own, theirs, longest);
        }
        return found;
    }

    /** A student that is its teacher has no error there to be in excess of. */
    private static void addAt(List<At> found, List<double[]> own, List<double[]> theirs, int length) {
        if (accumulated(theirs, length, "teachers") > 0) {
            found.add(at(own, theirs, length));
        }
    }

    private static int longest(List<double[]> texts) {
        return texts.stream().mapToInt(text -> text.length).max().orElse(0);
    }

    private static At at(List<double[]> onStudents, List<double[]> onTeachers, int length) {
        return new At(
                length,
                accumulated(onStudents, length, "students"),
                accumulated(onTeachers, length, "teachers"),
                excess(onStudents, onTeachers, length));
    }

    private static double accumulated(List<double[]> texts, int length, String whose) {
        return IntStream.range(0, length)
                .mapToDouble(t -> mean(texts, t, whose))
                .sum();
    }

    /**
     * The excess of accumulated error at that length, in per cent.
     *
     * @param onStudents KL(t‖s) of each token of responses that the student wrote, nats; shorter ones count as far as they go
     * @param onTeachers the same of responses that the teacher wrote
     * @param length l, 1 or more
     * @throws IllegalArgumentException where one side has no response that long, or the teacher's side no error
     */
    public static double excess(List<double[]> onStudents, List<double[]> onTeachers, int length) {
        double regret = accumulated(onStudents, length, "students");
        double expected = accumulated(onTeachers, length, "teachers");
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
