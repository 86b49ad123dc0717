package dev.lyne.student.rollout;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.evaluate.ResponseScores;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How good a student's responses to held-out prompts are.
 *
 * @param prompts how many it responded to
 * @param rougeL mean Rouge-L against what the text really goes on with, cut to the response's greatest length; 0 to 1
 * @param meanLength tokens of a response
 * @param ended share of responses that end with a stop token
 * @param distinct4 distinct 4-grams over all 4-grams of all responses
 */
public record ResponseEvaluation(
        int prompts,
        @JsonProperty("rouge_l") double rougeL,
        @JsonProperty("mean_length") double meanLength,
        double ended,
        @JsonProperty("distinct_4") double distinct4) {
    private static final int GRAM = 4;

    /**
     * Has responses written and scores them.
     *
     * @param maxTokens most tokens of a response
     */
    public static ResponseEvaluation of(ResponseWriter writer, List<Prompt> prompts, Tokenizer tokenizer, int maxTokens)
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
                    tokenizer.decode(Arrays.copyOf(reference, Math.min(reference.length, maxTokens))),
                    tokenizer.decode(tokens));
            length += tokens.length;
            ended += responses.get(i).ended() ? 1 : 0;
            all.add(tokens);
        }
        int count = responses.size();
        return new ResponseEvaluation(
                count, rouge / count, length / count, ended / count, ResponseScores.distinct(all, GRAM));
    }
}
