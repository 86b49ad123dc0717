package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.generation.CachedSequence;
import dev.lyne.lm.generation.Extension;
import dev.lyne.lm.generation.SequenceDecoder;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.row.DecodeItem;
import dev.lyne.row.DecodeOutcome;
import dev.lyne.row.Proposal;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Decoding many sequences at once against scoring them. */
final class DecodedLikeScoredTest {
    private static final ModelOptions FLOAT32 = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
    private static final long SEED = 41;
    private static final long ROOM = 64L << 20;

    @TempDir
    private Path directory;

    @TestFactory
    Stream<DynamicTest> extend_sequencesThatJoinAndLeave_logProbabilitiesAreThoseOfScoring() {
        return RandomModel.variants().entrySet().stream()
                .map(entry ->
                        DynamicTest.dynamicTest(entry.getKey(), () -> joinAndLeave(entry.getValue(), FLOAT32, 2e-5)));
    }

    @Test
    void extend_bfloat16_logProbabilitiesAreThoseOfScoringButForItsRounding() throws IOException {
        joinAndLeave(
                Objects.requireNonNull(RandomModel.variants().get("llama, grouped, all biases")),
                new ModelOptions("cpu", ComputePrecision.BFLOAT16, 0),
                0.15);
    }

    private void joinAndLeave(ModelConfiguration shape, ModelOptions options, double tolerance) throws IOException {
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        Random random = new Random(SEED);
        try (ScoringModel model = ScoringModel.load(directory, options, ScoringOptions.of(RandomModel.VOCABULARY));
                SequenceDecoder decoder = model.decoder(ROOM)) {
            List<Text> waiting = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                waiting.add(new Text(decoder, RandomModel.tokens(random, 2 + random.nextInt(i % 3 == 0 ? 180 : 40))));
            }
            List<Text> all = List.copyOf(waiting);
            List<Text> live = new ArrayList<>();
            while (!waiting.isEmpty() || !live.isEmpty()) {
                while (!waiting.isEmpty() && live.size() < 12) {
                    live.add(waiting.remove(0));
                }
                List<Text> chosen =
                        live.stream().filter(text -> random.nextInt(5) > 0).toList();
                List<Extension> step =
                        chosen.stream().map(text -> text.next(random)).toList();
                List<DecodeOutcome> outcomes = decoder.extend(step);
                for (int i = 0; i < step.size(); i++) {
                    chosen.get(i).take((DecodeOutcome.Answered) outcomes.get(i));
                }
                live.stream().filter(Text::isOver).forEach(text -> text.sequence.close());
                live.removeIf(Text::isOver);
            }
            assertThat(decoder.cacheBytes()).isZero();
            for (Text text : all) {
                RowColumns rows = rows(model, text.tokens);
                for (int t = 0; t < text.tokens.length - 1; t++) {
                    assertThat(text.found[t])
                            .as("position %d of %d, seed %d", t, text.tokens.length, SEED)
                            .isEqualTo(rows.labelLogProbability()[t], within(tolerance));
                }
            }
        }
    }

    /** A text that is decoded in stretches of any length. */
    private static final class Text {
        private final int[] tokens;
        private final double[] found;
        private final CachedSequence sequence;
        private int answered;

        Text(SequenceDecoder decoder, int[] tokens) {
            this.tokens = tokens;
            this.found = new double[tokens.length - 1];
            this.sequence = decoder.open(tokens.length);
        }

        boolean isOver() {
            return answered == found.length;
        }

        Extension next(Random random) {
            int from = sequence.length();
            int most = found.length - from;
            int count = random.nextInt(4) > 0 ? 1 : 1 + random.nextInt(most);
            return extension(sequence, tokens, from, from + count);
        }

        void take(DecodeOutcome.Answered answers) {
            System.arraycopy(answers.logProbabilities(), 0, found, answered, answers.ids().length);
            assertThat(answers.proposalLogProbabilities()).isEqualTo(answers.logProbabilities());
            answered += answers.ids().length;
        }
    }

    /** Tokens {@code from} to {@code to} of a text, each asked for the one after it. */
    private static Extension extension(CachedSequence sequence, int[] text, int from, int to) {
        return new Extension(
                sequence,
                new DecodeItem(
                        Arrays.copyOfRange(text, from, to),
                        Arrays.copyOfRange(text, from + 1, to + 1),
                        0,
                        Proposal.PLAIN));
    }

    @Test
    void extend_deterministic_bitsAreTheSameAloneAndInAnyCompany() throws IOException {
        ModelConfiguration shape = ModelConfiguration.llama(
                new ModelConfiguration.Sizes(RandomModel.VOCABULARY, 1024, 128, 2), 4, 2, 256, 10_000, false);
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        Random random = new Random(SEED);
        int[] text = RandomModel.tokens(random, 300);
        int prompt = 70;
        ScoringOptions options = new ScoringOptions(RandomModel.VOCABULARY, 64, true);
        try (ScoringModel model = ScoringModel.load(directory, FLOAT32, options);
                SequenceDecoder decoder = model.decoder(ROOM)) {
            double[] alone = decodeInTurns(decoder, text, prompt, List.of(), random);
            List<CachedSequence> company = new ArrayList<>();
            for (int i = 0; i < 9; i++) {
                company.add(decoder.open(30));
            }
            double[] together = decodeInTurns(decoder, text, prompt, company, random);
            company.forEach(CachedSequence::close);
            CachedSequence replayed = decoder.open(prompt);
            double[] atOnce = ((DecodeOutcome.Answered) decoder.extend(List.of(extension(replayed, text, 0, 299)))
                            .get(0))
                    .logProbabilities();
            replayed.close();
            assertThat(together).isEqualTo(alone);
            assertThat(atOnce).as("the prompt's own rows come along").endsWith(alone);
        }
    }

    /** Log-probabilities of the text behind the prompt, a few tokens a call, while others are decoded in the same calls. */
    private static double[] decodeInTurns(
            SequenceDecoder decoder, int[] text, int prompt, List<CachedSequence> company, Random random) {
        List<Double> found = new ArrayList<>();
        CachedSequence sequence = decoder.open(prompt);
        for (int from = 0; from < text.length - 1; ) {
            int to = from == 0 ? prompt : Math.min(from + 1 + random.nextInt(5), text.length - 1);
            List<Extension> step = new ArrayList<>();
            Extension own = extension(sequence, text, from, to);
            step.add(own);
            for (CachedSequence other : company) {
                int more = other.length() == 0 ? 30 : 1;
                int[] labels = new int[more];
                Arrays.fill(labels, DecodeItem.NOTHING);
                step.add(new Extension(
                        other, new DecodeItem(RandomModel.tokens(random, more), labels, 0, Proposal.PLAIN)));
            }
            double[] answers = ((DecodeOutcome.Answered) decoder.extend(step).get(0)).logProbabilities();
            int skipped = from == 0 ? prompt - 1 : 0;
            for (int i = skipped; i < answers.length; i++) {
                found.add(answers[i]);
            }
            from = to;
        }
        sequence.close();
        return found.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** One after another, a deterministic decoder has moved the first when the second throws. */
    @Test
    void extend_thatThrows_leavesEverySequenceAsItWas() throws IOException {
        ModelConfiguration shape = Objects.requireNonNull(RandomModel.variants().get("llama, tied"));
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        int[] text = RandomModel.tokens(new Random(SEED), 40);
        try (ScoringModel model =
                        ScoringModel.load(directory, FLOAT32, new ScoringOptions(RandomModel.VOCABULARY, 64, true));
                SequenceDecoder decoder = model.decoder(ROOM);
                CachedSequence replayed = decoder.open(20);
                CachedSequence first = decoder.open(20);
                CachedSequence second = decoder.open(20)) {
            decoder.extend(List.of(extension(replayed, text, 0, 20)));
            DecodeOutcome expected =
                    decoder.extend(List.of(extension(replayed, text, 20, 30))).get(0);
            decoder.extend(List.of(extension(first, text, 0, 20)));
            assertThatThrownBy(() ->
                            decoder.extend(List.of(extension(first, text, 20, 30), extension(second, text, 0, 10))))
                    .hasMessageContaining("the whole prompt of 20 at first");
            assertThat(first.length()).isEqualTo(20);
            assertThat(second.length()).isZero();
            List<DecodeOutcome> again =
                    decoder.extend(List.of(extension(first, text, 20, 30), extension(second, text, 0, 20)));
            assertThat(((DecodeOutcome.Answered) again.get(0)).logProbabilities())
                    .isEqualTo(((DecodeOutcome.Answered) expected).logProbabilities());
            assertThat(again.get(1)).isInstanceOf(DecodeOutcome.Answered.class);
        }
    }

    @Test
    void extend_draws_followTheProposal() throws IOException {
        try (ScoringModel model = tiny();
                SequenceDecoder decoder = model.decoder(ROOM)) {
            int[] prompt = {3, 9, 27};
            double[] row = wholeRow(model, prompt);
            for (Proposal proposal : List.of(
                    Proposal.PLAIN,
                    new Proposal(0.7, 1),
                    new Proposal(1, 0.6),
                    new Proposal(1.6, 0.9),
                    new Proposal(0, 1))) {
                double[] expected = proposed(row, proposal);
                int draws = 20_000;
                int[] counts = new int[row.length];
                Random random = new Random(SEED);
                for (int done = 0; done < draws; done += 200) {
                    List<Extension> step = new ArrayList<>();
                    for (int i = 0; i < 200; i++) {
                        step.add(new Extension(
                                decoder.open(3),
                                new DecodeItem(
                                        prompt,
                                        new int[] {DecodeItem.NOTHING, DecodeItem.NOTHING, DecodeItem.DRAW},
                                        random.nextDouble(),
                                        proposal)));
                    }
                    for (DecodeOutcome outcome : decoder.extend(step)) {
                        DecodeOutcome.Answered answered = (DecodeOutcome.Answered) outcome;
                        int id = answered.ids()[0];
                        counts[id]++;
                        assertThat(answered.logProbabilities()[0]).isEqualTo(row[id], within(1e-5));
                        assertThat(answered.proposalLogProbabilities()[0])
                                .isEqualTo(Math.log(expected[id]), within(2e-5));
                    }
                    step.forEach(extension -> extension.sequence().close());
                }
                assertThat(chiSquareDeviations(counts, expected, draws))
                        .as("%s, seed %d", proposal, SEED)
                        .isLessThan(3.1); // p > 0.001
            }
        }
    }

    @Test
    void extend_labelOutsideTheProposal_hasNoProbabilityUnderIt() throws IOException {
        try (ScoringModel model = tiny();
                SequenceDecoder decoder = model.decoder(ROOM)) {
            int[] prompt = {3, 9, 27};
            double[] row = wholeRow(model, prompt);
            double[] expected = proposed(row, new Proposal(1.3, 0.5));
            List<Extension> step = IntStream.range(0, row.length)
                    .mapToObj(id -> new Extension(
                            decoder.open(3),
                            new DecodeItem(
                                    prompt,
                                    new int[] {DecodeItem.NOTHING, DecodeItem.NOTHING, id},
                                    0,
                                    new Proposal(1.3, 0.5))))
                    .toList();
            List<DecodeOutcome> outcomes = decoder.extend(step);
            int outside = 0;
            for (int id = 0; id < row.length; id++) {
                double under = ((DecodeOutcome.Answered) outcomes.get(id)).proposalLogProbabilities()[0];
                if (expected[id] == 0) {
                    outside++;
                    assertThat(under).isEqualTo(Double.NEGATIVE_INFINITY);
                } else {
                    assertThat(under).isEqualTo(Math.log(expected[id]), within(2e-5));
                }
            }
            assertThat(outside).isBetween(10, row.length - 2);
        }
    }

    @Test
    void extend_beyondTheRoom_isRefusedAndTheRestGoesOn() throws IOException {
        try (ScoringModel model = tiny();
                SequenceDecoder decoder = model.decoder(70_000)) { // two slots of 64 positions, 512 bytes each
            List<CachedSequence> fitting = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                CachedSequence sequence = decoder.open(60);
                assertThat(extend(decoder, sequence, 60)).isInstanceOf(DecodeOutcome.Answered.class);
                fitting.add(sequence);
            }
            CachedSequence refused = decoder.open(60);
            assertThat(extend(decoder, refused, 60)).isInstanceOf(DecodeOutcome.NoRoom.class);
            assertThat(extend(decoder, fitting.get(0), 4)).isInstanceOf(DecodeOutcome.Answered.class);
            assertThat(extend(decoder, fitting.get(0), 1))
                    .as("grows to the next step")
                    .isInstanceOf(DecodeOutcome.NoRoom.class);
            assertThat(fitting.get(0).length()).isEqualTo(64);
            fitting.forEach(CachedSequence::close);
            assertThat(decoder.cacheBytes()).isZero();
            assertThat(extend(decoder, refused, 60)).isInstanceOf(DecodeOutcome.Answered.class);
            assertThatThrownBy(() -> decoder.open(1025)).hasMessageContaining("(expected: 1..context=1024)");
        }
    }

    @Test
    void extend_whereALargerSlotAloneIsFree_takesThat() throws IOException {
        try (ScoringModel model = tiny();
                SequenceDecoder decoder = model.decoder(140_000)) { // two slots of 128 positions, 512 bytes each
            List<CachedSequence> two = List.of(decoder.open(100), decoder.open(100));
            for (CachedSequence sequence : two) {
                assertThat(extend(decoder, sequence, 100)).isInstanceOf(DecodeOutcome.Answered.class);
            }
            CachedSequence shorter = decoder.open(10);
            assertThat(extend(decoder, shorter, 10)).isInstanceOf(DecodeOutcome.NoRoom.class);
            assertThat(shorter.bytes()).isZero();
            two.get(0).close();
            assertThat(extend(decoder, shorter, 10)).isInstanceOf(DecodeOutcome.Answered.class);
            assertThat(shorter.bytes()).isEqualTo(128 * 512);
            assertThat(two.get(0).bytes()).isZero();
        }
    }

    private static DecodeOutcome extend(SequenceDecoder decoder, CachedSequence sequence, int tokens) {
        int[] labels = new int[tokens];
        Arrays.fill(labels, DecodeItem.NOTHING);
        return decoder.extend(
                        List.of(new Extension(sequence, new DecodeItem(new int[tokens], labels, 0, Proposal.PLAIN))))
                .get(0);
    }

    private ScoringModel tiny() throws IOException {
        ModelConfiguration shape = Objects.requireNonNull(RandomModel.variants().get("llama, tied"));
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        return ScoringModel.load(directory, FLOAT32, ScoringOptions.of(RandomModel.VOCABULARY));
    }

    private static RowColumns rows(ScoringModel model, int[] tokens) {
        ScoreItem item = new ScoreItem(tokens, IntStream.range(0, tokens.length).toArray());
        ScoreOutcome outcome = model.score(List.of(item), RowContent.topK(RandomModel.VOCABULARY))
                .get(0);
        return ((ScoreOutcome.Scored) outcome).rows();
    }

    /** Log-probabilities after the text, by id. */
    private static double[] wholeRow(ScoringModel model, int[] text) {
        RowColumns rows = rows(model, text);
        double[] row = new double[RandomModel.VOCABULARY];
        for (int i = 0; i < row.length; i++) {
            int entry = (text.length - 1) * rows.stride() + i;
            row[rows.ids()[entry]] = rows.logProbabilities()[entry];
        }
        return row;
    }

    /** Returns a row under the proposal, computed the plain way. */
    private static double[] proposed(double[] row, Proposal proposal) {
        Integer[] order = IntStream.range(0, row.length).boxed().toArray(Integer[]::new);
        Arrays.sort(order, (a, b) -> Double.compare(row[b], row[a]));
        double[] weights = new double[row.length];
        if (proposal.temperature() == 0) {
            weights[order[0]] = 1;
            return weights;
        }
        double total = 0;
        for (double logProbability : row) {
            total += Math.exp(logProbability / proposal.temperature());
        }
        double reached = 0;
        for (int id : order) {
            if (reached >= proposal.topP() * total) {
                break;
            }
            weights[id] = Math.exp(row[id] / proposal.temperature());
            reached += weights[id];
        }
        for (int id = 0; id < weights.length; id++) {
            weights[id] /= reached;
        }
        return weights;
    }

    /** χ² over ids of at least 20 expected draws, the others together, in standard deviations above its mean (Wilson and Hilferty). */
    private static double chiSquareDeviations(int[] counts, double[] expected, int draws) {
        double rest = 0;
        double restExpected = 0;
        double sum = 0;
        int bins = 0;
        for (int id = 0; id < counts.length; id++) {
            double wanted = expected[id] * draws;
            if (wanted >= 20) {
                sum += (counts[id] - wanted) * (counts[id] - wanted) / wanted;
                bins++;
            } else {
                rest += counts[id];
                restExpected += wanted;
            }
        }
        if (restExpected >= 20) {
            sum += (rest - restExpected) * (rest - restExpected) / restExpected;
            bins++;
        } else {
            assertThat(rest).isLessThan(60);
        }
        if (bins == 1) {
            return sum;
        }
        double freedom = bins - 1;
        return (Math.cbrt(sum / freedom) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
    }
}
