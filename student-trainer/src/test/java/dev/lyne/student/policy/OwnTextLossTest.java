package dev.lyne.student.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.lyne.student.loss.BuiltInLoss;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.LossRun;
import dev.lyne.student.loss.OwnText;
import dev.lyne.student.policy.Advantages.Whitening;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Losses on text that the student wrote: against finite differences with draws, A, w and s_old frozen, and by enumerating all texts. */
final class OwnTextLossTest {
    private static final int VOCABULARY = 3;
    private static final double INFINITE = Double.POSITIVE_INFINITY;

    /** Rows of all positions of all texts, each with the text's probability as its weight. */
    private static final class Rows {
        final double[][] logits;
        final int[] labels;
        final Map<String, double[]> columns = new HashMap<>();
        final long[] ids;

        Rows(int count) {
            logits = new double[count][];
            labels = new int[count];
            ids = new long[count * VOCABULARY];
            for (String name : List.of(
                    "data_weight",
                    "distillation_weight",
                    "teacher_log_tail",
                    "own_text",
                    "policy_weight",
                    "policy_advantage",
                    "policy_old_log_prob",
                    "policy_proposal_log_prob",
                    "teacher_label_log_prob")) {
                columns.put(name, new double[count]);
            }
            columns.put("teacher_log_probs", new double[count * VOCABULARY]);
            Arrays.fill(column("teacher_log_tail"), Double.NEGATIVE_INFINITY);
        }

        private double[] column(String name) {
            return Objects.requireNonNull(columns.get(name), name);
        }

        void set(String name, int row, double value) {
            column(name)[row] = value;
        }

        /** The teacher's whole row, in descending order. */
        void teacher(int row, double[] logProbabilities) {
            int[] order = IntStream.range(0, VOCABULARY)
                    .boxed()
                    .sorted((a, b) -> Double.compare(logProbabilities[b], logProbabilities[a]))
                    .mapToInt(Integer::intValue)
                    .toArray();
            for (int i = 0; i < VOCABULARY; i++) {
                ids[row * VOCABULARY + i] = order[i];
                column("teacher_log_probs")[row * VOCABULARY + i] = logProbabilities[order[i]];
            }
        }

        LossRun.Result run(DistillationLoss loss) {
            return LossRun.of(loss, logits, labels, ids, columns, DataType.FLOAT64);
        }
    }

    private static DistillationLoss loss(BuiltInLoss own, OwnText.Policy policy) {
        return DistillationLoss.of(BuiltInLoss.FORWARD_KL).with(new OwnText(own, OptionalDouble.empty(), policy));
    }

    private static double[] logSoftmax(double[] logits) {
        double most = Arrays.stream(logits).max().orElseThrow();
        double lse = most
                + Math.log(Arrays.stream(logits).map(z -> Math.exp(z - most)).sum());
        return Arrays.stream(logits).map(z -> z - lse).toArray();
    }

    /** Both models' logits after every prefix of fewer than T tokens; a prefix's number is 1 before its digits in base V. */
    private record Models(double[][] student, double[][] teacher, int length) {
        static Models random(long seed, int length) {
            Random random = new Random(seed);
            int prefixes = 0;
            for (int t = 0; t < length; t++) {
                prefixes += (int) Math.pow(VOCABULARY, t);
            }
            double[][] student = new double[prefixes][];
            double[][] teacher = new double[prefixes][];
            for (int i = 0; i < prefixes; i++) {
                student[i] = random.doubles(VOCABULARY, -1.5, 1.5).toArray();
                teacher[i] = random.doubles(VOCABULARY, -1.5, 1.5).toArray();
            }
            return new Models(student, teacher, length);
        }

        /** Number of the prefix of t tokens of text number {@code text}. */
        int prefix(int text, int t) {
            int offset = 0;
            for (int i = 0; i < t; i++) {
                offset += (int) Math.pow(VOCABULARY, i);
            }
            return offset + text / (int) Math.pow(VOCABULARY, length - t);
        }

        int token(int text, int t) {
            return text / (int) Math.pow(VOCABULARY, length - t - 1) % VOCABULARY;
        }

        int texts() {
            return (int) Math.pow(VOCABULARY, length);
        }

        double logProbability(double[][] model, int text) {
            double sum = 0;
            for (int t = 0; t < length; t++) {
                sum += logSoftmax(model[prefix(text, t)])[token(text, t)];
            }
            return sum;
        }

        /** KL(s‖t) of whole texts. */
        double divergence() {
            double sum = 0;
            for (int text = 0; text < texts(); text++) {
                double s = logProbability(student, text);
                sum += Math.exp(s) * (s - logProbability(teacher, text));
            }
            return sum;
        }

        /** ∂KL(s‖t)/∂ the student's logits, by differences. */
        double[][] slopes() {
            double[][] slopes = new double[student.length][VOCABULARY];
            for (int p = 0; p < student.length; p++) {
                for (int j = 0; j < VOCABULARY; j++) {
                    double before = student[p][j];
                    student[p][j] = before + 1e-5;
                    double above = divergence();
                    student[p][j] = before - 1e-5;
                    slopes[p][j] = (above - divergence()) / 2e-5;
                    student[p][j] = before;
                }
            }
            return slopes;
        }

        /** The mean gradient of a loss over all texts, weighed by the student's probability of each. */
        double[][] mean(DistillationLoss loss, Advantages advantages, boolean singleStep) {
            Rows rows = new Rows(texts() * length);
            for (int text = 0; text < texts(); text++) {
                double weight = Math.exp(logProbability(student, text));
                double[] logRatios = new double[length];
                for (int t = 0; t < length; t++) {
                    int row = text * length + t;
                    double[] s = logSoftmax(student[prefix(text, t)]);
                    double[] teacherRow = logSoftmax(teacher[prefix(text, t)]);
                    int token = token(text, t);
                    logRatios[t] = teacherRow[token] - s[token];
                    rows.logits[row] = student[prefix(text, t)];
                    rows.labels[row] = token;
                    rows.teacher(row, teacherRow);
                    rows.set("own_text", row, 1);
                    rows.set("policy_weight", row, weight);
                    rows.set("distillation_weight", row, singleStep ? weight : 0);
                    rows.set("policy_old_log_prob", row, s[token]);
                    rows.set("policy_proposal_log_prob", row, s[token]);
                    rows.set("teacher_label_log_prob", row, teacherRow[token]);
                }
                double[] own = advantages.of(List.of(logRatios)).get(0);
                for (int t = 0; t < length; t++) {
                    rows.set("policy_advantage", text * length + t, own[t]);
                }
            }
            double[][] gradient = rows.run(loss).gradient();
            double[][] mean = new double[student.length][VOCABULARY];
            for (int text = 0; text < texts(); text++) {
                for (int t = 0; t < length; t++) {
                    for (int j = 0; j < VOCABULARY; j++) {
                        mean[prefix(text, t)][j] += gradient[text * length + t][j];
                    }
                }
            }
            return mean;
        }
    }

    private static void assertClose(double[][] found, double[][] expected, double tolerance) {
        for (int p = 0; p < expected.length; p++) {
            assertThat(found[p]).as("prefix " + p).containsExactly(expected[p], within(tolerance));
        }
    }

    @ParameterizedTest
    @CsvSource({"true, false, false", "false, true, false", "true, false, true", "false, true, true"})
    void miniLlm_allTextsWithoutMixingNormalisationWhiteningAndClip_isTheGradientOfReverseKl(
            boolean singleStep, boolean includesOwn, boolean weightInside) {
        Models models = Models.random(11, 3);
        Advantages advantages = new Advantages(includesOwn, true, 1, false, Whitening.NONE, 1, INFINITE);
        OwnText.Policy policy = new OwnText.ClippedRatio(INFINITE, weightInside, true);
        double[][] found = models.mean(loss(BuiltInLoss.REVERSE_KL, policy), advantages, singleStep);
        assertClose(found, models.slopes(), 1e-8);
    }

    @Test
    void miniLlm_ownRewardBesideTheSingleStepTerm_countsItTwice() {
        Models models = Models.random(11, 1);
        Advantages advantages = new Advantages(true, true, 1, false, Whitening.NONE, 1, INFINITE);
        double[][] found = models.mean(
                loss(BuiltInLoss.REVERSE_KL, new OwnText.ClippedRatio(INFINITE, true, false)), advantages, true);
        double[][] twice = Arrays.stream(models.slopes())
                .map(row -> Arrays.stream(row).map(x -> 2 * x).toArray())
                .toArray(double[][]::new);
        assertClose(found, twice, 1e-8);
    }

    @Test
    void k1AsAdvantage_allTokens_isTheGradientOfReverseKlOfTheirRows() {
        Models models = Models.random(12, 1);
        Advantages own = new Advantages(true, false, 1, false, Whitening.NONE, 1, INFINITE);
        double[][] found =
                models.mean(loss(BuiltInLoss.REVERSE_KL, new OwnText.ClippedRatio(INFINITE, true, false)), own, false);
        assertClose(found, models.slopes(), 1e-8);
    }

    @Test
    void k2AsLoss_allTokens_isTheGradientOfReverseKlOfTheirRows() {
        Models models = Models.random(13, 1);
        Advantages own = new Advantages(true, false, 1, false, Whitening.NONE, 1, INFINITE);
        double[][] found = models.mean(loss(BuiltInLoss.REVERSE_KL, new OwnText.SquaredLogRatio()), own, false);
        assertClose(found, models.slopes(), 1e-8);
    }

    @Test
    void k3AsLoss_allTokens_isTheGradientOfForwardKl() {
        Models models = Models.random(14, 1);
        Advantages own = new Advantages(true, false, 1, false, Whitening.NONE, 1, INFINITE);
        double[][] found = models.mean(loss(BuiltInLoss.REVERSE_KL, new OwnText.ForwardEstimator()), own, false);
        double[] s = logSoftmax(models.student()[0]);
        double[] t = logSoftmax(models.teacher()[0]);
        double[] forward = IntStream.range(0, VOCABULARY)
                .mapToDouble(j -> Math.exp(s[j]) - Math.exp(t[j]))
                .toArray();
        assertClose(found, new double[][] {forward}, 1e-10);
    }

    @Test
    void teacherMixed_allTokensWeighedByTheirProposal_isStillTheGradientOfReverseKl() {
        Models models = Models.random(15, 1);
        double[] s = logSoftmax(models.student()[0]);
        double[] t = logSoftmax(models.teacher()[0]);
        for (boolean inside : new boolean[] {true, false}) {
            Rows rows = new Rows(VOCABULARY);
            for (int token = 0; token < VOCABULARY; token++) {
                double proposal = new MixedProposal(.2).logProbability(t[token], s[token]);
                rows.logits[token] = models.student()[0];
                rows.labels[token] = token;
                rows.teacher(token, t);
                rows.set("own_text", token, 1);
                rows.set("policy_weight", token, Math.exp(proposal));
                rows.set("policy_advantage", token, t[token] - s[token]);
                rows.set("policy_old_log_prob", token, s[token]);
                rows.set("policy_proposal_log_prob", token, proposal);
                rows.set("teacher_label_log_prob", token, t[token]);
            }
            double[][] gradient = rows.run(
                            loss(BuiltInLoss.REVERSE_KL, new OwnText.ClippedRatio(INFINITE, inside, true)))
                    .gradient();
            double[] mean = IntStream.range(0, VOCABULARY)
                    .mapToDouble(j -> gradient[0][j] + gradient[1][j] + gradient[2][j])
                    .toArray();
            assertClose(new double[][] {mean}, models.slopes(), 1e-8);
        }
    }

    /** Ten draws of a mixture, each id as often as it has tenths: their sums over ten are the mean over all draws. */
    @ParameterizedTest
    @ValueSource(doubles = {0, .2})
    void estimators_everyDrawOfAMixture_areOfTheStudentsOwnDivergence(double mixing) {
        double[] s = {.6, .2, .2};
        double[] t = {.1, .7, .2};
        int[] tenths = mixing == 0 ? new int[] {6, 2, 2} : new int[] {5, 3, 2};
        double[] logS = Arrays.stream(s).map(Math::log).toArray();
        double[] logT = Arrays.stream(t).map(Math::log).toArray();
        Rows rows = new Rows(10);
        int row = 0;
        double divergence = 0;
        double squares = 0;
        for (int token = 0; token < VOCABULARY; token++) {
            divergence += s[token] * (logS[token] - logT[token]);
            squares += s[token] * Math.pow(logT[token] - logS[token], 2) / 2;
            double proposal = new MixedProposal(mixing).logProbability(logT[token], logS[token]);
            assertThat(Math.exp(proposal) * 10).isEqualTo(tenths[token], within(1e-12));
            for (int draw = 0; draw < tenths[token]; draw++, row++) {
                rows.logits[row] = logS.clone();
                rows.labels[row] = token;
                rows.teacher(row, logT);
                rows.set("own_text", row, 1);
                rows.set("policy_weight", row, .1);
                rows.set("policy_old_log_prob", row, logS[token]);
                rows.set("policy_proposal_log_prob", row, proposal);
                rows.set("teacher_label_log_prob", row, logT[token]);
            }
        }
        double[] sums =
                rows.run(loss(BuiltInLoss.REVERSE_KL, new OwnText.None())).sums();
        int k1 = 3 + OwnText.TERMS.indexOf("k1");
        assertThat(sums[k1] / 10).as("k1").isEqualTo(divergence, within(1e-9));
        assertThat(sums[k1 + 1] / 10).as("k2").isEqualTo(squares, within(1e-9));
        assertThat(sums[k1 + 2] / 10).as("k3").isEqualTo(divergence, within(1e-9));
    }

    @ParameterizedTest
    @ValueSource(strings = {"inside", "outside", "k2", "k3"})
    void policy_everyForm_hasTheSlopeOfItsValueWithTheRestFrozen(String form) {
        OwnText.Policy policy = switch (form) {
            case "inside" -> new OwnText.ClippedRatio(.2, true, false);
            case "outside" -> new OwnText.ClippedRatio(.2, false, false);
            case "k2" -> new OwnText.SquaredLogRatio();
            default -> new OwnText.ForwardEstimator();
        };
        DistillationLoss loss = loss(BuiltInLoss.REVERSE_KL, policy);
        Random random = new Random(21);
        int count = 40;
        Rows rows = new Rows(count);
        for (int row = 0; row < count; row++) {
            rows.logits[row] = random.doubles(VOCABULARY, -1, 1).toArray();
            rows.labels[row] = random.nextInt(VOCABULARY);
            double[] t = logSoftmax(random.doubles(VOCABULARY, -1, 1).toArray());
            rows.teacher(row, t);
            double s = logSoftmax(rows.logits[row])[rows.labels[row]];
            boolean own = row % 4 != 0;
            rows.set("own_text", row, own ? 1 : 0);
            rows.set("data_weight", row, own ? 0 : random.nextDouble());
            rows.set("distillation_weight", row, random.nextDouble());
            rows.set("policy_weight", row, random.nextDouble());
            rows.set("policy_advantage", row, random.nextDouble() * 4 - 2);
            rows.set("policy_old_log_prob", row, s + random.nextDouble() - .5);
            rows.set("policy_proposal_log_prob", row, s + random.nextDouble() - .5);
            rows.set("teacher_label_log_prob", row, t[rows.labels[row]]);
        }
        LossRun.Result result = rows.run(loss);
        assertThat(result.sums()).hasSize(3 + 5);
        if (policy instanceof OwnText.ClippedRatio) {
            assertThat(result.sums()[7]).as("rows that are clipped").isBetween(1.0, 29.0);
        }
        for (int row = 0; row < count; row++) {
            for (int j = 0; j < VOCABULARY; j++) {
                double before = rows.logits[row][j];
                rows.logits[row][j] = before + 1e-5;
                double above = rows.run(loss).sums()[0];
                rows.logits[row][j] = before - 1e-5;
                double slope = (above - rows.run(loss).sums()[0]) / 2e-5;
                rows.logits[row][j] = before;
                assertThat(result.gradient()[row][j])
                        .as("row " + row + ", id " + j)
                        .isEqualTo(slope, within(1e-7 * (1 + Math.abs(slope))));
            }
        }
    }
}
