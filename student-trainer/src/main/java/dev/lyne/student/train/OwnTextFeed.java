package dev.lyne.student.train;

import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.row.RowColumns;
import dev.lyne.student.policy.Advantages;
import dev.lyne.student.rollout.Coin;
import dev.lyne.student.rollout.Prompt;
import dev.lyne.student.rollout.Response;
import dev.lyne.student.rollout.ResponseWriter;
import dev.lyne.student.rollout.RolloutFiles;
import dev.lyne.student.rollout.RolloutFiles.Rollout;
import dev.lyne.student.rollout.RolloutHealth;
import dev.lyne.student.tokens.EpochOrder;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/**
 * Windows of text that the student writes, phase by phase: responses to a phase's prompts are written by the student as it stands, scored by
 * the teacher in one pass, and trained on for so many steps; kept ones may be trained on again. The invariant: what {@link OwnTextSteps} decides,
 * prompts, order and random numbers follow from the seed and the state of a checkpoint; what was written is kept in a file, and belongs to the
 * weights that the phase began with.
 */
final class OwnTextFeed implements StepFeed {
    /** Keeps the choice of kept responses apart from other random numbers of the seed. */
    private static final long REPLAY_DOMAIN = 0x7265706C61796564L;

    static final String SHARE = "on_policy_share";
    private static final double NANOS_A_SECOND = 1e9;

    private final Parts parts;

    private final OnPolicySettings settings;
    private final int batch;
    private final long seed;
    private final OwnTextSteps kinds;
    private final RetryingTake taking;
    private final long lastPhase;
    private final Deque<Written> written = new ArrayDeque<>();
    private final Deque<TargetSequence> unasked = new ArrayDeque<>();
    private Optional<Phase> current = Optional.empty();
    private Optional<RolloutHealth> first = Optional.empty();
    private Map<String, Double> ownText = Map.of();
    private Map<String, Double> scheduled = Map.of();
    private List<String> alarms = List.of();

    /** Phases whose responses may be trained on again. */
    private final NavigableMap<Long, List<Rollout>> kept = new TreeMap<>();

    private long stallNanos;

    /**
     * Parts that a feed works with.
     *
     * @param data windows of the corpus, for steps on data and beside own text
     * @param stream where own text is scored
     * @param prompts windows that prompts begin
     * @param notices told what people should know
     * @param drawWaitNanos time that responses have waited for the teacher's draws so far
     */
    record Parts(
            StepFeed data,
            TargetStream stream,
            WindowSequence prompts,
            ResponseWriter writer,
            RolloutFiles files,
            StudentTopIds choosing,
            Consumer<String> notices,
            LongSupplier nanoTicker,
            LongSupplier drawWaitNanos,
            BooleanSupplier stopRequested) {}

    /** A phase's responses, and what is asked of the teacher for them. */
    private record Written(
            long number, List<Rollout> rollouts, List<TargetSequence> asked, long writingNanos, long drawWaitNanos) {}

    /** A phase's responses with the teacher's rows for them, an item each. */
    private record Phase(long number, List<StepFeed.Item> items, Map<String, Double> values) {}

    /** @param kinds what each step is on, from the next one */
    OwnTextFeed(Parts parts, OnPolicySettings settings, int batch, long seed, OwnTextSteps kinds) {
        this.parts = parts;
        this.settings = settings;
        this.batch = batch;
        this.seed = seed;
        this.kinds = kinds;
        this.lastPhase = (kinds.writtenInAll() - 1) / phaseSteps();
        this.taking = new RetryingTake(parts.stream(), parts.nanoTicker(), parts.stopRequested());
        try {
            long written = kinds.written();
            long begun = written == 0 ? 0 : (written - 1) / phaseSteps() + 1;
            parts.files().forgetFrom(written == 0 ? 0 : begun + settings.phase().ahead());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private int phaseSteps() {
        return settings.phase().steps(batch);
    }

    @Override
    public List<StepFeed.Item> next(int count) throws InterruptedException {
        taking.startStep();
        ownText = Map.of();
        alarms = List.of();
        if (settings.sharing().adaptation().isPresent()) {
            scheduled = Map.of(SHARE, kinds.share());
        }
        long written = kinds.written();
        OwnTextSteps.Kind kind = kinds.next();
        if (kind == OwnTextSteps.Kind.DATA) {
            return parts.data().next(count);
        }
        List<StepFeed.Item> items =
                new ArrayList<>(kind == OwnTextSteps.Kind.WRITTEN ? own(written) : replayed(written));
        if (settings.corpusWeight() > 0) {
            items.addAll(parts.data().next(count));
        }
        return items;
    }

    /** Responses of before, each at most once, out of the newest that are kept. */
    private List<StepFeed.Item> replayed(long written) throws InterruptedException {
        int capacity = settings.sharing().replay().orElseThrow().capacity();
        long first = written * batch - capacity;
        kept.headMap(first / batch).clear();
        int[] places = IntStream.range(0, capacity).toArray();
        SplittableRandom random = new SplittableRandom(seed ^ (REPLAY_DOMAIN + kinds.step() * 0x9E3779B97F4A7C15L));
        List<Rollout> rollouts = new ArrayList<>(batch);
        for (int i = 0; i < batch; i++) {
            int swapped = random.nextInt(i, capacity);
            int place = places[swapped];
            places[swapped] = places[i];
            long number = first + place;
            rollouts.add(phaseOfBefore(number / batch).get((int) (number % batch)));
        }
        List<Rollout> named = chosen(rollouts);
        List<TargetSequence> asked = new ArrayList<>(batch);
        for (Rollout rollout : named) {
            asked.add(sequence(rollout.prompt().key(), rollout));
        }
        unasked.addAll(asked);
        offer();
        Phase phase = score(new Written(written, named, asked, 0, 0), true);
        ownText = phase.values();
        return phase.items();
    }

    private List<Rollout> phaseOfBefore(long number) {
        return kept.computeIfAbsent(number, phase -> {
            try {
                return parts.files()
                        .read(phase)
                        .orElseThrow(
                                () -> new TrainingStoppedException(
                                        "phase " + phase
                                                + " of the student's responses is not in rollouts (expected: as it was written, to be trained on again)"));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /** The responses of a step, counted among those whose phase is written for them. */
    private List<StepFeed.Item> own(long step) throws InterruptedException {
        Phase phase = phase(step / phaseSteps());
        ownText = phase.values();
        int inPhase = (int) (step % phaseSteps());
        int rollouts = settings.phase().rollouts();
        int stepsAnEpoch = rollouts / batch;
        int epoch = inPhase / stepsAnEpoch;
        EpochOrder order = new EpochOrder(rollouts, seed + phase.number());
        int first = inPhase % stepsAnEpoch * batch;
        return IntStream.range(first, first + batch)
                .mapToObj(i -> phase.items().get(Math.toIntExact(order.at(epoch, i))))
                .toList();
    }

    /** The phase of that number; while the teacher scores it, the student writes those that it may be ahead by. */
    private Phase phase(long number) throws InterruptedException {
        if (current.isEmpty() || current.get().number() != number) {
            for (long next = written.isEmpty() ? number : written.getLast().number() + 1;
                    next <= Math.min(number + settings.phase().ahead(), lastPhase);
                    next++) {
                Written more = write(next);
                written.addLast(more);
                unasked.addAll(more.asked());
                offer();
            }
            current = Optional.of(score(written.removeFirst(), false));
        }
        offer();
        return current.get();
    }

    private Written write(long phase) throws InterruptedException {
        long before = parts.nanoTicker().getAsLong();
        long waitedBefore = parts.drawWaitNanos().getAsLong();
        List<Rollout> rollouts = rollouts(phase);
        long writing = parts.nanoTicker().getAsLong() - before;
        long waited = parts.drawWaitNanos().getAsLong() - waitedBefore;
        List<TargetSequence> asked = new ArrayList<>(rollouts.size());
        for (int i = 0; i < rollouts.size(); i++) {
            asked.add(sequence(phase * rollouts.size() + i, rollouts.get(i)));
        }
        return new Written(phase, rollouts, asked, writing, waited);
    }

    /** Asks the teacher for as much as its stream has room for. */
    private void offer() {
        while (!unasked.isEmpty() && parts.stream().offer(unasked.getFirst())) {
            unasked.removeFirst();
        }
    }

    private List<Rollout> rollouts(long phase) throws InterruptedException {
        long before = parts.nanoTicker().getAsLong();
        try {
            Optional<List<Rollout>> kept = parts.files().read(phase);
            if (kept.isPresent()) {
                return kept.get();
            }
            List<Prompt> prompts = prompts(phase);
            List<Response> responses = parts.writer().write(prompts);
            List<Rollout> rollouts = chosen(IntStream.range(0, prompts.size())
                    .mapToObj(i -> new Rollout(prompts.get(i), responses.get(i), new int[0][]))
                    .toList());
            parts.files().write(phase, rollouts);
            return rollouts;
        } catch (CancellationException e) {
            throw new TrainingStoppedException("stopped as asked while responses were written");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            stallNanos += parts.nanoTicker().getAsLong() - before;
        }
    }

    /** Returns the responses with the ids that the student names, where it does. */
    private List<Rollout> chosen(List<Rollout> rollouts) {
        if (!settings.singleStep().choosesIds()) {
            return rollouts;
        }
        List<Window> windows = rollouts.stream().map(Rollout::window).toList();
        List<Rollout> named = new ArrayList<>(rollouts.size());
        for (MicroBatches.Group group : parts.choosing().groups(windows)) {
            List<int[][]> ids = parts.choosing()
                    .of(
                            windows.subList(group.from(), group.to()),
                            settings.singleStep().k());
            for (int i = group.from(); i < group.to(); i++) {
                Rollout rollout = rollouts.get(i);
                named.add(new Rollout(rollout.prompt(), rollout.response(), ids.get(i - group.from())));
            }
        }
        return named;
    }

    private List<Prompt> prompts(long phase) {
        int rollouts = settings.phase().rollouts();
        List<Prompt> prompts = new ArrayList<>(rollouts);
        for (long place = phase * rollouts; place < (phase + 1) * rollouts; place++) {
            OnPolicySettings.Writing writing = settings.writing();
            Windows.Passage passage = parts.prompts().passage(place, writing.promptTokens(), writing.responseTokens());
            prompts.add(Prompt.of(place, passage));
        }
        return prompts;
    }

    /** Takes the teacher's rows for the responses of a phase, and makes items of them; tells what people should know of them. */
    private Phase score(Written phase, boolean replayed) throws InterruptedException {
        List<Rollout> rollouts = phase.rollouts();
        List<TargetSequence> asked = phase.asked();
        List<Optional<Targets>> targets = new ArrayList<>(rollouts.size());
        long before = parts.nanoTicker().getAsLong();
        for (TargetSequence next : asked) {
            offer();
            targets.add(taking.take(next));
        }
        long scoring = parts.nanoTicker().getAsLong() - before;
        RolloutHealth health = RolloutHealth.of(rollouts, coin(), outside(targets));
        if (first.isEmpty()) {
            first = Optional.of(phase.number() == 0 ? health : firstPhase().orElse(health));
        }
        if (!replayed) { // which told of theirs when they were new
            alarms = health.alarms(first.get());
            alarms.forEach(line -> parts.notices().accept("phase " + phase.number() + ": " + line));
        }
        List<OwnTokens> own = tokens(rollouts, targets);
        List<StepFeed.Item> items = IntStream.range(0, rollouts.size())
                .mapToObj(i -> new StepFeed.Item(
                        new Window(asked.get(i).tokens(), asked.get(i).positions()),
                        targets.get(i),
                        Optional.of(own.get(i))))
                .toList();
        Map<String, Double> values = new LinkedHashMap<>(health.values());
        if (settings.sharing().replay().isPresent()) {
            values.put("replayed", replayed ? 1.0 : 0.0);
        }
        values.put("alarms", replayed ? 0.0 : alarms.size());
        rowBytes(targets).ifPresent(bytes -> values.put("row_bytes", bytes));
        values.put("writing_seconds", phase.writingNanos() / NANOS_A_SECOND);
        values.put("draw_wait_seconds", phase.drawWaitNanos() / NANOS_A_SECOND);
        values.put("scoring_wait_seconds", scoring / NANOS_A_SECOND);
        return new Phase(phase.number(), items, values);
    }

    /** Whose draw each token was. */
    private Coin coin() {
        return new Coin(seed, settings.proposal().mixing());
    }

    /**
     * Returns the health of the run's first phase, where its responses are still kept: a resumed run compares with it,
     * too.
     */
    private Optional<RolloutHealth> firstPhase() {
        try {
            return parts.files().read(0).map(rollouts -> RolloutHealth.of(rollouts, coin(), Double.NaN));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Bytes of a row of the teacher's on its way, in the mean; absent where there was none. */
    private static OptionalDouble rowBytes(List<Optional<Targets>> targets) {
        long rows = 0;
        long bytes = 0;
        for (Optional<Targets> found : targets) {
            rows += found.map(Targets::rows).orElse(0);
            bytes += found.map(Targets::blockBytes).orElse(0L);
        }
        return rows == 0 ? OptionalDouble.empty() : OptionalDouble.of((double) bytes / rows);
    }

    /** Share of the tokens that the teacher's rows do not name. */
    private static double outside(List<Optional<Targets>> targets) {
        long named = 0;
        long tokens = 0;
        long entries = 0;
        for (Optional<Targets> found : targets) {
            if (found.isPresent()) {
                RowColumns rows = found.get().columns();
                int[] text = found.get().sequence().tokens();
                int[] positions = found.get().sequence().positions();
                for (int r = 0; r < positions.length; r++) {
                    int label = text[positions[r] + 1];
                    int from = r * rows.stride();
                    named += IntStream.range(from, from + rows.counts()[r]).anyMatch(i -> rows.ids()[i] == label)
                            ? 1
                            : 0;
                    entries += rows.counts()[r];
                    tokens++;
                }
            }
        }
        return entries == 0 ? Double.NaN : 1 - (double) named / tokens;
    }

    private TargetSequence sequence(long id, Rollout rollout) {
        Window window = rollout.window();
        return new TargetSequence(
                id,
                window.tokens(),
                window.positions(),
                settings.singleStep().choosesIds() ? rollout.chosen() : new int[0][],
                window.teacherTokens());
    }

    /**
     * Returns the tokens as the policy reads them. Responses that the teacher failed have no rows, and are left out of
     * the advantages.
     */
    private List<OwnTokens> tokens(List<Rollout> rollouts, List<Optional<Targets>> targets) {
        List<double[]> logRatios = new ArrayList<>();
        for (int i = 0; i < rollouts.size(); i++) {
            if (targets.get(i).isPresent()) {
                float[] teacher = targets.get(i).get().columns().labelLogProbability();
                double[] student = rollouts.get(i).response().studentLogProbabilities();
                logRatios.add(IntStream.range(0, student.length)
                        .mapToDouble(t -> teacher[t] - student[t])
                        .toArray());
            }
        }
        Optional<Advantages> kind = settings.policy().advantages();
        List<double[]> advantages = kind.isPresent()
                ? kind.get().of(logRatios)
                : logRatios.stream().map(own -> new double[own.length]).toList();
        List<OwnTokens> tokens = new ArrayList<>();
        int scored = 0;
        for (int i = 0; i < rollouts.size(); i++) {
            Response response = rollouts.get(i).response();
            double[] old = response.studentLogProbabilities();
            if (targets.get(i).isEmpty()) {
                tokens.add(new OwnTokens(new double[old.length], old, old));
            } else {
                float[] teacher = targets.get(i).get().columns().labelLogProbability();
                tokens.add(new OwnTokens(advantages.get(scored++), old, proposals(response, teacher)));
            }
        }
        return tokens;
    }

    /** log p̃ of each token; by the teacher's scores where the student's coin mixed, which is of whole distributions. */
    private double[] proposals(Response response, float[] teacher) {
        double[] drawn = response.teacherProposalLogProbabilities();
        double[] student = response.studentProposalLogProbabilities();
        return IntStream.range(0, student.length)
                .mapToDouble(t -> settings.proposal().mixing() == 0
                        ? student[t]
                        : settings.proposal().logProbability(drawn.length > 0 ? drawn[t] : teacher[t], student[t]))
                .toArray();
    }

    @Override
    public Map<String, Double> ownText() {
        return ownText;
    }

    @Override
    public List<String> alarms() {
        return alarms;
    }

    @Override
    public Map<String, Double> scheduled() {
        return scheduled;
    }

    @Override
    public void evaluated(double loss) {
        if (kinds.evaluated(loss)) {
            parts.notices()
                    .accept(String.format(
                            Locale.ROOT, "held-out loss up to %.4f: on_policy_share is now %.3g", loss, kinds.share()));
        }
    }

    @Override
    public Map<String, Double> saved(long step) {
        return kinds.saved(step);
    }

    @Override
    public List<String> failures() {
        List<String> failures = new ArrayList<>(taking.failures());
        failures.addAll(parts.data().failures());
        return failures;
    }

    @Override
    public long stallNanos() {
        return stallNanos + taking.stallNanos() + parts.data().stallNanos();
    }

    @Override
    public void close() {
        parts.data().close();
        parts.stream().close();
        parts.writer().close();
    }
}
