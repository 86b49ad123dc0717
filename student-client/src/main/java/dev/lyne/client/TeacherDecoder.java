package dev.lyne.client;

import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import dev.lyne.v1.DecodeSequence;
import dev.lyne.v1.DecodedTokens;
import dev.lyne.v1.StartSequences;
import dev.lyne.v1.StepSequences;
import dev.lyne.wire.Digests;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Texts that a teacher continues, many at once, on one replica at a time. What is said of texts is collected and sent together when an event is
 * waited for, or at {@link #flush}.
 *
 * <p>Where a replica is lost, is stuck or goes away, another one is told all tokens so far and goes on, with the same keys and so with the
 * same uniform numbers. The draws are the same bit for bit where the teacher is deterministic; elsewhere but for those that the last bits
 * of a distribution decide. Nothing that was answered is answered again.
 *
 * <p>One thread calls it.
 */
public final class TeacherDecoder implements AutoCloseable {
    /** Most that rounding puts a log-probability above 0. */
    private static final float MOST_NATS = 1e-4f;

    private static final int MAX_START_TOKENS = 1 << 17;
    private static final int PREFIX_BYTES = 5;
    private static final int FEW_TRIES = 3;

    /** A device that works for others alone is waited for, but not for ever. */
    private static final int WITHOUT_ANSWERS = 10;

    /** Later than this, the thread did not run, or was its caller's. */
    private static final long MOST_LATE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final DecodeSettings settings;
    private final TeacherDescription teacher;
    private final ClientOptions options;
    private final LongSupplier nanoTime;
    private final Supplier<Collection<Replica>> replicas;
    private final Runnable resolveAgain;
    private final Backoff backoff;
    private final BlockingQueue<DecodeCallObserver.Incoming> incoming = new LinkedBlockingQueue<>();
    private final Queue<DecodeEvent> events = new ArrayDeque<>();
    private final Map<Long, DecodedText> texts = new LinkedHashMap<>();
    private final Map<Integer, DecodedText> byNumber = new HashMap<>();
    private final BitSet numbers = new BitSet();
    private final Map<String, String> tried = new LinkedHashMap<>();
    private final Map<Replica, Standing> standings = new HashMap<>();
    /** Times at which replicas that refuse are asked again. */
    private final Map<Replica, Long> askAgainNanos = new HashMap<>();
    /** Keys of the texts that failed since anything was answered. */
    private final Set<Long> faulted = new HashSet<>();

    private @Nullable DecodeCallObserver call;
    /** Whether the call has brought an answer. */
    private boolean heard;
    /** No call is opened before. */
    private long connectNanos;

    private int nextReplica;
    private long devicePositions;
    private long movedNanos;
    private long answeredNanos;
    private long sentNanos;
    /** Time at which the clock is looked at again, at the latest, by a thread that runs. */
    private long dueNanos;
    /** Time that nobody is blamed for, in all. */
    private long absentNanos;

    private long draws;
    private long taken;
    private long requests;
    private long sentBytes;
    private long receivedBytes;
    private int calls;
    private boolean closed;

    TeacherDecoder(
            DecodeSettings settings,
            TeacherDescription teacher,
            ClientOptions options,
            LongSupplier nanoTime,
            Supplier<Collection<Replica>> replicas,
            Runnable resolveAgain) {
        this.settings = settings;
        this.teacher = teacher;
        this.options = options;
        this.nanoTime = nanoTime;
        this.connectNanos = nanoTime.getAsLong();
        this.dueNanos = connectNanos;
        this.replicas = replicas;
        this.resolveAgain = resolveAgain;
        this.backoff = new Backoff(
                options.timeouts().firstBackoff(),
                options.timeouts().maxBackoff(),
                RandomGeneratorFactory.of("L64X128MixRandom").create(options.seed()));
        this.nextReplica = (int) Long.remainderUnsigned(settings.seed() * 0x9E3779B97F4A7C15L, 1 << 20);
        restartProgressTimeout();
    }

    /** The teacher that decodes. */
    public TeacherDescription teacher() {
        return teacher;
    }

    /** Returns the settings that the texts have in common. */
    public DecodeSettings settings() {
        return settings;
    }

    /**
     * Opens the call to a replica, which is else opened with the first text.
     *
     * @throws TeacherException where none opens one within the time to retry, or the teacher does not decode
     */
    public void open() throws InterruptedException {
        requireOpen();
        beginWhereNothingIsOwed();
        if (call == null) {
            connect();
        }
    }

    /**
     * Begins a text.
     *
     * @param key tells it from all others of the seed; the same key is the same draws
     * @param draws tokens that the teacher draws at once, or fewer where a stop token comes; 0 or more
     */
    public void start(long key, int[] prompt, int draws) {
        requireOpen();
        requireFits(prompt.length, draws);
        if (prompt.length < 1) {
            throw new IllegalArgumentException("prompt: 0 tokens (expected: at least 1)");
        }
        if (texts.containsKey(key)) {
            throw new IllegalArgumentException("key: " + key + " (expected: one that no live text has)");
        }
        beginWhereNothingIsOwed();
        DecodedText text = new DecodedText(key, prompt, draws);
        text.dirty = draws > 0;
        requests += draws > 0 ? 1 : 0;
        texts.put(key, text);
    }

    /**
     * Says what a text took, and what is to be drawn next.
     *
     * @param ids tokens that the student took behind what was drawn; they are answered
     * @param draws tokens that the teacher draws then, or fewer where a stop token comes; 0 or more
     */
    public void step(long key, int[] ids, int draws) {
        DecodedText text = live(key);
        requireFits(text.size() + ids.length, draws);
        beginWhereNothingIsOwed();
        for (int id : ids) {
            text.append(id);
        }
        text.draws = draws;
        text.dirty |= ids.length > 0 || draws > 0;
        requests += draws > 0 ? 1 : 0;
    }

    /** Ends a text; what it is owed still comes, and then {@link DecodeEvent.Ended}. */
    public void end(long key, int[] ids) {
        step(key, ids, 0);
        DecodedText text = live(key);
        text.last = true;
        text.dirty = true;
    }

    private DecodedText live(long key) {
        requireOpen();
        DecodedText text = texts.get(key);
        if (text == null || text.last) {
            throw new IllegalArgumentException("key: " + key + " (expected: a text that was started and not ended)");
        }
        if (text.draws > 0) {
            throw new IllegalStateException("text " + key + ": " + text.draws + " draws are owed (expected: none)");
        }
        return text;
    }

    private void requireFits(int tokens, int draws) {
        if (draws < 0 || (long) tokens + draws > teacher.contextLength()) {
            throw new IllegalArgumentException("tokens: " + tokens + " and " + draws
                    + " draws (expected: at most context_length=" + teacher.contextLength() + " together)");
        }
    }

    /** Whether an event is to come. */
    public boolean isOwed() {
        return !events.isEmpty() || texts.values().stream().anyMatch(DecodedText::isOwed);
    }

    /** Whether an event of this text is to come; events that were not taken do not count. */
    public boolean isOwed(long key) {
        DecodedText text = texts.get(key);
        return text != null && text.isOwed();
    }

    /** Texts that have not ended. */
    public int texts() {
        return texts.size();
    }

    /** Returns the counts of what was carried. */
    public DecodeStatistics statistics() {
        return new DecodeStatistics(draws, taken, requests, sentBytes, receivedBytes, calls);
    }

    /**
     * The next event; waits for it.
     *
     * @throws IllegalStateException where nothing is owed
     * @throws TeacherException where no teacher goes on within the time to retry, or the teacher is another one
     */
    public DecodeEvent take() throws InterruptedException {
        while (true) {
            Optional<DecodeEvent> event = next(TeacherClient.POLL_NANOS);
            if (event.isPresent()) {
                return event.get();
            }
            if (!isOwed()) {
                throw new IllegalStateException(
                        "take: nothing is owed (expected: a text with draws or tokens to answer)");
            }
        }
    }

    /** The next event that is there, after what was said of texts is sent; waits for none, but for a replica where there is none. */
    public Optional<DecodeEvent> poll() throws InterruptedException {
        return next(0);
    }

    /** Sends what was said of texts. */
    public void flush() throws InterruptedException {
        requireOpen();
        long now = nanoTime.getAsLong();
        List<DecodedText> dirty = texts.values().stream()
                .filter(text -> text.dirty && text.restartNanos <= now)
                .toList();
        if (dirty.isEmpty()) {
            return;
        }
        if (call == null) {
            connect();
            flush(); // of all texts: the new server knows none
            return;
        }
        start(dirty.stream()
                .filter(text -> text.number == DecodedText.NO_NUMBER)
                .toList());
        stepAll(dirty);
    }

    /**
     * Returns the next event. What was said of texts is sent once all events are taken, so that answers which came
     * together are followed by one message.
     */
    private Optional<DecodeEvent> next(long waitNanos) throws InterruptedException {
        if (!events.isEmpty()) {
            return Optional.of(events.remove());
        }
        flush();
        for (DecodeCallObserver.Incoming one = incoming.poll(); one != null; one = incoming.poll()) {
            handle(one);
        }
        if (events.isEmpty() && waitNanos > 0) {
            DecodeCallObserver.Incoming one = await(waitNanos);
            if (one != null) {
                handle(one);
            }
        }
        if (events.isEmpty()) {
            watchProgress();
        }
        return Optional.ofNullable(events.poll());
    }

    private void start(List<DecodedText> joining) {
        StartSequences.Builder message = StartSequences.newBuilder();
        int tokens = 0;
        for (DecodedText text : joining) {
            text.number = numbers.nextClearBit(0);
            numbers.set(text.number);
            byNumber.put(text.number, text);
            text.told = text.answered;
            int[] known = text.tokens(0, text.answered);
            DecodeSequence.Builder sequence = DecodeSequence.newBuilder()
                    .setSequence(text.number)
                    .setKey(text.key)
                    .setTokenIdsCrc32C(Digests.tokenChecksum(known))
                    .setPromptTokens(text.promptTokens == known.length ? 0 : text.promptTokens);
            for (int id : known) {
                sequence.addTokenIds(id);
            }
            if (text.told == text.size()) {
                sequence.setDraws(text.draws);
                text.dirty = text.last;
            }
            message.addSequences(sequence);
            tokens += known.length;
            if (tokens >= MAX_START_TOKENS) {
                send(DecodeRequest.newBuilder().setStart(message).build());
                message = StartSequences.newBuilder();
                tokens = 0;
            }
        }
        if (message.getSequencesCount() > 0) {
            send(DecodeRequest.newBuilder().setStart(message).build());
        }
    }

    private void stepAll(List<DecodedText> dirty) {
        StepSequences.Builder message = StepSequences.newBuilder();
        List<Integer> ids = new ArrayList<>();
        boolean anyTaken = false;
        boolean oneDrawOfEach = true;
        List<DecodedText> told = new ArrayList<>();
        for (DecodedText text : dirty) {
            if (!text.dirty) {
                continue;
            }
            text.dirty = false;
            if (text.last) {
                message.addEnded(text.number);
            }
            if (text.told < text.size() || text.draws > 0) {
                told.add(text);
                anyTaken |= text.told < text.size();
                oneDrawOfEach &= text.draws == 1;
            }
        }
        for (DecodedText text : told) {
            message.addSequences(text.number);
            if (anyTaken) {
                message.addTakenCounts(text.size() - text.told);
            }
            if (!oneDrawOfEach) {
                message.addDraws(text.draws);
            }
            for (; text.told < text.size(); text.told++) {
                ids.add(text.token(text.told));
            }
        }
        if (!ids.isEmpty()) {
            message.addAllTakenTokenIds(ids)
                    .setTakenTokenIdsCrc32C(Digests.tokenChecksum(
                            ids.stream().mapToInt(Integer::intValue).toArray()));
        }
        if (message.getSequencesCount() > 0 || message.getEndedCount() > 0) {
            send(DecodeRequest.newBuilder().setStep(message).build());
        }
    }

    private void send(DecodeRequest request) {
        DecodeCallObserver open = call;
        if (open == null) {
            throw new IllegalStateException("no call is open");
        }
        sentBytes += request.getSerializedSize() + PREFIX_BYTES;
        sentNanos = nanoTime.getAsLong();
        open.send(request); // what a call that has ended does not take is told to the next one
    }

    private void handle(DecodeCallObserver.Incoming one) {
        if (one.call() != call) {
            return; // of a call that was given up
        }
        if (one instanceof DecodeCallObserver.Incoming.Over over) {
            lost(
                    over.failure() == null
                            ? CallFailure.of(Status.Code.UNAVAILABLE, "the server completed the call")
                            : CallFailure.of(over.failure()));
        } else if (one instanceof DecodeCallObserver.Incoming.Message message) {
            handle(message.response());
        }
    }

    private void handle(DecodeResponse response) {
        receivedBytes += response.getSerializedSize() + PREFIX_BYTES;
        switch (response.getMessageCase()) {
            case DECODED -> decoded(response.getDecoded());
            case FAILED ->
                failed(
                        response.getFailed().getSequence(),
                        CallFailure.of(response.getFailed().getStatus()));
            case PROGRESS -> {
                long positions = response.getProgress().getDevicePositions();
                if (positions != devicePositions) {
                    devicePositions = positions;
                    movedNanos = nanoTime.getAsLong();
                }
            }
            case OPENED, MESSAGE_NOT_SET -> protocolError("message: " + response.getMessageCase());
        }
    }

    private void decoded(DecodedTokens columns) {
        int token = 0;
        int drawnToken = 0;
        boolean same = columns.getProposalLogProbabilitiesCount() == 0;
        for (int i = 0; i < columns.getSequencesCount(); i++) {
            DecodedText text = byNumber.get(columns.getSequences(i));
            int takenCount = columns.getTakenCountsCount() == 0 ? 0 : columns.getTakenCounts(i);
            int drawnCount = columns.getDrawnCountsCount() == 0 ? 1 : columns.getDrawnCounts(i);
            if (text == null
                    || takenCount > text.size() - text.answered
                    || drawnCount > text.draws
                    || token + takenCount + drawnCount > columns.getLogProbabilitiesCount()
                    || drawnToken + drawnCount > columns.getDrawnTokenIdsCount()) {
                protocolError("an answer of " + takenCount + " taken and " + drawnCount + " drawn tokens to sequence "
                        + columns.getSequences(i) + ", which is not owed them");
                return;
            }
            int[] drawn = new int[drawnCount];
            float[] plain = new float[takenCount + drawnCount];
            float[] under = new float[plain.length];
            for (int j = 0; j < plain.length; j++, token++) {
                plain[j] = columns.getLogProbabilities(token);
                under[j] = same ? plain[j] : columns.getProposalLogProbabilities(token);
            }
            if (!isAnswer(columns, drawnToken, drawnCount, plain)) {
                protocolError("tokens " + columns.getDrawnTokenIdsList().subList(drawnToken, drawnToken + drawnCount)
                        + " with log-probabilities " + Arrays.toString(plain) + " (expected: ids below "
                        + teacher.vocabularySize() + ", none above 0 nats)");
                return;
            }
            for (int j = 0; j < drawnCount; j++) {
                drawn[j] = columns.getDrawnTokenIds(drawnToken++);
                text.append(drawn[j]);
                text.draws = settings.stopIds().contains(drawn[j]) ? 0 : text.draws - 1;
            }
            text.answered += plain.length;
            text.told = Math.max(text.told, text.answered);
            text.failures = 0;
            taken += takenCount;
            draws += drawnCount;
            events.add(new DecodeEvent.Answered(text.key, takenCount, drawn, plain, under));
        }
        for (int number : columns.getEndedList()) {
            DecodedText text = byNumber.remove(number);
            if (text == null || !text.last) {
                protocolError("the end of sequence " + number + ", which was not ended");
                return;
            }
            numbers.clear(number);
            texts.remove(text.key);
            events.add(new DecodeEvent.Ended(text.key));
        }
        heard = true;
        faulted.clear();
        DecodeCallObserver open = call;
        if (open != null) {
            boolean unusedOut = standing(open.replica()).answered();
        }
        restartProgressTimeout(); // a whole message that holds: what breaks the protocol is no progress
        if (!tried.isEmpty()) {
            tried.keySet().retainAll(refusing());
        }
        backoff.reset();
    }

    private boolean isAnswer(DecodedTokens columns, int from, int drawnCount, float[] logProbabilities) {
        for (int j = from; j < from + drawnCount; j++) {
            int id = columns.getDrawnTokenIds(j);
            if (id < 0 || id >= teacher.vocabularySize()) {
                return false;
            }
        }
        for (float each : logProbabilities) {
            if (!(each <= MOST_NATS)) { // NaN, too
                return false;
            }
        }
        return true;
    }

    private void failed(int number, CallFailure failure) {
        DecodedText text = byNumber.remove(number);
        if (text == null) {
            return; // one that failed twice, as its step crossed its failure
        }
        numbers.clear(number);
        text.callLost();
        CallFailure.Remedy remedy = failure.ofSequence();
        boolean fault = remedy == CallFailure.Remedy.RETRY_FEW;
        boolean leave = fault && doubt(text);
        // No text spends a try on a replica at which others fail, too, where another may be better.
        boolean spared = leave && faulted.size() > 1;
        text.failures += spared ? 0 : 1;
        if (remedy == CallFailure.Remedy.RETRY || spared || (fault && text.failures < FEW_TRIES)) {
            text.dirty = true;
            text.restartNanos =
                    nanoTime.getAsLong() + Math.max(failure.retryAfter().toNanos(), backoff.nextNanos());
            tried.put(label(), failure.toString());
        } else {
            texts.remove(text.key);
            events.add(new DecodeEvent.Failed(
                    text.key, new SequenceFailedException(text.key, failure.code(), failure.description())));
        }
        if (leave) {
            leave("one text after the other fails there: " + failure);
        }
    }

    /** A text failed by a fault. Returns whether it was not the first since the replica answered, and another replica may be better. */
    private boolean doubt(DecodedText text) {
        DecodeCallObserver open = call;
        if (open == null) {
            return false;
        }
        faulted.add(text.key);
        Standing here = standing(open.replica());
        boolean before = here.isInDoubt();
        boolean unusedOut = here.faulted();
        return before
                && replicas.get().stream()
                        .filter(other -> !other.equals(open.replica()))
                        .map(this::standing)
                        .anyMatch(other -> !other.refuses() && !other.isInDoubt());
    }

    private Standing standing(Replica replica) {
        return standings.computeIfAbsent(replica, unused -> new Standing());
    }

    /** Ends a call that is open; others are asked first. */
    private void leave(String why) {
        DecodeCallObserver open = call;
        if (open != null) {
            open.cancel(why);
            heard = false;
            lost(CallFailure.of(Status.Code.UNAVAILABLE, why));
        }
    }

    private String label() {
        return call == null ? "" : call.replica().label();
    }

    private void protocolError(String what) {
        DecodeCallObserver open = call;
        if (open != null) {
            open.cancel(what);
        }
        lost(CallFailure.of(Status.Code.INTERNAL, "broke the protocol: " + what));
    }

    /** The call is over: its texts are to be told to another. */
    private void lost(CallFailure failure) {
        DecodeCallObserver ended = call;
        String address = label();
        call = null;
        byNumber.clear();
        numbers.clear();
        texts.values().forEach(DecodedText::callLost);
        tried.put(address, failure.toString());
        if (ended != null) {
            requireOneThatMayAccept(ended.replica(), failure);
        }
        // Who opens calls and answers none, or refuses, is not asked again at once, and others first.
        if (!heard || failure.ofCall() == CallFailure.Remedy.GIVE_UP) {
            nextReplica++;
            connectNanos = nanoTime.getAsLong() + backoff.nextNanos();
        }
        resolveAgain.run();
    }

    /** Takes note of why a replica ended or did not open a call; throws where it is another teacher, or none is left that may accept. */
    private void requireOneThatMayAccept(Replica replica, CallFailure failure) {
        Standing standing = standing(replica);
        if (failure.isMismatch() && (!failure.isOpeningMismatch() || standing.mismatched())) {
            throw failure.asFinal(replica.label());
        }
        if (failure.isMismatch() || failure.ofCall() != CallFailure.Remedy.GIVE_UP) {
            standing.unheard();
            return;
        }
        boolean newly = standing.refused(failure);
        if (standing.refuses()) {
            askAgainNanos.put(replica, nanoTime.getAsLong() + backoff.longNanos());
            requireOneThatMayAccept(replicas.get());
        }
        if (newly) {
            options.listener()
                    .onWaiting("teacher " + replica.label() + ": " + failure
                            + "; it is asked again now and then, and others meanwhile");
        }
    }

    private void requireOneThatMayAccept(Collection<Replica> all) {
        if (!all.isEmpty() && all.stream().allMatch(each -> standing(each).refuses())) {
            throw new TeacherRefusedException(history());
        }
    }

    private Set<String> refusing() {
        return standings.entrySet().stream()
                .filter(each -> each.getValue().refuses())
                .map(each -> each.getKey().label())
                .collect(Collectors.toSet());
    }

    private boolean isLeftAlone(Replica replica) {
        return standing(replica).refuses()
                && nanoTime.getAsLong() - askAgainNanos.getOrDefault(replica, nanoTime.getAsLong()) < 0;
    }

    /** Opens a call with the next replica that opens one, waiting until the progress timeout. */
    private void connect() throws InterruptedException {
        int inARow = 0;
        sleep(Math.max(0, connectNanos - nanoTime.getAsLong()));
        while (call == null) {
            List<Replica> known = List.copyOf(replicas.get());
            if (known.isEmpty() || inARow >= known.size()) {
                inARow = 0;
                sleep(backoff.nextNanos());
                known = List.copyOf(replicas.get());
            }
            requireProgressInTime();
            requireOneThatMayAccept(known);
            if (!known.isEmpty()) {
                Replica next = known.get(Math.floorMod(nextReplica++, known.size()));
                if (!isLeftAlone(next)) {
                    open(next);
                }
                inARow++;
            }
        }
    }

    private void open(Replica replica) throws InterruptedException {
        DecodeCallObserver attempt = DecodeCallObserver.start(replica, incoming);
        DecodeRequest opening = Contract.openDecode(settings, teacher, options);
        sentBytes += opening.getSerializedSize() + PREFIX_BYTES;
        attempt.send(opening);
        long deadline = look() - absentNanos + options.timeouts().open().toNanos();
        while (true) {
            DecodeCallObserver.Incoming one = await(TeacherClient.POLL_NANOS);
            if (one instanceof DecodeCallObserver.Incoming.Message message
                    && message.call() == attempt
                    && message.response().hasOpened()) {
                receivedBytes += message.response().getSerializedSize() + PREFIX_BYTES;
                try {
                    TeacherAgreement.requireSame(
                            replica.label(),
                            Contract.description(message.response().getOpened().getTeacher()),
                            teacher,
                            settings.expectation(),
                            settings.sameBits());
                } catch (TeacherMismatchException e) {
                    attempt.cancel("another teacher than was asked for");
                    if (standing(replica).mismatched()) {
                        throw e;
                    }
                    tried.put(replica.label(), String.valueOf(e.getMessage()));
                    return;
                }
                standing(replica).accepted();
                call = attempt;
                heard = false;
                calls++;
                nextReplica--; // the same one first, where it is only this call that ends
                movedNanos = nanoTime.getAsLong();
                return;
            }
            if (one instanceof DecodeCallObserver.Incoming.Over over && over.call() == attempt) {
                CallFailure failure = over.failure() == null
                        ? CallFailure.of(Status.Code.UNAVAILABLE, "the server completed the call")
                        : CallFailure.of(over.failure());
                tried.put(replica.label(), failure.toString());
                requireOneThatMayAccept(replica, failure);
                resolveAgain.run();
                return;
            }
            if (look() - absentNanos - deadline >= 0) {
                attempt.cancel("not opened in time");
                tried.put(
                        replica.label(),
                        "not opened within "
                                + Timeouts.inSeconds(options.timeouts().open()));
                return;
            }
            requireProgressInTime();
        }
    }

    /** Gives a replica up whose device stands still, and everything after the progress timeout. */
    private void watchProgress() {
        if (texts.values().stream().noneMatch(DecodedText::isOwed)) {
            restartProgressTimeout();
            return;
        }
        requireProgressInTime();
        DecodeCallObserver open = call;
        boolean byServer =
                texts.values().stream().anyMatch(text -> text.isOwed() && text.number != DecodedText.NO_NUMBER);
        long still = look() - Math.max(movedNanos, sentNanos);
        if (open != null && byServer && still >= options.timeouts().stuck().toNanos()) {
            leave("no progress for " + Timeouts.inSeconds(options.timeouts().stuck()));
        }
    }

    private void requireProgressInTime() {
        long now = look();
        long retryNanos = options.timeouts().retry().toNanos();
        if (options.listener().isStopRequested()) {
            throw new TeacherUnavailableException("stopped as asked; " + history());
        }
        if (now - answeredNanos >= WITHOUT_ANSWERS * retryNanos
                || now - Math.max(movedNanos, answeredNanos) >= retryNanos) {
            throw new TeacherUnavailableException(
                    "no answer for " + Timeouts.inSeconds(options.timeouts().retry()) + "; " + history());
        }
    }

    /**
     * Returns the time, as the progress timeout counts it. The invariant: where the clock is looked at far later than was due, the process was suspended or the
     * caller did something else, and what had no chance to be heard is given that time back before anything is compared with it.
     */
    private long look() {
        long now = nanoTime.getAsLong();
        long late = now - dueNanos;
        dueNanos = now;
        if (late > MOST_LATE_NANOS) {
            absentNanos += late;
            answeredNanos = Math.min(now, answeredNanos + late);
            movedNanos = Math.min(now, movedNanos + late);
            sentNanos = Math.min(now, sentNanos + late);
        }
        return now;
    }

    private DecodeCallObserver.@Nullable Incoming await(long nanos) throws InterruptedException {
        dueNanos = look() + nanos;
        return incoming.poll(nanos, TimeUnit.NANOSECONDS);
    }

    private void sleep(long nanos) throws InterruptedException {
        dueNanos = look() + nanos;
        TimeUnit.NANOSECONDS.sleep(nanos);
    }

    private String history() {
        return tried.isEmpty()
                ? "nothing was refused"
                : tried.entrySet().stream()
                        .map(entry -> "teacher " + entry.getKey() + ": " + entry.getValue())
                        .collect(Collectors.joining("; "));
    }

    private void beginWhereNothingIsOwed() {
        if (!isOwed()) {
            restartProgressTimeout();
        }
    }

    private void restartProgressTimeout() {
        answeredNanos = nanoTime.getAsLong();
        movedNanos = answeredNanos;
        sentNanos = answeredNanos;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the decoder is closed");
        }
    }

    /** Ends the call; its texts are forgotten on both sides. */
    @Override
    public void close() {
        closed = true;
        DecodeCallObserver open = call;
        if (open != null) {
            open.cancel("the student has closed it");
            call = null;
        }
    }
}
