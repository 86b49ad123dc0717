package dev.lyne.student.loss;

import dev.lyne.student.loss.BucketReference.Row;
import java.util.Arrays;

/**
 * Every loss in 64 bits, written straight from its definition over distributions that are spelled out, without buckets' gradients,
 * log-domain tricks or anything else that the scripts do. What no gradient flows through is taken from logits of its own.
 */
final class LossReference {
    private LossReference() {}

    /** A row's whole loss. {@code logits} vary; {@code detached} are where the derivative is taken. */
    static double loss(DistillationLoss loss, LossBatch batch, int row, double[] logits, double[] detached) {
        double tau = loss.studentTemperature();
        double data = batch.dataWeights()[row] * BucketReference.crossEntropy(logits, batch.labels()[row]);
        if (batch.weights()[row] == 0) {
            return data;
        }
        double scale = loss.temperatureSquared() ? tau * tau : 1;
        return data + batch.weights()[row] * scale * divergence(loss, batch, row, logits, detached);
    }

    /** The distillation loss alone, unweighted. */
    static double divergence(DistillationLoss loss, LossBatch batch, int row, double[] logits, double[] detached) {
        Row teacher = batch.rows()[row];
        int label = batch.labels()[row];
        if (teacher.ids().length == 0) {
            return 0;
        }
        if (loss.loss().needsLogits()) {
            return squaredDifference(teacher, batch.rawLogits()[row], logits, loss.studentTemperature());
        }
        double[] s = softmax(logits, loss.studentTemperature());
        double[] frozen = softmax(detached, loss.studentTemperature());
        if (loss.drawn()) {
            return drawn(loss.loss(), teacher, batch.shares()[row], s);
        }
        MissingMass missing = loss.missing().orElseThrow();
        double[] t = target(teacher, missing, logits.length, label);
        double[] sb = student(s, teacher, missing);
        double[] fb = student(frozen, teacher, missing);
        if (loss.loss() == BuiltInLoss.DECOUPLED_TOP_K || loss.loss() == BuiltInLoss.DECOUPLED_TOP_K_UNWEIGHTED) {
            return decoupled(loss, t, sb, teacher.ids().length);
        }
        double value = of(loss, t, sb, fb, batch.lambda());
        if (loss.loss() != BuiltInLoss.SLIM) {
            return value;
        }
        double ty = Math.exp(batch.teacherLabelLogProb(row));
        double sy = Math.max(1e-9, softmax(detached, 1)[label]);
        return value * (1 - Math.exp(-(loss.parameter().orElseThrow() > 0 ? ty / sy : sy / ty)));
    }

    /** Shares of draws in the place of probabilities wherever these stand outside a logarithm. */
    private static double drawn(Loss loss, Row teacher, double[] shares, double[] s) {
        double sum = 0;
        for (int i = 0; i < shares.length; i++) {
            double logT = loss == BuiltInLoss.FORWARD_KL ? teacher.logProbabilities()[i] : 0;
            sum += shares[i] * (logT - Math.log(s[teacher.ids()[i]]));
        }
        return sum;
    }

    private static double of(DistillationLoss loss, double[] t, double[] s, double[] frozen, double lambda) {
        double number = loss.parameter().orElse(0);
        return switch ((BuiltInLoss) loss.loss()) {
            case FORWARD_KL -> kl(t, s);
            case REVERSE_KL -> kl(s, t);
            case JSD ->
                number == 0
                        ? kl(t, s)
                        : number == 1
                                ? kl(s, t)
                                : number * kl(t, mix(number, t, s)) + (1 - number) * kl(s, mix(number, t, s));
            case SKEW_FORWARD_KL -> kl(t, mix(number, t, s));
            case SKEW_REVERSE_KL -> kl(s, mix(number, s, t));
            case TOTAL_VARIATION -> {
                double sum = 0;
                for (int b = 0; b < t.length; b++) {
                    sum += Math.abs(t[b] - s[b]) / 2;
                }
                yield sum;
            }
            case SOFT_CROSS_ENTROPY, SLIM, RANDOM_SAMPLING -> crossEntropy(t, s);
            case AKL -> akl(t, s, frozen, number);
            case TAID -> kl(between(t, frozen, lambda), s);
            case MSE_LOGITS, DECOUPLED_TOP_K, DECOUPLED_TOP_K_UNWEIGHTED ->
                throw new IllegalArgumentException("no buckets");
        };
    }

    /** Of the masses, then of the kept ids, each side raised to 1/τ and made to sum to 1. */
    private static double decoupled(DistillationLoss loss, double[] t, double[] s, int kept) {
        double[] masses = masses(t, kept);
        double tau = loss.parameter().orElseThrow();
        double weight = loss.loss() == BuiltInLoss.DECOUPLED_TOP_K ? masses[0] : 1;
        return kl(masses, masses(s, kept)) + weight * kl(within(t, kept, tau), within(s, kept, tau));
    }

    private static double[] masses(double[] p, int kept) {
        double in = Arrays.stream(p, 0, kept).sum();
        return new double[] {in, Arrays.stream(p, kept, p.length).sum()};
    }

    private static double[] within(double[] p, int kept, double tau) {
        double[] raised =
                Arrays.stream(p, 0, kept).map(x -> Math.pow(x, 1 / tau)).toArray();
        double sum = Arrays.stream(raised).sum();
        return Arrays.stream(raised).map(x -> x / sum).toArray();
    }

    /** The teacher over ids, or over kept ids and a tail, or over kept ids. */
    private static double[] target(Row row, MissingMass missing, int vocabulary, int label) {
        double[] kept = Arrays.stream(row.logProbabilities()).map(Math::exp).toArray();
        double sum = Arrays.stream(kept).sum();
        double tail = Math.exp(row.logTail());
        int k = kept.length;
        if (missing == MissingMass.BOTH_RENORMALISED) {
            return Arrays.stream(kept).map(p -> p / sum).toArray();
        }
        if (missing == MissingMass.TAIL_BUCKET) {
            double[] buckets = Arrays.copyOf(kept, k < vocabulary ? k + 1 : k);
            if (k < vocabulary) {
                buckets[k] = tail;
            }
            return buckets;
        }
        double[] all = new double[vocabulary];
        if (missing == MissingMass.UNIFORM) {
            Arrays.fill(all, tail / (vocabulary - k));
        }
        for (int i = 0; i < k; i++) {
            all[row.ids()[i]] = missing == MissingMass.RENORMALISED ? kept[i] / sum : kept[i];
        }
        if (missing == MissingMass.RESIDUAL_TO_GOLD) {
            all[label] += tail;
        }
        return all;
    }

    /** The student over the same. */
    private static double[] student(double[] s, Row row, MissingMass missing) {
        if (missing != MissingMass.BOTH_RENORMALISED && missing != MissingMass.TAIL_BUCKET) {
            return s;
        }
        double[] kept = Arrays.stream(row.ids()).mapToDouble(id -> s[id]).toArray();
        double sum = Arrays.stream(kept).sum();
        if (missing == MissingMass.BOTH_RENORMALISED) {
            return Arrays.stream(kept).map(p -> p / sum).toArray();
        }
        double[] buckets = Arrays.copyOf(kept, kept.length < s.length ? kept.length + 1 : kept.length);
        if (kept.length < s.length) {
            boolean[] in = new boolean[s.length];
            Arrays.stream(row.ids()).forEach(id -> in[id] = true);
            for (int j = 0; j < s.length; j++) {
                buckets[kept.length] += in[j] ? 0 : s[j];
            }
        }
        return buckets;
    }

    private static double akl(double[] t, double[] s, double[] frozen, double head) {
        double cumulative = 0;
        double inHead = 0;
        double whole = 0;
        for (int b = 0; b < t.length; b++) { // in descending order, the tail last
            cumulative += t[b];
            double gap = Math.abs(t[b] - frozen[b]);
            whole += gap;
            inHead += b == 0 || head == 1 || cumulative <= head + 1e-6 ? gap : 0;
        }
        return whole == 0 ? 0 : inHead / whole * kl(t, s) + (whole - inHead) / whole * kl(s, t);
    }

    private static double[] between(double[] t, double[] s, double lambda) {
        double[] p = new double[t.length];
        double sum = 0;
        for (int b = 0; b < t.length; b++) {
            p[b] = Math.pow(s[b], 1 - lambda) * Math.pow(t[b], lambda);
            sum += p[b];
        }
        double whole = sum;
        return Arrays.stream(p).map(x -> x / whole).toArray();
    }

    private static double squaredDifference(Row row, double[] teacher, double[] student, double temperature) {
        double meanTeacher = 0;
        double meanStudent = 0;
        for (int id : row.ids()) {
            meanTeacher += teacher[id] / row.ids().length;
            meanStudent += student[id] / temperature / row.ids().length;
        }
        double sum = 0;
        for (int id : row.ids()) {
            double difference = student[id] / temperature - meanStudent - (teacher[id] - meanTeacher);
            sum += difference * difference / row.ids().length;
        }
        return sum;
    }

    private static double[] softmax(double[] logits, double temperature) {
        return Arrays.stream(BucketReference.logSoftmax(logits, temperature))
                .map(Math::exp)
                .toArray();
    }

    private static double[] mix(double weight, double[] first, double[] second) {
        double[] mixed = new double[first.length];
        for (int b = 0; b < mixed.length; b++) {
            mixed[b] = weight * first[b] + (1 - weight) * second[b];
        }
        return mixed;
    }

    private static double crossEntropy(double[] p, double[] q) {
        double sum = 0;
        for (int b = 0; b < p.length; b++) {
            sum -= p[b] > 0 ? p[b] * Math.log(q[b]) : 0;
        }
        return sum;
    }

    private static double kl(double[] p, double[] q) {
        double sum = 0;
        for (int b = 0; b < p.length; b++) {
            sum += p[b] > 0 ? p[b] * Math.log(p[b] / q[b]) : 0;
        }
        return sum;
    }
}
