package dev.lyne.teacher.decode;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.DecodeOutcome;
import dev.lyne.row.Proposal;
import dev.lyne.teacher.model.Continuation;
import dev.lyne.teacher.model.ContinueJob;
import dev.lyne.teacher.model.Continued;
import dev.lyne.teacher.model.Disowned;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.RemoteDecoder;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.wire.draw.SeededUniforms;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Sessions whose texts are continued elsewhere, each by a request of its own: as soon as it is owed something, unless its session's answers wait for
 * their reader. Whose turn it is there says the {@link RemoteDecoder}.
 *
 * <p>What comes back may turn out another model's later. Then the sessions that were given any of it end.
 */
public final class DecodeForwarder extends DecodeSessions {
    /**
     * Draws of a request. A long run is cut, so that its session hears of it, a request that is lost costs little, and what is computed ahead
     * of a slow reader is bounded.
     */
    static final int MAX_DRAWS = 64;

    /** Of a deterministic teacher: a run is drawn by the seed of the step at which its request begins, so that each draw has its own. */
    private static final int MAX_DRAWS_BY_STEP = 1;

    private final RemoteDecoder decoder;

    @GuardedBy("lock")
    private final Map<Sequence, Job> jobs = new HashMap<>();

    @GuardedBy("lock")
    private List<Job> givenUp = new ArrayList<>();

    /** Tokens that sessions were given and nobody vouches for yet, by what will tell. */
    @GuardedBy("lock")
    private final Map<CompletionStage<Void>, Map<Session, Integer>> unvouched = new HashMap<>();

    /** @param telling runs what it is given one at a time and in order */
    public DecodeForwarder(
            RemoteDecoder decoder,
            TeacherDescription teacher,
            DecodeOptions options,
            LongSupplier nanoClock,
            DecodeMetrics metrics,
            Executor telling) {
        super(teacher, options, nanoClock, metrics, telling);
        this.decoder = decoder;
    }

    /** None: the other side has them. */
    @Override
    public long cacheBytes() {
        return 0;
    }

    @Override
    public Optional<String> refusal(Proposal proposal) {
        return decoder.refusal(proposal);
    }

    /** Ends all sessions; none opens any more. */
    public void end() {
        endAll();
        wake();
    }

    @Override
    @GuardedBy("lock")
    void letGo(Sequence sequence) {
        Job job = jobs.remove(sequence);
        if (job != null) {
            givenUp.add(job);
            waits = true;
        }
    }

    /** Hands everything on that can be run, and takes back what nobody waits for. */
    @Override
    void wake() {
        if (!waits) {
            return;
        }
        List<Job> begun = new ArrayList<>();
        List<Job> ended;
        synchronized (lock) {
            while (!turns.isEmpty()) {
                Session session = turns.first();
                turns.remove(session);
                List<Sequence> next = dequeue(session, Integer.MAX_VALUE);
                if (isFull(session)) {
                    session.blocked.addAll(next);
                    continue;
                }
                for (Sequence sequence : next) {
                    sequence.queued = false;
                    sequence.running = true;
                    Job job = new Job(sequence, nanoClock.getAsLong());
                    jobs.put(sequence, job);
                    begun.add(job);
                }
            }
            ended = givenUp;
            givenUp = new ArrayList<>();
            waits = false;
        }
        ended.forEach(decoder::withdraw);
        for (Job job : begun) {
            if (!decoder.decode(job)) {
                job.failed(goingAway());
            }
        }
    }

    /** A request for one sequence. */
    private final class Job implements ContinueJob {
        private final Sequence sequence;
        private final Continuation asked;
        private final long beganNanos;

        Job(Sequence sequence, long beganNanos) {
            this.sequence = sequence;
            this.beganNanos = beganNanos;
            DecodeTerms terms = sequence.session.terms;
            this.asked = new Continuation(
                    Arrays.copyOf(sequence.tokens, sequence.size),
                    sequence.answered,
                    Math.min(sequence.drawsLeft, teacher.deterministic() ? MAX_DRAWS_BY_STEP : MAX_DRAWS),
                    SeededUniforms.TEACHER_DRAW.bits(
                            terms.seed(), sequence.key, (long) sequence.size - sequence.promptTokens),
                    terms.stopIds());
        }

        @Override
        public Continuation continuation() {
            return asked;
        }

        @Override
        public Flow flow() {
            return sequence.session.flow;
        }

        @Override
        public boolean isWanted() {
            synchronized (lock) {
                return jobs.get(sequence) == this;
            }
        }

        @Override
        public void continued(Continued answer, CompletionStage<Void> vouched) {
            boolean firstOfStage = false;
            synchronized (lock) {
                if (jobs.remove(sequence, this)) {
                    sequence.running = false;
                    metrics.stepped(1, asked.taken() + answer.drawn().length, nanoClock.getAsLong() - beganNanos);
                    firstOfStage = take(this, answer, vouched);
                }
            }
            if (firstOfStage) {
                var unused = vouched.whenComplete((same, failed) -> told(vouched, failed));
            }
            wake();
        }

        @Override
        public void failed(Failure failure) {
            synchronized (lock) {
                if (jobs.remove(sequence, this)) {
                    sequence.running = false;
                    fail(sequence, failure);
                    endWhereNothingIsOwed(sequence.session);
                }
            }
            wake();
        }
    }

    /** Settles what an answer is to; true where nothing had come before that the same stage vouches for. */
    @GuardedBy("lock")
    private boolean take(Job job, Continued answer, CompletionStage<Void> vouched) {
        Sequence sequence = job.sequence;
        Session session = sequence.session;
        int[] ids = IntStream.concat(
                        Arrays.stream(job.asked.tokens(), job.asked.from(), job.asked.tokens().length),
                        Arrays.stream(answer.drawn()))
                .toArray();
        double[] logProbabilities = DoubleStream.concat(
                        Arrays.stream(answer.taken()), Arrays.stream(answer.drawnLogProbabilities()))
                .toArray();
        boolean firstOfStage = !unvouched.containsKey(vouched);
        unvouched.computeIfAbsent(vouched, stage -> new HashMap<>()).merge(session, ids.length, Integer::sum);
        ColumnsBuilder columns = new ColumnsBuilder(session.terms.proposal().isPlain());
        settle(sequence, new DecodeOutcome.Answered(ids, logProbabilities, logProbabilities), columns);
        tell(session, columns);
        if (!sequence.forgotten) {
            enqueue(sequence);
        }
        endWhereNothingIsOwed(session);
        return firstOfStage;
    }

    /** Settles answers once it is known whose they are, or never will be. */
    private void told(CompletionStage<Void> vouched, @Nullable Throwable failed) {
        synchronized (lock) {
            if (failed == null
                    || failed instanceof CancellationException
                    || failed.getCause() instanceof CancellationException) {
                unvouched.remove(vouched);
                return;
            }
            Map<Session, Integer> given = new LinkedHashMap<>();
            for (CompletionStage<Void> stage : Disowned.with(vouched, failed)) {
                unvouched
                        .getOrDefault(stage, Map.of())
                        .forEach((session, tokens) -> given.merge(session, tokens, Integer::sum));
                unvouched.remove(stage);
            }
            for (Map.Entry<Session, Integer> one : given.entrySet()) {
                over(
                        one.getKey(),
                        new Failure(
                                Failure.Reason.TEACHER_CHANGED,
                                failed.getMessage() + "; tokens of this session since the last passed probe: "
                                        + one.getValue() + " (expected: none of them be learnt from)"));
            }
        }
        wake();
    }
}
