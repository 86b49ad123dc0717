package dev.lyne.student.rollout;

import dev.lyne.lm.generation.CachedSequence;
import dev.lyne.lm.generation.Extended;
import dev.lyne.lm.generation.Extension;
import dev.lyne.lm.generation.Proposal;
import dev.lyne.lm.generation.SequenceDecoder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** The student alone: many responses at a time over keys and values of their own, a new one as soon as one ends. One thread uses it. */
public final class StudentWriter implements ResponseWriter {
    private final Supplier<SequenceDecoder> decoders;
    private final Options options;
    private final BooleanSupplier stopRequested;

    /**
     * How responses are written.
     *
     * @param together most responses in hand
     * @param maxTokens most tokens of a response
     * @param contextLength most tokens of prompt and response
     * @param stopIds what ends a response, as its last token
     * @param proposal what is drawn from
     * @param uniforms random numbers of the draws
     */
    public record Options(
            int together,
            int maxTokens,
            int contextLength,
            Set<Integer> stopIds,
            Proposal proposal,
            Uniforms uniforms) {}

    /** A response in the making. */
    private final class Draft {
        private final int index;
        private final Prompt prompt;
        private final CachedSequence sequence;
        private final int limit;
        private final int[] tokens;
        private final double[] logProbabilities;
        private final double[] proposalLogProbabilities;
        private int length;
        private boolean ended;

        Draft(int index, Prompt prompt, SequenceDecoder decoder) {
            this.index = index;
            this.prompt = prompt;
            this.limit = Math.min(options.maxTokens(), options.contextLength() - prompt.tokens().length);
            if (limit < 1) {
                throw new IllegalArgumentException("prompt: " + prompt.tokens().length
                        + " tokens (expected: fewer than context=" + options.contextLength() + ")");
            }
            this.sequence = decoder.open(prompt.tokens().length);
            this.tokens = new int[limit];
            this.logProbabilities = new double[limit];
            this.proposalLogProbabilities = new double[limit];
        }

        /** Asks for the next token. */
        Extension next() {
            int[] more = length == 0 ? prompt.tokens() : new int[] {tokens[length - 1]};
            int[] labels = new int[more.length];
            Arrays.fill(labels, Extension.NOTHING);
            labels[labels.length - 1] = Extension.DRAW;
            return new Extension(
                    sequence, more, labels, options.uniforms().at(prompt.key(), length), options.proposal());
        }

        void take(Extended.Answered drawn) {
            tokens[length] = drawn.ids()[0];
            logProbabilities[length] = drawn.logProbabilities()[0];
            proposalLogProbabilities[length] = drawn.proposalLogProbabilities()[0];
            ended = options.stopIds().contains(tokens[length]);
            length++;
        }

        boolean isDone() {
            return ended || length == limit;
        }

        Response response() {
            return new Response(
                    Arrays.copyOf(tokens, length),
                    ended,
                    Arrays.copyOf(logProbabilities, length),
                    Arrays.copyOf(proposalLogProbabilities, length),
                    new double[0],
                    0);
        }
    }

    /**
     * @param decoders opens a decoder of the student as it stands
     * @param stopRequested asked between tokens; where it is true writing ends with a {@link CancellationException}
     */
    public StudentWriter(Supplier<SequenceDecoder> decoders, Options options, BooleanSupplier stopRequested) {
        this.decoders = decoders;
        this.options = options;
        this.stopRequested = stopRequested;
    }

    @Override
    public List<Response> write(List<Prompt> prompts) throws InterruptedException {
        Response[] responses = new Response[prompts.size()];
        Deque<Integer> waiting = new ArrayDeque<>();
        for (int i = 0; i < prompts.size(); i++) {
            waiting.addLast(i);
        }
        int together = options.together();
        List<Draft> live = new ArrayList<>();
        try (SequenceDecoder decoder = decoders.get()) {
            while (!live.isEmpty() || !waiting.isEmpty()) {
                if (stopRequested.getAsBoolean()) {
                    throw new CancellationException("stopped as asked while responses were written");
                }
                while (live.size() < together && !waiting.isEmpty()) {
                    int index = waiting.removeFirst();
                    live.add(new Draft(index, prompts.get(index), decoder));
                }
                List<Draft> put = extend(decoder, live);
                if (!put.isEmpty()) {
                    together = Math.max(1, live.size() - put.size());
                }
                for (Draft draft : put) {
                    // It begins again later: equal numbers draw the same tokens.
                    draft.sequence.close();
                    waiting.addFirst(draft.index);
                }
                live.removeAll(put);
                finish(live, responses);
            }
        }
        return List.of(responses);
    }

    /** Draws a token for each; returns those that there was no room for. */
    private static List<Draft> extend(SequenceDecoder decoder, List<Draft> live) {
        List<Extended> outcomes = decoder.extend(live.stream().map(Draft::next).toList());
        List<Draft> withoutRoom = new ArrayList<>();
        for (int i = 0; i < live.size(); i++) {
            Draft draft = live.get(i);
            if (outcomes.get(i) instanceof Extended.Answered drawn) {
                draft.take(drawn);
            } else if (outcomes.get(i) instanceof Extended.NoRoom room) {
                if (live.size() == 1) {
                    throw new IllegalStateException("keys and values of a response of " + draft.length + " tokens: "
                            + room.wantedBytes() + " bytes (expected: room for one response)");
                }
                withoutRoom.add(draft);
            } else {
                throw new IllegalStateException("response " + draft.index + ": the student's logits after "
                        + draft.length + " tokens are not finite (expected: finite)");
            }
        }
        return withoutRoom;
    }

    private static void finish(List<Draft> live, Response[] responses) {
        for (Iterator<Draft> drafts = live.iterator(); drafts.hasNext(); ) {
            Draft draft = drafts.next();
            if (draft.isDone()) {
                responses[draft.index] = draft.response();
                draft.sequence.close();
                drafts.remove();
            }
        }
    }

    @Override
    public void close() {}
}
