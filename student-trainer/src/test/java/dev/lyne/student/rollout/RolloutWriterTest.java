package dev.lyne.student.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.generation.CachedSequence;
import dev.lyne.lm.generation.Extension;
import dev.lyne.lm.generation.SequenceDecoder;
import dev.lyne.row.DecodeItem;
import dev.lyne.row.DecodeOutcome;
import dev.lyne.row.Proposal;
import dev.lyne.student.rollout.RolloutWriter.Mixture;
import dev.lyne.wire.draw.SeededUniforms;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Writing with models that have one distribution after every even token, and another after every odd one. */
final class RolloutWriterTest {
    private static final double[][] STUDENT = {{.7, .1, .1, .1}, {.25, .25, .25, .25}};
    private static final double[][] TEACHER = {{.1, .1, .1, .7}, {.1, .6, .2, .1}};
    private static final int STOP = 3;
    private static final long SEED = 5;

    private static int draw(double[] p, double uniform) {
        double sum = 0;
        for (int id = 0; id < p.length; id++) {
            sum += p[id];
            if (uniform < sum) {
                return id;
            }
        }
        return p.length - 1;
    }

    /** A student with so much room, one position a token; or by powers of two, where what grows is held twice as it moves. */
    private static final class Student implements SequenceDecoder {
        private final int room;
        private final boolean moves;
        private final List<Integer> batches = new ArrayList<>();
        private int held;
        int mostTogether;

        Student(int room) {
            this(room, false);
        }

        Student(int room, boolean moves) {
            this.room = room;
            this.moves = moves;
        }

        private int positions(int length) {
            return moves && length > 1 ? Integer.highestOneBit(length - 1) * 2 : length;
        }

        private final class Sequence implements CachedSequence {
            private int length;

            @Override
            public int length() {
                return length;
            }

            @Override
            public long bytes() {
                return positions(length);
            }

            @Override
            public void close() {
                held -= positions(length);
                length = 0;
            }
        }

        @Override
        public CachedSequence open(int promptTokens) {
            return new Sequence();
        }

        @Override
        public List<DecodeOutcome> extend(List<Extension> extensions) {
            mostTogether = Math.max(mostTogether, extensions.size());
            batches.add(extensions.size());
            List<DecodeOutcome> all = new ArrayList<>();
            for (Extension extension : extensions) {
                Sequence sequence = (Sequence) extension.sequence();
                int more = extension.item().tokens().length;
                int before = positions(sequence.length);
                int after = positions(sequence.length + more);
                boolean moving = moves && before > 0 && after > before;
                if (held + after - (moving ? 0 : before) > room) {
                    all.add(new DecodeOutcome.NoRoom(more));
                    continue;
                }
                held += after - before;
                sequence.length += more;
                double[] p = STUDENT[extension.item().tokens()[more - 1] % 2];
                int label = extension.item().labels()[more - 1];
                int id = label == DecodeItem.DRAW ? draw(p, extension.item().uniform()) : label;
                double[] log = {Math.log(p[id])};
                all.add(new DecodeOutcome.Answered(new int[] {id}, log, log));
            }
            return all;
        }

        @Override
        public long cacheBytes() {
            return held;
        }

        @Override
        public void close() {
            assertThat(held).as("positions held at the end").isZero();
        }
    }

    /** A teacher that answers only when it is waited for, or at once. */
    private static final class Teacher implements TeacherDraws {
        private final Deque<Answer> answers = new ArrayDeque<>();
        private final Map<Long, List<Integer>> texts = new HashMap<>();
        private final Map<Long, Integer> prompts = new HashMap<>();
        private boolean eager;
        int drawn;

        @Override
        public void begin(long key, int[] prompt) {
            texts.put(key, new ArrayList<>(Arrays.stream(prompt).boxed().toList()));
            prompts.put(key, prompt.length);
        }

        @Override
        public void tell(long key, int[] taken, boolean draw) {
            List<Integer> text = Objects.requireNonNull(texts.get(key));
            List<Double> told = new ArrayList<>();
            for (int token : taken) {
                told.add(Math.log(TEACHER[text.get(text.size() - 1) % 2][token]));
                text.add(token);
            }
            Optional<Integer> id = Optional.empty();
            if (draw) {
                double[] p = TEACHER[text.get(text.size() - 1) % 2];
                int step = text.size() - Objects.requireNonNull(prompts.get(key));
                id = Optional.of(draw(p, SeededUniforms.TEACHER_DRAW.at(SEED, key, step)));
                told.add(Math.log(p[id.get()]));
                text.add(id.get());
                drawn++;
            }
            answers.add(new Answer(
                    key, told.stream().mapToDouble(Double::doubleValue).toArray(), id, false));
        }

        @Override
        public void end(long key, int[] taken) {
            if (taken.length > 0) {
                tell(key, taken, false);
            }
            texts.remove(key);
            answers.add(new Answer(key, new double[0], Optional.empty(), true));
        }

        @Override
        public Optional<Answer> poll() {
            return eager ? Optional.ofNullable(answers.poll()) : Optional.empty();
        }

        @Override
        public Answer take() {
            return answers.remove();
        }

        @Override
        public void close() {}
    }

    private static RolloutWriter writer(Student student, int together, int maxTokens, Optional<Mixture> mixture) {
        return new RolloutWriter(
                () -> student,
                new RolloutWriter.Options(together, maxTokens, 64, Set.of(STOP), Proposal.PLAIN, SEED, false),
                mixture,
                () -> false);
    }

    private static List<Prompt> prompts(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new Prompt(i, IntStream.rangeClosed(0, i % 3).toArray(), new int[0]))
                .toList();
    }

    private static void assertEqual(List<Response> found, List<Response> expected) {
        assertThat(found).usingRecursiveComparison().isEqualTo(expected);
    }

    @Test
    void write_together_isWhatEachIsAlone() throws Exception {
        List<Response> together =
                writer(new Student(10_000), 40, 12, Optional.empty()).write(prompts(40));
        Student student = new Student(10_000);
        assertEqual(writer(student, 1, 12, Optional.empty()).write(prompts(40)), together);
        assertThat(student.mostTogether).isEqualTo(1);
        assertThat(together).allSatisfy(response -> {
            int length = response.tokens().length;
            assertThat(response.ended()).isEqualTo(response.tokens()[length - 1] == STOP);
            assertThat(response.ended() || length == 12).isTrue();
        });
        assertThat(together).anyMatch(Response::ended).anyMatch(response -> !response.ended());
    }

    @Test
    void write_inStep_hasTheSameBatchesHoweverSoonTheTeacherAnswers() throws Exception {
        List<List<Integer>> batches = new ArrayList<>();
        List<List<Response>> responses = new ArrayList<>();
        for (boolean eager : new boolean[] {true, false}) {
            Student student = new Student(10_000);
            Teacher teacher = new Teacher();
            teacher.eager = eager;
            RolloutWriter writer = new RolloutWriter(
                    () -> student,
                    new RolloutWriter.Options(8, 12, 64, Set.of(STOP), Proposal.PLAIN, SEED, true),
                    Optional.of(new Mixture(teacher, .3, false)),
                    () -> false);
            responses.add(writer.write(prompts(20)));
            batches.add(student.batches);
        }
        assertThat(batches.get(1)).isEqualTo(batches.get(0));
        assertEqual(responses.get(1), responses.get(0));
    }

    @Test
    void write_roomForFew_isTheSameLater() throws Exception {
        Teacher teacher = new Teacher();
        List<Response> plenty = writer(new Student(10_000), 20, 12, Optional.of(new Mixture(teacher, .3, true)))
                .write(prompts(20));
        Student narrow = new Student(20);
        assertEqual(
                writer(narrow, 20, 12, Optional.of(new Mixture(new Teacher(), .3, true)))
                        .write(prompts(20)),
                plenty);
        assertThat(narrow.mostTogether).isGreaterThan(1);
    }

    @Test
    void write_roomForOneThatDoesNotMove_isTheSame() throws Exception {
        Student narrow = new Student(8, true);
        List<Response> found = writer(narrow, 3, 5, Optional.empty()).write(prompts(20));
        assertEqual(found, writer(new Student(10_000), 3, 5, Optional.empty()).write(prompts(20)));
        assertThat(found).anyMatch(response -> response.tokens().length == 5);
    }

    @Test
    void write_roomForNone_isRefused() {
        assertThatThrownBy(() -> writer(new Student(2), 4, 12, Optional.empty()).write(prompts(3)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("(expected: room for one response)");
    }

    @Test
    void write_askedToStop_ends() {
        RolloutWriter writer = new RolloutWriter(
                () -> new Student(100),
                new RolloutWriter.Options(4, 12, 64, Set.of(STOP), Proposal.PLAIN, SEED, false),
                Optional.empty(),
                () -> true);
        assertThatThrownBy(() -> writer.write(prompts(1))).isInstanceOf(CancellationException.class);
    }

    @Test
    void write_bothForms_giveTheSameTextsAndTheStepFormTheTeachersWord() throws Exception {
        List<Response> coin = writer(new Student(10_000), 16, 12, Optional.of(new Mixture(new Teacher(), .4, false)))
                .write(prompts(64));
        Teacher teacher = new Teacher();
        List<Response> step = writer(new Student(10_000), 16, 12, Optional.of(new Mixture(teacher, .4, true)))
                .write(prompts(64));
        int draws = 0;
        for (int i = 0; i < 64; i++) {
            assertThat(step.get(i).tokens()).isEqualTo(coin.get(i).tokens());
            assertThat(coin.get(i).teacherProposalLogProbabilities()).isEmpty();
            int[] tokens = step.get(i).tokens();
            int before = i % 3;
            for (int t = 0; t < tokens.length; t++) {
                assertThat(step.get(i).teacherProposalLogProbabilities()[t])
                        .isEqualTo(Math.log(TEACHER[before % 2][tokens[t]]));
                assertThat(step.get(i).studentLogProbabilities()[t])
                        .isEqualTo(Math.log(STUDENT[before % 2][tokens[t]]));
                before = tokens[t];
            }
            draws += step.get(i).teacherDraws();
        }
        assertThat(draws).isEqualTo(teacher.drawn).isPositive();
    }

    /**
     * The mixture is exact: with f = (t − s)/p̃ of a draw y from p̃, E f = 0 and E f² = I = Σ (t − s)²/p̃, so that the mean of n draws, over its deviation
     * √(I/n), is of a normal law. Had the draws another mixing, by δ, its mean would be δ √(nI).
     */
    @Test
    void write_manyFirstTokens_areDrawnFromTheMixtureAndFromNoOther() throws Exception {
        int n = 200_000;
        double mixing = .2;
        List<Prompt> prompts = IntStream.range(0, n)
                .mapToObj(i -> new Prompt(i, new int[] {0}, new int[0]))
                .toList();
        List<Response> responses = writer(
                        new Student(Integer.MAX_VALUE), 512, 1, Optional.of(new Mixture(new Teacher(), mixing, false)))
                .write(prompts);
        assertThat(Math.abs(statistic(responses, mixing))).isLessThan(3.3);
        assertThat(Math.abs(statistic(responses, mixing + .02))).isGreaterThan(4);
        assertThat(Math.abs(statistic(responses, mixing - .02))).isGreaterThan(4);
        double byTeacher = responses.stream().mapToInt(Response::teacherDraws).sum() / (double) n;
        assertThat(byTeacher).isEqualTo(mixing, within(4 * Math.sqrt(mixing * (1 - mixing) / n)));
        assertThat(chiSquared(responses, mixing))
                .as("16.27: three degrees of freedom, p = 0.001; every bin expects thousands")
                .isLessThan(16.27);
    }

    private static double mixture(int before, int id, double mixing) {
        return mixing * TEACHER[before][id] + (1 - mixing) * STUDENT[before][id];
    }

    private static double chiSquared(List<Response> responses, double mixing) {
        int[] counts = new int[4];
        responses.forEach(response -> counts[response.tokens()[0]]++);
        double sum = 0;
        for (int id = 0; id < 4; id++) {
            double expected = responses.size() * mixture(0, id, mixing);
            sum += (counts[id] - expected) * (counts[id] - expected) / expected;
        }
        return sum;
    }

    /** w = s/p̃ of each token, from what the writer kept of both proposals. */
    @Test
    void write_teacherMixed_givesTheImportanceWeightsOfTheMixture() throws Exception {
        double mixing = .4;
        var proposal = new dev.lyne.student.policy.MixedProposal(mixing);
        List<Response> responses = writer(
                        new Student(10_000), 16, 12, Optional.of(new Mixture(new Teacher(), mixing, true)))
                .write(prompts(64));
        int tokens = 0;
        for (int i = 0; i < responses.size(); i++) {
            Response response = responses.get(i);
            int before = i % 3;
            for (int t = 0; t < response.tokens().length; t++, tokens++) {
                int id = response.tokens()[t];
                double weight = Math.exp(response.studentLogProbabilities()[t]
                        - proposal.logProbability(
                                response.teacherProposalLogProbabilities()[t],
                                response.studentProposalLogProbabilities()[t]));
                assertThat(weight).isEqualTo(STUDENT[before % 2][id] / mixture(before % 2, id, mixing), within(1e-5));
                before = id;
            }
        }
        assertThat(tokens).isGreaterThan(100);
    }

    private static double statistic(List<Response> responses, double mixing) {
        double information = 0;
        double[] f = new double[4];
        for (int y = 0; y < 4; y++) {
            double difference = TEACHER[0][y] - STUDENT[0][y];
            double p = mixture(0, y, mixing);
            information += difference * difference / p;
            f[y] = difference / p;
        }
        assertThat(information).isGreaterThan(.3);
        double sum = responses.stream()
                .mapToDouble(response -> f[response.tokens()[0]])
                .sum();
        return sum / Math.sqrt(responses.size() * information);
    }
}
