package dev.lyne.student.rollout;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lyne.client.TargetStream;
import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.evaluate.Evaluator;
import dev.lyne.student.evaluate.ExposureBias;
import dev.lyne.student.evaluate.ResponseScores;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * How good a student's responses to held-out prompts are.
 *
 * @param prompts how many it responded to
 * @param rougeL mean Rouge-L against what the text really goes on with, cut to the response's greatest length; 0 to 1
 * @param meanLength tokens of a response
 * @param ended share of responses that end with a stop token
 * @param distinct4 distinct 4-grams over all 4-grams of all responses
 * @param calibrationError expected calibration error of its most probable tokens where the text really goes on, 0 to 1
 * @param exposureBias by length, against responses of the teacher's; empty without one
 */
public record ResponseEvaluation(
        int prompts,
        @JsonProperty("rouge_l") double rougeL,
        @JsonProperty("mean_length") double meanLength,
        double ended,
        @JsonProperty("distinct_4") double distinct4,
        @JsonProperty("calibration_error") double calibrationError,
        @JsonProperty("exposure_bias") List<ExposureBias.At> exposureBias) {
    private static final int GRAM = 4;

    public ResponseEvaluation {
        exposureBias = List.copyOf(exposureBias);
    }

    /**
     * Set-up of the measurement: what is measured, and with what.
     *
     * @param scorer the student
     * @param maxTokens most tokens of a response
     * @param contextLength most tokens of prompt and response
     * @param batchTokens most tokens in one forward of the student, padding included
     */
    public record Setup(BatchScorer scorer, Tokenizer tokenizer, int maxTokens, int contextLength, int batchTokens) {
        /** Prompts with what follows them, whose positions are those of what follows; without those where nothing does. */
        private List<Window> texts(List<Prompt> prompts, List<int[]> following) {
            List<Window> texts = new ArrayList<>();
            for (int i = 0; i < prompts.size(); i++) {
                Window text = prompts.get(i).with(following.get(i), contextLength);
                if (text.positions().length > 0) {
                    texts.add(text);
                }
            }
            return texts;
        }
    }

    /**
     * The teacher's part.
     *
     * @param texts its own responses
     * @param rows its most probable tokens
     */
    public record Teaching(TeacherTexts texts, TargetStream rows) {}

    /** Has responses written and scores them. */
    public static ResponseEvaluation of(
            ResponseWriter writer, List<Prompt> prompts, Setup setup, Optional<Teaching> teaching)
            throws InterruptedException {
        List<Response> responses = writer.write(prompts);
        double rouge = 0;
        double length = 0;
        double ended = 0;
        List<int[]> all = new ArrayList<>();
        for (int i = 0; i < responses.size(); i++) {
            int[] reference = prompts.get(i).reference();
            int[] tokens = responses.get(i).tokens();
            rouge += ResponseScores.rougeL(
                    setup.tokenizer().decode(Arrays.copyOf(reference, Math.min(reference.length, setup.maxTokens()))),
                    setup.tokenizer().decode(tokens));
            length += tokens.length;
            ended += responses.get(i).ended() ? 1 : 0;
            all.add(tokens);
        }
        int count = responses.size();
        List<int[]> references = prompts.stream().map(Prompt::reference).toList();
        return new ResponseEvaluation(
                count,
                rouge / count,
                length / count,
                ended / count,
                ResponseScores.distinct(all, GRAM),
                Evaluator.calibrationError(setup.scorer(), setup.texts(prompts, references), setup.batchTokens()),
                teaching.isPresent() ? exposure(prompts, all, setup, teaching.get()) : List.of());
    }

    private static List<ExposureBias.At> exposure(
            List<Prompt> prompts, List<int[]> responses, Setup setup, Teaching teaching) throws InterruptedException {
        List<int[]> theirs = teaching.texts().of(prompts, setup.maxTokens());
        return ExposureBias.of(
                setup.scorer(),
                teaching.rows(),
                setup.texts(prompts, responses),
                setup.texts(prompts, theirs),
                setup.batchTokens());
    }
}
