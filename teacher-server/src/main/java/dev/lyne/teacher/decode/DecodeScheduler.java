package dev.lyne.teacher.decode;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.DecodeItem;
import dev.lyne.row.DecodeOutcome;
import dev.lyne.teacher.batch.DeviceWork;
import dev.lyne.teacher.batch.FittedSizes;
import dev.lyne.teacher.model.DeviceMemory;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.LocalDecoder;
import dev.lyne.teacher.model.LocalDecoder.Cache;
import dev.lyne.teacher.model.LocalDecoder.Extension;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.FairOrder;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.wire.Digests;
import dev.lyne.wire.draw.SeededUniforms;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sessions whose texts share the steps of one decoder. A step takes every sequence that is owed something, up to a number of new tokens; where there
 * are more, {@link FairOrder} says whose turn it is, some of a session at a time. Long prompts are taken in stretches.
 *
 * <p>The first {@code cached.length()} of a sequence's tokens have keys and values. The invariant: the token before an owed one has none yet, so that its
 * distribution comes with them. The last token gets them only when the one after it is to be drawn.
 *
 * <p>The decoder is called by the device's thread alone, in {@link #run} and {@link #end}: it closes the caches of what others gave up.
 */
public final class DecodeScheduler extends DecodeSessions implements DeviceWork {
    private static final Logger LOG = LoggerFactory.getLogger(DecodeScheduler.class);

    private static final int MAX_STEP_SEQUENCES = 256;

    /** Most sequences of a step of a deterministic decoder, which takes one after another. */
    private static final int MAX_STEP_SEQUENCES_ALONE = 8;

    /** New tokens of a step, so that a prompt holds others up for no longer than that. */
    private static final int MAX_STEP_TOKENS = 512;

    /** Sequences of a session that are taken in one turn. */
    private static final int MAX_TURN_SEQUENCES = 8;

    /** Most times, a millisecond each, that a step waits for more of the sequences that have just been answered. */
    private static final int GATHERING_WAITS = 3;

    private final LocalDecoder decoder;
    private final PacedLog memory = new PacedLog(LOG);
    private volatile Runnable wake = () -> {};
    private volatile long cacheBytes;

    /** Tokens of texts, with those before them, and new ones; for the device's thread. */
    private final FittedSizes fitted = new FittedSizes();

    @GuardedBy("lock")
    private final Map<Sequence, Cache> cached = new HashMap<>();

    /** Caches that nobody needs any more. */
    @GuardedBy("lock")
    private List<Cache> givenUp = new ArrayList<>();

    /** Sequences whose students may have something to say right after the last step. */
    @GuardedBy("lock")
    private int awaited;

    /**
     * Takes a decoder over, to be closed with the device's thread.
     *
     * @param telling runs what it is given one at a time and in order
     */
    public DecodeScheduler(
            LocalDecoder decoder,
            TeacherDescription teacher,
            DecodeOptions options,
            LongSupplier nanoClock,
            DecodeMetrics metrics,
            Executor telling) {
        super(teacher, options, nanoClock, metrics, telling);
        this.decoder = decoder;
    }

    @Override
    public long cacheBytes() {
        return cacheBytes;
    }

    @Override
    void wake() {
        wake.run();
    }

    @Override
    @GuardedBy("lock")
    void letGo(Sequence sequence) {
        if (!sequence.running) {
            giveUp(sequence);
        }
    }

    @GuardedBy("lock")
    private void giveUp(Sequence sequence) {
        Cache cache = cached.remove(sequence);
        if (cache != null) {
            givenUp.add(cache);
            waits = true;
        }
    }

    @Override
    public boolean waits() {
        return waits;
    }

    @Override
    public void onArrival(Runnable action) {
        wake = action;
    }

    @Override
    public Duration longestForward() {
        return options.batchTime();
    }

    @Override
    public Stretch run() {
        List<Sequence> chosen = new ArrayList<>();
        List<Extension> extensions = new ArrayList<>();
        gather();
        int tokens = choose(chosen, extensions);
        closeGivenUp();
        List<Forward> forwards = new ArrayList<>();
        if (!chosen.isEmpty()) {
            step(chosen, extensions, forwards);
            closeGivenUp();
        }
        cacheBytes = decoder.cacheBytes();
        return new Stretch(tokens, shares(chosen, extensions, tokens), forwards);
    }

    private static Map<Flow, Double> shares(List<Sequence> chosen, List<Extension> extensions, int tokens) {
        Map<Flow, Double> shares = new HashMap<>();
        for (int i = 0; i < chosen.size(); i++) {
            double share = (double) extensions.get(i).item().tokens().length / tokens;
            shares.merge(chosen.get(i).session.flow, share, Double::sum);
        }
        return shares;
    }

    /** Waits a moment while students answer to the last step, lest the first of them has a step of its own. */
    private void gather() {
        synchronized (lock) {
            int before = -1;
            for (int i = 0; i < GATHERING_WAITS && before < runnableSequences && runnableSequences < awaited; i++) {
                before = runnableSequences;
                try {
                    lock.wait(1);
                } catch (InterruptedException e) {
                    throw new IllegalStateException("the device thread was interrupted", e);
                }
            }
            awaited = 0;
        }
    }

    private int choose(List<Sequence> chosen, List<Extension> extensions) {
        int most = teacher.deterministic() ? MAX_STEP_SEQUENCES_ALONE : MAX_STEP_SEQUENCES;
        int tokens = 0;
        synchronized (lock) {
            while (!turns.isEmpty() && chosen.size() < most && tokens < MAX_STEP_TOKENS) {
                Session session = turns.first();
                if (isFull(session)) {
                    turns.remove(session);
                    session.blocked.addAll(dequeue(session, Integer.MAX_VALUE));
                    continue;
                }
                int before = tokens;
                for (int i = 0; i < MAX_TURN_SEQUENCES && chosen.size() < most && tokens < MAX_STEP_TOKENS; i++) {
                    Optional<Sequence> next = dequeue(session, 1).stream().findFirst();
                    if (next.isEmpty()) {
                        break;
                    }
                    Sequence sequence = next.get();
                    sequence.queued = false;
                    sequence.running = true;
                    Extension extension = next(sequence, MAX_STEP_TOKENS - tokens);
                    tokens += extension.item().tokens().length;
                    chosen.add(sequence);
                    extensions.add(extension);
                }
                turns.take(session, tokens - before);
                if (!session.runnable.isEmpty()) {
                    turns.put(session, List.of(session.flow), 0);
                }
            }
            waits = runnableSequences > 0 || !givenUp.isEmpty();
        }
        return tokens;
    }

    private void step(List<Sequence> chosen, List<Extension> extensions, List<Forward> forwards) {
        long startNanos = nanoClock.getAsLong();
        List<DecodeOutcome> outcomes;
        try {
            outcomes = decoder.extend(extensions);
            if (outcomes.size() != extensions.size()) {
                throw new IllegalStateException(
                        "the decoder gave " + outcomes.size() + " outcomes (expected: " + extensions.size() + ")");
            }
        } catch (Throwable e) {
            if (DeviceMemory.isExhausted(e)) {
                splitOrFail(chosen, extensions, forwards, e);
                return;
            }
            // The step fails, its sequences are told, and the next step gets its chance.
            LOG.error("teacher {} failed to decode {} sequences", teacher.name(), chosen.size(), e);
            forwards.add(Forward.threwAt(identities(chosen)));
            failAll(chosen, Failure.of(Failure.Reason.MODEL_FAILED, "the model failed", e));
            return;
        }
        forwards.add(Forward.SUCCEEDED);
        for (int i = 0; i < extensions.size(); i++) {
            if (outcomes.get(i) instanceof DecodeOutcome.Answered) {
                Extension extension = extensions.get(i);
                fitted.add(extension.cache().length(), extension.item().tokens().length);
            }
        }
        long tokens = extensions.stream()
                .mapToLong(extension -> extension.item().tokens().length)
                .sum();
        metrics.stepped(chosen.size(), tokens, nanoClock.getAsLong() - startNanos);
        synchronized (lock) {
            settle(chosen, outcomes);
        }
    }

    /** Returns what tells texts from others, wherever they are started again: their keys and prompts. */
    private Set<Long> identities(List<Sequence> chosen) {
        synchronized (lock) {
            return chosen.stream()
                    .map(sequence -> 31 * sequence.key
                            + Digests.tokenChecksum(Arrays.copyOf(sequence.tokens, sequence.promptTokens)))
                    .collect(Collectors.toSet());
        }
    }

    private void failAll(List<Sequence> chosen, Failure failure) {
        synchronized (lock) {
            for (Sequence sequence : chosen) {
                sequence.running = false;
                if (sequence.forgotten) {
                    giveUp(sequence);
                } else {
                    fail(sequence, failure);
                    endWhereNothingIsOwed(sequence.session);
                }
            }
        }
    }

    /** Takes each half of a step that the device has no memory for by itself, since no sequence moved; one that is too much alone fails alone. */
    private void splitOrFail(
            List<Sequence> chosen, List<Extension> extensions, List<Forward> forwards, Throwable cause) {
        memory.warn("teacher " + teacher.name() + ": no memory on the device for a step of decoding of " + chosen.size()
                + " texts (expected: room; lower --kv-cache-mib or --batch-tokens): "
                + PrintableText.ofClient(String.valueOf(cause.getMessage())));
        metrics.ranOutOfMemory();
        if (chosen.size() == 1) {
            int held = extensions.get(0).cache().length();
            int more = extensions.get(0).item().tokens().length;
            if (fitted.contains(held + more, more)) {
                forwards.add(new Forward(true, identities(chosen), held + more));
            }
            failAll(
                    chosen,
                    new Failure(
                            Failure.Reason.DEVICE_MEMORY,
                            "no memory on the device for " + more + " tokens behind the text's " + held
                                    + ", even alone (expected: a shorter text, a lower --kv-cache-mib, or a larger device)"));
            return;
        }
        int half = (chosen.size() + 1) / 2;
        step(chosen.subList(0, half), extensions.subList(0, half), forwards);
        closeGivenUp(); // what ended with the first half is room for the second
        step(chosen.subList(half, chosen.size()), extensions.subList(half, extensions.size()), forwards);
    }

    @GuardedBy("lock")
    private void settle(List<Sequence> chosen, List<DecodeOutcome> outcomes) {
        Map<Session, ColumnsBuilder> columns = new HashMap<>();
        Map<Sequence, DecodeOutcome.NoRoom> withoutRoom = new LinkedHashMap<>();
        for (int i = 0; i < chosen.size(); i++) {
            Sequence sequence = chosen.get(i);
            Session session = sequence.session;
            sequence.running = false;
            if (sequence.forgotten) {
                giveUp(sequence);
                continue;
            }
            DecodeOutcome outcome = outcomes.get(i);
            if (outcome instanceof DecodeOutcome.Answered answered) {
                ColumnsBuilder own = columns.computeIfAbsent(
                        session, one -> new ColumnsBuilder(one.terms.proposal().isPlain()));
                settle(sequence, answered, own);
            } else if (outcome instanceof DecodeOutcome.NoRoom noRoom) {
                withoutRoom.put(sequence, noRoom);
            } else if (outcome instanceof DecodeOutcome.NotFinite notFinite) {
                fail(
                        sequence,
                        new Failure(
                                Failure.Reason.NOT_FINITE,
                                "logits at position " + notFinite.position() + " are not finite (expected: finite)"));
            }
        }
        for (Map.Entry<Session, ColumnsBuilder> one : columns.entrySet()) {
            tell(one.getKey(), one.getValue());
        }
        if (!withoutRoom.isEmpty()) {
            makeRoom(withoutRoom); // after what came of others: who gives way may be among them
        }
        for (Sequence sequence : chosen) {
            if (!sequence.forgotten) {
                enqueue(sequence);
                awaited += sequence.queued ? 0 : 1;
            }
            endWhereNothingIsOwed(sequence.session);
        }
    }

    /**
     * Of texts that had no room, those have another step for which one of another tenant {@linkplain CacheShares gives way}; the others fail. One
     * gives way at a time, since what it leaves may be room for several.
     */
    @GuardedBy("lock")
    private void makeRoom(Map<Sequence, DecodeOutcome.NoRoom> withoutRoom) {
        CacheShares<Sequence> shares = new CacheShares<>(
                options.maxCacheBytes(),
                cached.entrySet().stream()
                        .filter(one -> !one.getKey().running)
                        .map(one -> new CacheShares.Held<>(
                                one.getKey(),
                                one.getKey().session.tenant(),
                                one.getValue().bytes()))
                        .toList());
        Optional<Sequence> first = Optional.empty();
        for (Map.Entry<Sequence, DecodeOutcome.NoRoom> one : withoutRoom.entrySet()) {
            Sequence sequence = one.getKey();
            Cache cache = cached.get(sequence);
            long held = cache == null ? 0 : cache.bytes();
            Optional<Sequence> yielding =
                    shares.yielding(sequence.session.tenant(), one.getValue().wantedBytes() - held);
            if (yielding.isEmpty()) {
                fail(
                        sequence,
                        noRoom(cacheBytes + " bytes are held and "
                                + one.getValue().wantedBytes() + " more wanted"));
            } else if (first.isEmpty()) {
                first = yielding;
            }
        }
        first.filter(sequence -> !sequence.forgotten).ifPresent(sequence -> {
            fail(sequence, noRoom("the text gave way to that of a tenant with less"));
            endWhereNothingIsOwed(sequence.session);
        });
    }

    private Failure noRoom(String why) {
        return new Failure(
                Failure.Reason.KV_CACHE_FULL,
                "keys and values: " + why + " (expected: at most --kv-cache-mib=" + (options.maxCacheBytes() >> 20)
                        + ")");
    }

    private void closeGivenUp() {
        List<Cache> closing;
        synchronized (lock) {
            closing = givenUp;
            givenUp = new ArrayList<>();
            waits = runnableSequences > 0;
        }
        closing.forEach(Cache::close);
    }

    @Override
    public void end() {
        endAll();
        closeGivenUp();
        decoder.close();
        cacheBytes = 0;
    }

    /**
     * Returns the sequence's next extension, with so many new tokens at most, or a whole prompt where it must not be
     * cut.
     */
    @GuardedBy("lock")
    private Extension next(Sequence sequence, int mostTokens) {
        int size = sequence.size;
        Cache cache = cached.computeIfAbsent(sequence, fresh -> decoder.open(fresh.promptTokens));
        int from = cache.length();
        int most = teacher.deterministic() && from == 0 ? Math.max(mostTokens, sequence.promptTokens) : mostTokens;
        int to = Math.min(sequence.drawsLeft > 0 ? size : size - 1, from + most);
        int[] labels = new int[to - from];
        for (int t = from; t < to; t++) {
            labels[t - from] = t + 1 == size
                    ? DecodeItem.DRAW
                    : t + 1 >= sequence.answered ? sequence.tokens[t + 1] : DecodeItem.NOTHING;
        }
        DecodeTerms terms = sequence.session.terms;
        double uniform = to == size
                ? SeededUniforms.TEACHER_DRAW.at(terms.seed(), sequence.key, (long) size - sequence.promptTokens)
                : 0;
        int[] more = Arrays.copyOfRange(sequence.tokens, from, to);
        return new Extension(cache, new DecodeItem(more, labels, uniform, terms.proposal()));
    }
}
