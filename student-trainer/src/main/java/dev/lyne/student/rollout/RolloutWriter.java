package dev.lyne.student.rollout;

import dev.lyne.lm.generation.CachedSequence;
import dev.lyne.lm.generation.Extension;
import dev.lyne.lm.generation.SequenceDecoder;
import dev.lyne.row.DecodeItem;
import dev.lyne.row.DecodeOutcome;
import dev.lyne.row.Proposal;
import dev.lyne.wire.draw.SeededUniforms;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Writes many responses at a time, a new one as soon as one ends. A coin of the student's decides whose draw each token is (teacher-mixed sampling,
 * MiniLLM, arXiv 2306.08543): the law is that of a draw from the mixture, and only the teacher's draws need the teacher. While some
 * responses wait for it, the student goes on with the others.
 *
 * <p>The invariant: coins and draws are functions of seed, prompt's key and the token's place. So a response is the same whatever is written with
 * it, however often it is begun anew, but for draws within the last bit of a sum; bit for bit where responses are written in step and the teacher is
 * deterministic.
 *
 * <p>One thread uses it.
 */
public final class RolloutWriter implements ResponseWriter {
    private final Supplier<SequenceDecoder> decoders;
    private final Options options;
    private final Optional<Mixture> mixture;
    private final BooleanSupplier stopRequested;

    /**
     * How responses are written.
     *
     * @param together most responses in hand
     * @param maxTokens most tokens of a response
     * @param contextLength most tokens of prompt and response
     * @param stopIds what ends a response, as its last token
     * @param proposal what the student draws from
     * @param seed of draws and coins
     * @param inStep whether all wait for the teacher's draws of each step, so that which responses share a step of the student's, and with it
     *     the last bits of their log-probabilities, follow from the prompts alone
     */
    public record Options(
            int together,
            int maxTokens,
            int contextLength,
            Set<Integer> stopIds,
            Proposal proposal,
            long seed,
            boolean inStep) {}

    /**
     * The teacher's part.
     *
     * @param share of tokens that it draws, above 0, at most 1
     * @param tellsAll whether it is told all tokens, and tells how probable they are under its proposal; else only what precedes its draws
     */
    public record Mixture(TeacherDraws teacher, double share, boolean tellsAll) {}

    /**
     * @param decoders opens a decoder of the student as it stands
     * @param stopRequested asked between tokens; where it is true writing ends with a {@link CancellationException}
     */
    public RolloutWriter(
            Supplier<SequenceDecoder> decoders,
            Options options,
            Optional<Mixture> mixture,
            BooleanSupplier stopRequested) {
        this.decoders = decoders;
        this.options = options;
        this.mixture = mixture;
        this.stopRequested = stopRequested;
    }

    @Override
    public List<Response> write(List<Prompt> prompts) throws InterruptedException {
        try (SequenceDecoder decoder = decoders.get()) {
            return new Writing(prompts, decoder).run();
        }
    }

    @Override
    public void close() {
        mixture.ifPresent(part -> part.teacher().close());
    }

    /** State of a response: who gives its next token. */
    private enum Turn {
        STUDENT,
        /** The teacher, which is drawing. */
        TEACHER,
        /** The teacher's draw is there, and not yet the student's. */
        TAKEN,
        /** No more tokens; the teacher may owe answers. */
        DONE
    }

    /** The responses to some prompts in the making. */
    private final class Writing {
        private final SequenceDecoder decoder;
        private final List<Prompt> prompts;
        private final Response[] responses;
        private final Deque<Integer> waiting = new ArrayDeque<>();
        private final List<Draft> live = new ArrayList<>();
        private final Map<Long, Draft> byKey = new HashMap<>();
        private int together = options.together();

        Writing(List<Prompt> prompts, SequenceDecoder decoder) {
            this.prompts = prompts;
            this.decoder = decoder;
            this.responses = new Response[prompts.size()];
            for (int i = 0; i < prompts.size(); i++) {
                waiting.addLast(i);
            }
        }

        List<Response> run() throws InterruptedException {
            while (!live.isEmpty() || !waiting.isEmpty()) {
                if (stopRequested.getAsBoolean()) {
                    throw new CancellationException("stopped as asked while responses were written");
                }
                while (live.size() < together && !waiting.isEmpty()) {
                    int index = waiting.removeFirst();
                    Draft draft = new Draft(index, prompts.get(index), decoder);
                    live.add(draft);
                    byKey.put(draft.prompt.key(), draft);
                }
                while (options.inStep() && waits()) {
                    hear(true);
                }
                boolean extended = extend();
                hear(!extended && waits());
                while (options.inStep() && waits()) {
                    hear(true);
                }
                live.removeIf(this::isFinished);
            }
            return List.of(responses);
        }

        private boolean waits() {
            return live.stream().anyMatch(Draft::waits);
        }

        /** Gives those whose turn it is their next token; false where it is nobody's. */
        private boolean extend() {
            List<Draft> ready = live.stream()
                    .filter(draft -> draft.turn == Turn.STUDENT || draft.turn == Turn.TAKEN)
                    .limit(together)
                    .toList();
            if (ready.isEmpty()) {
                return false;
            }
            List<DecodeOutcome> outcomes =
                    decoder.extend(ready.stream().map(Draft::next).toList());
            List<Draft> without = new ArrayList<>();
            for (int i = 0; i < ready.size(); i++) {
                Draft draft = ready.get(i);
                if (outcomes.get(i) instanceof DecodeOutcome.Answered answered) {
                    draft.take(answered);
                } else if (outcomes.get(i) instanceof DecodeOutcome.NoRoom) {
                    without.add(draft);
                } else {
                    throw new IllegalStateException("response " + draft.index + ": the student's logits after "
                            + draft.length + " tokens are not finite (expected: finite)");
                }
            }
            if (!without.isEmpty()) {
                makeRoom(without, ready.size());
            }
            return true;
        }

        /** Has fewer responses in hand from now on. Where none of those in hand found room, all others give theirs up. */
        private void makeRoom(List<Draft> without, int inHand) {
            // Room that grows is held twice while it moves: one response that gives up its own may fit in a new one.
            boolean held = without.stream().anyMatch(draft -> draft.sequence.length() > 0);
            without.forEach(Draft::giveUpRoom);
            together = Math.max(1, inHand - without.size());
            if (without.size() < inHand) {
                return;
            }
            List<Draft> holding =
                    live.stream().filter(draft -> draft.sequence.length() > 0).toList();
            if (holding.isEmpty() && inHand == 1 && !held) {
                throw new IllegalStateException("response " + without.get(0).index + ": no room for keys and values of "
                        + without.get(0).length + " tokens behind the prompt (expected: room for one response)");
            }
            holding.forEach(Draft::giveUpRoom);
        }

        /** Takes what the teacher has said. */
        private void hear(boolean wait) throws InterruptedException {
            if (mixture.isEmpty()) {
                return;
            }
            TeacherDraws teacher = mixture.get().teacher();
            Optional<TeacherDraws.Answer> answer = wait ? Optional.of(teacher.take()) : teacher.poll();
            while (answer.isPresent()) {
                Draft draft = byKey.get(answer.get().key());
                if (draft == null) {
                    throw new IllegalStateException(
                            "an answer to key " + answer.get().key() + " (expected: a live response's)");
                }
                draft.hear(answer.get());
                answer = teacher.poll();
            }
        }

        private boolean isFinished(Draft draft) {
            if (draft.turn != Turn.DONE || draft.isOwed()) {
                return false;
            }
            responses[draft.index] = draft.response();
            byKey.remove(draft.prompt.key());
            return true;
        }
    }

    /** A response in the making. */
    private final class Draft {
        private final int index;
        private final Prompt prompt;
        private final SequenceDecoder decoder;
        private final int limit;
        private final int[] tokens;
        private final double[] logProbabilities;
        private final double[] proposalLogProbabilities;
        private final double[] teacherLogProbabilities;
        private CachedSequence sequence;
        private Turn turn = Turn.STUDENT;
        private int length;
        private boolean ended;
        /** Tokens that the teacher was told, or drew; −1: it does not know of the response. */
        private int told = -1;
        /** Tokens that the teacher has answered. */
        private int answered;

        private boolean farewell;
        private boolean teacherEnded;
        private int teacherDraws;

        Draft(int index, Prompt prompt, SequenceDecoder decoder) {
            this.index = index;
            this.prompt = prompt;
            this.decoder = decoder;
            this.limit = Math.min(options.maxTokens(), options.contextLength() - prompt.tokens().length);
            if (limit < 1) {
                throw new IllegalArgumentException("prompt: " + prompt.tokens().length
                        + " tokens (expected: fewer than context=" + options.contextLength() + ")");
            }
            this.sequence = decoder.open(prompt.tokens().length);
            this.tokens = new int[limit];
            this.logProbabilities = new double[limit];
            this.proposalLogProbabilities = new double[limit];
            this.teacherLogProbabilities = new double[limit];
            begin();
        }

        /** Decides whose draw the next token is, and asks the teacher for it where it is the teacher's. */
        private void begin() {
            turn = isTeachers() ? Turn.TEACHER : Turn.STUDENT;
            mixture.filter(part -> turn == Turn.TEACHER || part.tellsAll()).ifPresent(part -> {
                if (told < 0) {
                    part.teacher().begin(prompt.key(), prompt.forTeacher());
                    told = 0;
                }
                if (turn == Turn.TEACHER || told < length) {
                    part.teacher().tell(prompt.key(), Arrays.copyOfRange(tokens, told, length), turn == Turn.TEACHER);
                    told = length;
                }
            });
        }

        private boolean isTeachers() {
            return mixture.isPresent()
                    && new Coin(options.seed(), mixture.get().share()).isTeachers(prompt.key(), length);
        }

        /**
         * Returns the tokens that the student takes up next, and whether it draws or is asked about the teacher's draw.
         */
        Extension next() {
            int[] held = prompt.tokens();
            int from = sequence.length();
            int[] more = new int[held.length + length - from];
            for (int i = 0; i < more.length; i++) {
                int at = from + i;
                more[i] = at < held.length ? held[at] : tokens[at - held.length];
            }
            int[] labels = new int[more.length];
            Arrays.fill(labels, DecodeItem.NOTHING);
            labels[labels.length - 1] = turn == Turn.TAKEN ? tokens[length] : DecodeItem.DRAW;
            double uniform = SeededUniforms.STUDENT_DRAW.at(options.seed(), prompt.key(), length);
            return new Extension(sequence, new DecodeItem(more, labels, uniform, options.proposal()));
        }

        void take(DecodeOutcome.Answered found) {
            tokens[length] = found.ids()[0];
            logProbabilities[length] = found.logProbabilities()[0];
            proposalLogProbabilities[length] = found.proposalLogProbabilities()[0];
            ended = options.stopIds().contains(tokens[length]);
            length++;
            if (turn == Turn.TAKEN) {
                told = length; // the teacher knows what it drew
            }
            if (ended || length == limit) {
                finish();
            } else {
                begin();
            }
        }

        private void finish() {
            turn = Turn.DONE;
            sequence.close();
            if (told >= 0) {
                boolean all = mixture.orElseThrow().tellsAll();
                mixture.get().teacher().end(prompt.key(), all ? Arrays.copyOfRange(tokens, told, length) : new int[0]);
                farewell = true;
            }
        }

        void hear(TeacherDraws.Answer answer) {
            double[] found = answer.proposalLogProbabilities();
            System.arraycopy(found, 0, teacherLogProbabilities, answered, found.length);
            answered += found.length;
            teacherEnded |= answer.ended();
            if (answer.drawn().isPresent()) {
                tokens[length] = answer.drawn().get();
                teacherDraws++;
                turn = Turn.TAKEN;
            }
        }

        /** Returns whether the response can do nothing before the teacher has answered. */
        boolean waits() {
            return turn == Turn.TEACHER || isOwed();
        }

        /** Whether the teacher has yet to answer an ended response. */
        boolean isOwed() {
            return farewell && !teacherEnded;
        }

        /** Lets others have its room for keys and values; its tokens are taken up again later. */
        void giveUpRoom() {
            sequence.close();
            sequence = decoder.open(prompt.tokens().length);
        }

        Response response() {
            boolean all = mixture.map(Mixture::tellsAll).orElse(false);
            return new Response(
                    Arrays.copyOf(tokens, length),
                    ended,
                    Arrays.copyOf(logProbabilities, length),
                    Arrays.copyOf(proposalLogProbabilities, length),
                    all ? Arrays.copyOf(teacherLogProbabilities, length) : new double[0],
                    teacherDraws);
        }
    }
}
