package dev.lyne.student.train;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.Targets;
import dev.lyne.lm.training.Column;
import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import dev.lyne.student.loss.BucketReference;
import dev.lyne.student.loss.BuiltInLoss;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.LossRun;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.TargetBlock;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Losses at a temperature, from a block to the script, against the bucketed loss of whole logits in 64 bits: kept ids and one tail, each
 * the sum of what it has at that temperature.
 */
final class TemperedLossTest {
    private static final long SEED = 20_261_129;
    private static final int VOCABULARY = 400;
    private static final int ROWS = 40;
    private static final int K = 16;
    private static final double LAMBDA = 0.4;

    private final double[][] teacher = gaussians(SEED);
    private final double[][] student = gaussians(SEED + 1);

    private static double[][] gaussians(long seed) {
        Random random = new Random(seed);
        double[][] rows = new double[ROWS][VOCABULARY];
        for (double[] row : rows) {
            Arrays.setAll(row, i -> 3 * random.nextGaussian());
        }
        return rows;
    }

    static List<Arguments> cases() {
        return Stream.of(
                        BuiltInLoss.FORWARD_KL,
                        BuiltInLoss.REVERSE_KL,
                        BuiltInLoss.JSD,
                        BuiltInLoss.SKEW_FORWARD_KL,
                        BuiltInLoss.SKEW_REVERSE_KL,
                        BuiltInLoss.AKL,
                        BuiltInLoss.TAID)
                .flatMap(loss -> Stream.of(0.25f, 0.5f, 2f).map(temperature -> Arguments.of(loss, temperature)))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void loss_exactRows_isTheBucketedLossOfWholeLogits(BuiltInLoss loss, float temperature) {
        double expected = reference(loss, temperature);
        assertThat(loss(loss, OptionalDouble.empty(), temperature, Precision.EXACT))
                .isEqualTo(expected, within(1e-4 * expected));
    }

    /** A kept log-probability at the temperature is within 0.1 nats and a tail within 0.05, with signs that are as good as random. */
    @ParameterizedTest
    @MethodSource("cases")
    void loss_compactRows_isWithinWhatTheirBoundsImply(BuiltInLoss loss, float temperature) {
        double expected = reference(loss, temperature);
        double allowed = loss == BuiltInLoss.AKL
                ? 0.1
                : 0.02; // where a mass falls on the edge of the head, its weight changes sides
        assertThat(loss(loss, OptionalDouble.empty(), temperature, Precision.COMPACT))
                .isEqualTo(expected, within(allowed + 0.005 * expected));
    }

    /** A head of 1 is all of the row, whatever its masses sum to in 32 bits. */
    @Test
    void akl_headOfOne_isForwardKl() {
        for (float temperature : new float[] {0.5f, 1.5f}) {
            double forward = loss(BuiltInLoss.FORWARD_KL, OptionalDouble.empty(), temperature, Precision.COMPACT);
            assertThat(loss(BuiltInLoss.AKL, OptionalDouble.of(1), temperature, Precision.COMPACT))
                    .isEqualTo(forward, within(1e-6 * forward));
        }
    }

    /** The mean over the rows. */
    private double loss(BuiltInLoss loss, OptionalDouble parameter, float temperature, Precision precision) {
        Map<String, Column> columns = new TargetColumns(temperature)
                .of(List.of(Optional.of(targets(temperature, precision))), new int[] {ROWS});
        double[] ones = new double[ROWS];
        Arrays.fill(ones, 1);
        double[] lambda = new double[ROWS];
        Arrays.fill(lambda, LAMBDA);
        Map<String, double[]> named =
                new HashMap<>(Map.of("data_weight", new double[ROWS], "distillation_weight", ones));
        for (String name : List.of("teacher_log_probs", "teacher_weights", "teacher_log_tail")) {
            named.put(name, doubles(columns, name));
        }
        named.put("taid_lambda", lambda);
        DistillationLoss script = new DistillationLoss(loss, Optional.empty(), parameter, false, temperature, false);
        long[] ids = ((Column.Longs) requireNonNull(columns.get("teacher_ids"))).values();
        return LossRun.of(script, student, new int[ROWS], ids, named, DataType.FLOAT32)
                        .sums()[2]
                / ROWS;
    }

    private static double[] doubles(Map<String, Column> columns, String name) {
        float[] values = ((Column.Floats) requireNonNull(columns.get(name))).values();
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }

    /** Rows as a student has them, by way of a block. */
    private Targets targets(float temperature, Precision precision) {
        Selection selection = new Selection.TopK(K, List.of(temperature));
        RowColumns columns = new RowColumns(
                K,
                new int[ROWS],
                new int[ROWS * K],
                new float[ROWS * K],
                new float[ROWS],
                new float[ROWS],
                new float[ROWS],
                new float[ROWS],
                new int[0],
                new float[0],
                new float[0]);
        for (int row = 0; row < ROWS; row++) {
            double[] plain = BucketReference.logSoftmax(teacher[row], 1);
            double[] tempered = BucketReference.logSoftmax(teacher[row], temperature);
            int[] kept = kept(row);
            columns.counts()[row] = K;
            for (int i = 0; i < K; i++) {
                columns.ids()[row * K + i] = kept[i];
                columns.logProbabilities()[row * K + i] = (float) plain[kept[i]];
            }
            columns.logTailMass()[row] = (float) Math.log(buckets(plain, kept)[K]);
            columns.labelLogProbability()[row] = (float) plain[0];
            columns.temperatureOffsets()[row] = (float) (tempered[0] - plain[0] / temperature);
            columns.temperedLogTails()[row] = (float) Math.log(buckets(tempered, kept)[K]);
        }
        int[] positions = IntStream.range(0, ROWS).toArray();
        BlockHeader header = new BlockHeader(
                VOCABULARY, selection, precision, false, new byte[32], new byte[16], new byte[16], positions);
        TargetBlock block = BlockDecoder.decode(ByteBuffer.wrap(BlockEncoder.encode(header, columns, 0)));
        return new Targets(
                TargetSequence.whole(0, new int[ROWS + 1]),
                new RowColumns(
                        K,
                        columns.counts(),
                        block.ids(),
                        block.logProbabilities(),
                        block.logTailMass(),
                        block.labelLogProbability(),
                        block.temperatureOffsets(),
                        block.temperedLogTails(),
                        new int[0],
                        new float[0],
                        new float[0]),
                selection.temperatures(),
                Map.of(),
                0,
                List.of(),
                0);
    }

    private int[] kept(int row) {
        return IntStream.range(0, VOCABULARY)
                .boxed()
                .sorted((a, b) -> Double.compare(teacher[row][b], teacher[row][a]))
                .mapToInt(id -> id)
                .limit(K)
                .toArray();
    }

    /** Masses of the kept ids, and of all others together. */
    private static double[] buckets(double[] logProbabilities, int[] kept) {
        double[] buckets = new double[K + 1];
        for (int id = 0; id < VOCABULARY; id++) {
            int bucket = K;
            for (int i = 0; i < K; i++) {
                bucket = kept[i] == id ? i : bucket;
            }
            buckets[bucket] += Math.exp(logProbabilities[id]);
        }
        return buckets;
    }

    private double reference(BuiltInLoss loss, float temperature) {
        double sum = 0;
        for (int row = 0; row < ROWS; row++) {
            int[] kept = kept(row);
            double[] t = buckets(BucketReference.logSoftmax(teacher[row], temperature), kept);
            double[] s = buckets(BucketReference.logSoftmax(student[row], temperature), kept);
            sum += divergence(loss, t, s);
        }
        return sum / ROWS;
    }

    private static double divergence(BuiltInLoss loss, double[] t, double[] s) {
        return switch (loss) {
            case FORWARD_KL -> kl(t, s);
            case REVERSE_KL -> kl(s, t);
            case JSD -> (kl(t, mixed(0.5, t, s)) + kl(s, mixed(0.5, t, s))) / 2;
            case SKEW_FORWARD_KL -> kl(t, mixed(0.1, t, s));
            case SKEW_REVERSE_KL -> kl(s, mixed(0.1, s, t));
            case AKL -> {
                double cumulative = 0;
                double head = 0;
                double all = 0;
                for (int b = 0; b < t.length; b++) {
                    cumulative += t[b];
                    head += b == 0 || cumulative <= 0.5 + 1e-6 ? Math.abs(t[b] - s[b]) : 0;
                    all += Math.abs(t[b] - s[b]);
                }
                yield head / all * kl(t, s) + (1 - head / all) * kl(s, t);
            }
            case TAID -> {
                double[] p = new double[t.length];
                for (int b = 0; b < p.length; b++) {
                    p[b] = Math.pow(s[b], 1 - LAMBDA) * Math.pow(t[b], LAMBDA);
                }
                double all = Arrays.stream(p).sum();
                yield kl(Arrays.stream(p).map(mass -> mass / all).toArray(), s);
            }
            default -> throw new IllegalArgumentException(loss.key());
        };
    }

    private static double[] mixed(double share, double[] first, double[] second) {
        double[] mixed = new double[first.length];
        Arrays.setAll(mixed, b -> share * first[b] + (1 - share) * second[b]);
        return mixed;
    }

    private static double kl(double[] p, double[] q) {
        double sum = 0;
        for (int b = 0; b < p.length; b++) {
            sum += p[b] > 0 ? p[b] * Math.log(p[b] / q[b]) : 0;
        }
        return sum;
    }
}
