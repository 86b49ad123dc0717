package dev.lyne.teacher.http;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.admission.StreamTerms;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.score.Callback;
import dev.lyne.teacher.score.CancellationHandle;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.trace.CallTrace;
import dev.lyne.teacher.trace.SequenceTrace;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Sequence;
import dev.lyne.wire.Digests;
import dev.lyne.wire.Positions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A request in flight: its prompts are admitted and scored like a stream's sequences, and once all rows of all prompts are there it is
 * answered. The lock {@code this} guards what is owed; nothing foreign is called with it held.
 */
final class Completion {
    /**
     * Values to answer with.
     *
     * @param prompts in order
     * @param generated id of each prompt's generated token; empty where none is wanted
     * @param generatedLogProbabilities theirs; NaN where it is one that the row does not name
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
    record Answer(List<ScoredPrompt> prompts, int[] generated, float[] generatedLogProbabilities) {}

    private static final int MAX_ECHOED = 1 << 18;

    private final CompletionRequest request;
    private final HttpTeacher teacher;
    private final Admission admission;
    private final RowBudget budget;
    private final Caller caller;
    private final CallTrace trace;
    private final CompletableFuture<Answer> answer = new CompletableFuture<>();
    private final ScoredPrompt[] scored;
    private final int[] generated;
    private final float[] generatedLogProbabilities;
    private final AtomicInteger owed;

    /** Whose turn the request takes, once it is let in. */
    private final AtomicReference<@Nullable Flow> flow = new AtomicReference<>();

    /** Whether rows of a prompt have been written. */
    private final AtomicBoolean wrote = new AtomicBoolean();

    /** This, until it ends. */
    private final AtomicReference<@Nullable Completion> self = new AtomicReference<>();

    @GuardedBy("this")
    private final List<Asked> handles = new ArrayList<>();

    /** Room that each prompt's rows have, until they are written. */
    @GuardedBy("this")
    private final long[] heldBytes;

    /** The spans of prompts that were asked for, in order. */
    @GuardedBy("this")
    private final List<SequenceTrace> traces = new ArrayList<>();

    @GuardedBy("this")
    private boolean over;

    /** @param trace the request's span */
    Completion(
            CompletionRequest request,
            HttpTeacher teacher,
            Admission admission,
            RowBudget budget,
            Caller caller,
            CallTrace trace) {
        this.request = request;
        this.teacher = teacher;
        this.admission = admission;
        this.budget = budget;
        this.caller = caller;
        this.trace = trace;
        int prompts = request.prompts().size();
        this.scored = new ScoredPrompt[prompts];
        this.heldBytes = new long[prompts];
        this.generated = new int[request.choice().wanted() ? prompts : 0];
        this.generatedLogProbabilities = new float[generated.length];
        this.owed = new AtomicInteger(prompts);
        this.self.set(this);
    }

    HttpTeacher teacher() {
        return teacher;
    }

    /** Entries that rows are asked for: what is shown, and one where the best token is to be known. */
    private int entries() {
        int shown = Math.max(request.k().orElse(0), request.logprobs().orElse(0));
        return Math.max(shown, request.choice().wanted() ? 1 : 0);
    }

    /** Admits and asks for everything; the stage fails with a {@link BadRequest}. */
    CompletionStage<Answer> start() {
        try {
            int k = entries();
            StreamTerms terms = open(k == 0 ? new Selection.LabelOnly(List.of()) : new Selection.TopK(k, List.of()));
            String tenant = terms.flow().tenant().name();
            trace.opened(terms.teacher().name(), tenant, "http", terms.flow().stream());
            askAll(admitAll(terms), terms.teacher().name(), tenant);
        } catch (BadRequest e) {
            fail(e);
        }
        return answer;
    }

    /** Asks for all; what is admitted and, as something goes wrong, not asked for is given back. */
    private void askAll(List<ScoreTask> tasks, String served, String tenant) {
        int asked = 0;
        try {
            for (ScoreTask task : tasks) {
                SequenceTrace prompt = trace.prompt(served, tenant, asked, task.tokens());
                begin(prompt);
                ask(task, new Waiting(asked, task, prompt));
                asked++;
            }
        } finally {
            tasks.subList(asked, tasks.size()).forEach(admission::release);
        }
    }

    /** Keeps a prompt's span until its rows are written, or this ends, which it may have by now. */
    private void begin(SequenceTrace prompt) {
        boolean late;
        synchronized (this) {
            late = over;
            traces.add(prompt);
        }
        if (late) {
            prompt.end();
        }
    }

    private void ask(ScoreTask task, Callback callback) {
        CancellationHandle handle = teacher.sequences()
                .score(task, request.show().vouchedOnly() ? new VouchedCallback(callback) : callback);
        boolean late;
        synchronized (this) {
            late = over;
            if (!late) {
                handles.add(new Asked(task, handle));
            }
        }
        if (late) {
            withdraw(new Asked(task, handle));
        }
    }

    /** A task that was asked for. */
    private record Asked(ScoreTask task, CancellationHandle handle) {}

    private void withdraw(Asked asked) {
        if (asked.handle().withdraw()) {
            admission.release(asked.task()); // nobody else will; its quota stays spent, for what may go on for others
        }
    }

    private StreamTerms open(Selection selection) throws BadRequest {
        OpenStream open = OpenStream.newBuilder()
                .setTeacher(teacher.description().name())
                .setSelection(selection.toMessage())
                .setPrecision(request.show().precision().toMessage())
                .setStudent("http")
                .build();
        Flow before = flow.get();
        StreamTerms terms = value(
                before == null
                        ? admission.open(open, teacher.description(), caller)
                        : admission.openMore(open, teacher.description(), before));
        flow.set(terms.flow());
        Optional<Failure> refusal = teacher.sequences().refusal(terms.format());
        if (refusal.isPresent()) {
            throw Statuses.toBadRequest(refusal.get());
        }
        return terms.weighedBy(teacher.sequences().positionWeight());
    }

    private static <T> T value(AdmissionResult<T> result) throws BadRequest {
        if (result instanceof AdmissionResult.Accepted<T> accepted) {
            return accepted.value();
        }
        throw Statuses.toBadRequest(((AdmissionResult.Refused<T>) result).failure());
    }

    private List<ScoreTask> admitAll(StreamTerms terms) throws BadRequest {
        List<Sequence> sequences = new ArrayList<>();
        for (RequestBody.Prompt prompt : request.prompts()) {
            int[] tokens = tokens(prompt);
            requireShort(tokens.length);
            sequences.add(sequence(tokens, positions(tokens.length)));
        }
        List<ScoreTask> tasks = value(admission.admitTogether(sequences, terms, System.nanoTime()));
        try {
            long[] bytes = tasks.stream().mapToLong(terms::mostBytes).toArray();
            budget.take(Arrays.stream(bytes).sum());
            hold(bytes);
            return tasks;
        } catch (BadRequest e) {
            tasks.forEach(admission::release);
            tasks.forEach(admission::wasSpared);
            throw e;
        }
    }

    /** Keeps each prompt's room until its rows are written, or this ends, which it may have by now. */
    private void hold(long[] bytes) {
        boolean late;
        synchronized (this) {
            late = over;
            if (!late) {
                System.arraycopy(bytes, 0, heldBytes, 0, bytes.length);
            }
        }
        if (late) {
            budget.give(Arrays.stream(bytes).sum());
        }
    }

    /** A prompt's rows are written, and not held any more: others may have their room. */
    void written(int index) {
        wrote.set(true);
        long bytes;
        Optional<SequenceTrace> prompt;
        synchronized (this) {
            bytes = heldBytes[index];
            heldBytes[index] = 0;
            prompt = index < traces.size() ? Optional.of(traces.get(index)) : Optional.empty();
        }
        budget.give(bytes);
        prompt.ifPresent(SequenceTrace::end);
    }

    /** The older form is four lists side by side, which are written at once. */
    private void requireShort(int tokens) throws BadRequest {
        int k = request.logprobs().orElse(0);
        if (request.echo() && request.logprobs().isPresent() && (long) tokens * (k + 2) > MAX_ECHOED) {
            throw new BadRequest(
                    "logprobs",
                    "logprobs: " + k + " with echo of " + tokens + " tokens (expected: at most " + MAX_ECHOED
                            + " for tokens × (logprobs + 2); prompt_logprobs has no such bound)");
        }
    }

    private int[] tokens(RequestBody.Prompt prompt) throws BadRequest {
        String text = prompt.text();
        int[] ids = prompt.ids();
        return ids != null
                ? ids
                : teacher.encode(text == null ? "" : text, request.show().specialTokens());
    }

    /** Returns the positions of the rows that are shown, and the last one where a token is generated. */
    private int[] positions(int length) {
        int from = request.k().isPresent() ? 0 : length - 1;
        int to = request.choice().wanted() ? length : length - 1;
        return IntStream.range(Math.min(from, to), to).toArray();
    }

    private static Sequence sequence(int[] tokens, int[] positions) {
        Sequence.Builder sequence = Sequence.newBuilder().setTokenIdsCrc32C(Digests.tokenChecksum(tokens));
        for (int token : tokens) {
            sequence.addTokenIds(token);
        }
        // No range at all would mean every position with a label.
        return sequence.addAllPositions(Positions.toRanges(positions.length == 0 ? new int[] {0} : positions))
                .build();
    }

    /**
     * A task that is asked for. Who cannot take its rows is told of a failure, too: what it was admitted with is given
     * back once.
     */
    private abstract class Asking implements Callback {
        private final ScoreTask task;
        private final AtomicBoolean settled = new AtomicBoolean();

        Asking(ScoreTask task) {
            this.task = task;
        }

        /** Gives back what the task was admitted with; rows that were not computed for it cost its tenant nothing. */
        final void settle(boolean computed) {
            if (settled.compareAndSet(false, true)) {
                admission.release(task);
                if (!computed) {
                    admission.wasSpared(task);
                }
            }
        }

        @Override
        public final void unvouched(int rows, CompletionStage<Void> vouched) {
            disownedWith(rows, vouched);
        }

        @Override
        public void failed(Failure failure) {
            settle(false);
            fail(Statuses.toBadRequest(failure));
        }
    }

    /** A prompt whose rows are asked for. */
    private final class Waiting extends Asking {
        private final int index;
        private final int[] tokens;
        private final SequenceTrace prompt;

        Waiting(int index, ScoreTask task, SequenceTrace prompt) {
            super(task);
            this.index = index;
            this.tokens = task.item().tokens();
            this.prompt = prompt;
        }

        @Override
        public SequenceTrace trace() {
            return prompt;
        }

        @Override
        public void scored(EncodedSequence rows, RowSource source, boolean narrowed) {
            settle(source.equals(RowSource.COMPUTED));
            prompt.answered(source.toString(), narrowed, rows.bytes());
            scored[index] = new ScoredPrompt(tokens, rows);
            if (!request.choice().wanted() || choose(index)) {
                answered();
            }
        }

        @Override
        public void failed(Failure failure) {
            prompt.failed(failure.reason().name(), failure.message());
            super.failed(failure);
        }
    }

    /**
     * Rows that turn out another model's end the request; what was sent of its answer is then cut short. The stage may be long in coming,
     * so it holds on to no request that has ended; what such a one was answered is counted.
     */
    private void disownedWith(int rows, CompletionStage<Void> vouched) {
        AtomicReference<@Nullable Completion> request = self;
        AtomicBoolean told = wrote;
        HttpTeacher of = teacher;
        var unused = vouched.whenComplete((nothing, disowned) -> {
            if (disowned == null || !Callback.isDisowning(disowned)) {
                return;
            }
            if (told.get()) {
                of.disowned(rows, disowned);
            }
            Completion unended = request.get();
            if (unended != null) {
                unended.fail(new BadRequest(500, "", disowned.getMessage() + "; rows of this request: " + rows));
            }
        });
    }

    /** Chooses a prompt's token of the row after its last token; false where more of the row is asked for first. */
    private boolean choose(int index) {
        ScoredPrompt prompt = scored[index];
        ScoredPrompt.Row row = prompt.at(prompt.tokens().length - 1);
        if (request.choice().greedy()) {
            take(index, row, 0);
            return true;
        }
        long seed = request.choice().seed() * 0x9E3779B97F4A7C15L + index;
        double u = new SplittableRandom(seed ^ Arrays.hashCode(prompt.tokens())).nextDouble();
        int most = teacher.maxK(admission.limits().maxK());
        // A draw beside this head is one entry more.
        int head = Math.min(row.count(), most - 1);
        if (take(index, row, head, u)) {
            return true;
        }
        if (row.block().logTailMass()[row.row()] == Float.NEGATIVE_INFINITY) {
            drawOfRow(index, row, u); // what is missing of 1 is rounding
            return true;
        }
        try {
            Optional<StreamTerms> draws = openIfTaken(new Selection.Draws(1, head, seed, List.of()));
            if (draws.isPresent()) {
                askLast(index, draws.get(), drawn -> take(index, drawn, entryDrawn(drawn)));
            } else if (row.count() < most) {
                StreamTerms wider = open(new Selection.TopK(most, List.of()));
                askLast(index, wider, all -> drawOfRow(index, all, u));
            } else {
                drawOfRow(index, row, u);
                return true;
            }
        } catch (BadRequest e) {
            fail(e);
        }
        return false;
    }

    private void take(int index, ScoredPrompt.Row row, int entry) {
        generated[index] = row.id(entry);
        generatedLogProbabilities[index] = row.logProbability(entry);
    }

    /** Takes the entry among the first ones within whose share of the whole a number in [0, 1) falls; false where it is in none's. */
    private boolean take(int index, ScoredPrompt.Row row, int entries, double u) {
        double mass = 0;
        for (int entry = 0; entry < entries; entry++) {
            mass += Math.exp(row.logProbability(entry));
            if (u < mass) {
                take(index, row, entry);
                return true;
            }
        }
        return false;
    }

    /** Draws among a row's own entries where nothing names those of its tail: each with its share of their mass. */
    private void drawOfRow(int index, ScoredPrompt.Row row, double u) {
        if (take(index, row, row.count(), u)) {
            return;
        }
        double mass = 0;
        for (int entry = 0; entry < row.count(); entry++) {
            mass += Math.exp(row.logProbability(entry));
        }
        // Within the tail the number is as good as a fresh one.
        double again = mass < 1 ? (u - mass) / (1 - mass) * mass : 1;
        if (!take(index, row, row.count(), again)) {
            take(index, row, row.count() - 1);
        }
    }

    private static int entryDrawn(ScoredPrompt.Row row) {
        int entry = 0;
        while (entry < row.count() - 1 && row.block().drawCounts()[row.block().offsets()[row.row()] + entry] == 0) {
            entry++;
        }
        return entry;
    }

    private Optional<StreamTerms> openIfTaken(Selection selection) throws BadRequest {
        try {
            return Optional.of(open(selection));
        } catch (BadRequest e) {
            if (e.status() == 400 || e.status() == 404) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Asks for more of the row after a prompt's last token, which then is chosen of. */
    private void askLast(int index, StreamTerms terms, Consumer<ScoredPrompt.Row> chosen) throws BadRequest {
        int[] tokens = scored[index].tokens();
        ScoreTask task =
                value(admission.admitMore(sequence(tokens, new int[] {tokens.length - 1}), terms, System.nanoTime()));
        ask(task, new Asking(task) {
            @Override
            public void scored(EncodedSequence rows, RowSource source, boolean narrowed) {
                settle(source.equals(RowSource.COMPUTED));
                chosen.accept(new ScoredPrompt(tokens, rows).at(tokens.length - 1));
                answered();
            }
        });
    }

    private void answered() {
        if (owed.decrementAndGet() == 0) {
            answer.complete(new Answer(List.of(scored), generated, generatedLogProbabilities));
        }
    }

    private void fail(BadRequest why) {
        if (answer.completeExceptionally(why) || why.status() == 500) {
            end();
        }
    }

    /** Whether its rows are of no use any more: they turned out another model's, or the request has ended. */
    boolean isOver() {
        synchronized (this) {
            return over;
        }
    }

    /** Lets go of everything: it is answered, or nobody waits for it any more. May be called more than once. */
    void end() {
        List<Asked> left;
        List<SequenceTrace> prompts;
        long bytes;
        synchronized (this) {
            over = true;
            left = List.copyOf(handles);
            handles.clear();
            bytes = Arrays.stream(heldBytes).sum();
            Arrays.fill(heldBytes, 0);
            prompts = List.copyOf(traces);
        }
        self.set(null);
        left.forEach(this::withdraw);
        budget.give(bytes);
        prompts.forEach(SequenceTrace::end);
    }
}
