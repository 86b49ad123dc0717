package dev.lyne.student.evaluate;

import com.fasterxml.jackson.annotation.JsonProperty;
import org.jspecify.annotations.Nullable;

/**
 * How well a model knows held-out text.
 *
 * @param tokens tokens predicted
 * @param nll negative log-likelihood, nats a token
 * @param perplexity e to that
 * @param accuracy share of tokens that are the model's most probable one
 * @param calibrationError expected calibration error of the most probable token, 15 bins of equal width (arXiv 1706.04599)
 * @param teacherAgreement share of positions where model and teacher find the same token most probable; null without a teacher
 * @param teacherKl mean of KL(teacher‖model), nats a token, over the tokens that the teacher's rows keep and one bucket of all others:
 *     never above the whole divergence, and it where the rows keep all; null without a teacher
 */
public record Evaluation(
        long tokens,
        double nll,
        double perplexity,
        double accuracy,
        @JsonProperty("calibration_error") double calibrationError,
        @JsonProperty("teacher_agreement") @Nullable Double teacherAgreement,
        @JsonProperty("teacher_kl") @Nullable Double teacherKl) {}
