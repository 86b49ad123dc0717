package dev.lyne.load.bench;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.DecodeEvent;
import dev.lyne.client.DecodeSettings;
import dev.lyne.client.DecodeStatistics;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDecoder;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.lm.generation.CachedSequence;
import dev.lyne.lm.generation.Extension;
import dev.lyne.lm.generation.SequenceDecoder;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.load.proxy.NetworkProxy;
import dev.lyne.load.proxy.NetworkShape;
import dev.lyne.row.DecodeItem;
import dev.lyne.row.DecodeOutcome;
import dev.lyne.row.Proposal;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.wire.draw.SeededUniforms;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Decoding by a server against the same model's batch decode in this process, with the same prompts, keys and draws, in rounds that take turns;
 * and teacher-mixed sampling, in which the student tosses the coin and its own draws cost nothing: near the server, and behind a delay.
 */
public final class DecodeBenchmark {
    private static final long SEED = 11;
    private static final int PROMPT = 16;
    private static final int LEAST_TEXTS = 8;
    private static final int ALONE_SECONDS = 4;

    /**
     * Settings of the measurement.
     *
     * @param sessions students of the server, each with {@code sequences} texts at a time
     * @param tokens of each text, behind its prompt
     * @param mixing share of tokens that the teacher draws where the coin is tossed
     * @param delayMillis there and back, where there is a delay
     * @param inFlight texts at a time of one student, near and behind the delay
     */
    public record Plan(
            int sessions,
            int sequences,
            int tokens,
            int rounds,
            double mixing,
            int delayMillis,
            List<Integer> inFlight) {
        public Plan {
            inFlight = List.copyOf(inFlight);
        }
    }

    /**
     * The figures.
     *
     * @param loopedOverBatchDecode tokens a second where each text is one run of draws, over batch decode: median of the rounds
     * @param stepwiseOverBatchDecode the same where each token is asked for
     * @param coinBytesPerToken bytes of messages both ways, with gRPC's prefix, for a token of the mixture
     * @param coinRoundTripsPerToken times that a text waited for the server, for a token of the mixture
     * @param delayedOverLocal tokens a second behind the delay over those without, with most texts in flight
     * @param tokensPerSecond of the looped rounds: median
     * @param transformersOverBatchDecode tokens a second of {@code transformers}' own batch decode, over batch decode; null without a
     *     Python
     * @param textsThatDiffer texts of the server that are not those of batch decode, since a draw fell within what the shapes of batches
     *     change of the last bits
     */
    public record Result(
            double loopedOverBatchDecode,
            double stepwiseOverBatchDecode,
            double coinBytesPerToken,
            double coinRoundTripsPerToken,
            double delayedOverLocal,
            double tokensPerSecond,
            double batchDecodeTokensPerSecond,
            @Nullable Double transformersOverBatchDecode,
            int textsThatDiffer,
            Mixed mixed,
            List<Delayed> delayed,
            Plan plan) {}

    /**
     * The looped texts beside a student that has sequences scored all the while.
     *
     * @param decodeOverAlone tokens a second decoded, over the looped rounds'
     * @param scoringOverAlone positions a second scored, over those of the same student alone
     */
    public record Mixed(
            double decodeTokensPerSecond,
            double decodeOverAlone,
            double scoringPositionsPerSecond,
            double scoringOverAlone) {}

    /**
     * Teacher-mixed sampling with so many texts in flight.
     *
     * @param boundTokensPerSecond what a delay allows: in flight over the time of a token of a text alone and mixing · delay, or what
     *     there is without one
     */
    public record Delayed(
            int inFlight,
            double localTokensPerSecond,
            double delayedTokensPerSecond,
            double boundTokensPerSecond,
            double delayedOverBound) {}

    private final Path directory;
    private final ModelOptions options;
    private final Plan plan;
    private final Optional<Peer> peer;
    private final Consumer<String> progress;

    /**
     * Another implementation that decodes the same batch.
     *
     * @param python an interpreter that can import transformers, or the folder of its virtual environment
     * @param scratch folder for its script
     */
    public record Peer(String python, Path scratch) {}

    public DecodeBenchmark(
            Path directory, ModelOptions options, Plan plan, Optional<Peer> peer, Consumer<String> progress) {
        this.peer = peer;
        this.directory = directory;
        this.options = options;
        this.plan = plan;
        this.progress = progress;
    }

    /** Measures. */
    public Result run() throws IOException, InterruptedException {
        LanguageModelTeacher teacher = LanguageModelTeacher.load("bench", directory, options, false);
        int vocabulary = teacher.description().vocabularySize();
        ExecutorService students = Executors.newCachedThreadPool();
        try (TeacherServer server = TeacherServer.start(
                        List.of(teacher),
                        TeacherServerOptions.builder().memoryCacheBytes(0).build());
                ScoringModel model = ScoringModel.load(directory, options, ScoringOptions.of(vocabulary))) {
            List<int[]> prompts = prompts(vocabulary);
            List<Student> opened = open(server.port());
            double[] looped = new double[plan.rounds()];
            double[] stepwise = new double[plan.rounds()];
            double[] batch = new double[plan.rounds()];
            double[] peers = new double[plan.rounds()];
            long[] alike = batchDecode(model, prompts);
            long[] drawn = sessions(students, opened, prompts, plan.tokens());
            int differing = (int) IntStream.range(0, drawn.length)
                    .filter(text -> drawn[text] != alike[text])
                    .count();
            try (PeerProcess transformers = peer.isPresent()
                    ? PeerProcess.start("transformers_decode", start(peer.get(), model), job(model, prompts))
                    : null) {
                for (int round = 0; round < plan.rounds(); round++) {
                    batch[round] = rate(() -> batchDecode(model, prompts));
                    peers[round] = transformers == null
                            ? Double.NaN
                            : (double) prompts.size() * plan.tokens() / transformers.seconds();
                    looped[round] = rate(() -> sessions(students, opened, prompts, plan.tokens()));
                    stepwise[round] = rate(() -> sessions(students, opened, prompts, 1));
                    progress.accept(String.format(
                            "round %d of %d: %.0f tokens/s batch decode, %.0f looped, %.0f step by step%s",
                            round + 1,
                            plan.rounds(),
                            batch[round],
                            looped[round],
                            stepwise[round],
                            peer.isPresent() ? String.format(", transformers %.0f", peers[round]) : ""));
                }
            }
            Mixed mixed = mixed(students, server.port(), opened, prompts, vocabulary, Rounds.median(looped));
            opened.forEach(Student::close);
            List<Delayed> delayed = new ArrayList<>();
            DecodeStatistics coin =
                    coin(server.port(), plan.inFlight().get(0), vocabulary).statistics();
            long coinTokens = (long) texts(plan.inFlight().get(0)) * plan.tokens();
            double alone = coin(server.port(), 1, vocabulary).tokensPerSecond();
            for (int inFlight : plan.inFlight()) {
                delayed.add(delayed(server.port(), inFlight, vocabulary, alone));
            }
            return new Result(
                    Rounds.medianRatio(looped, batch),
                    Rounds.medianRatio(stepwise, batch),
                    (double) (coin.sentBytes() + coin.receivedBytes()) / coinTokens,
                    (double) coin.requests() / coinTokens,
                    delayed.get(delayed.size() - 1).delayedTokensPerSecond()
                            / delayed.get(delayed.size() - 1).localTokensPerSecond(),
                    Rounds.median(looped),
                    Rounds.median(batch),
                    peer.isPresent() ? Rounds.medianRatio(peers, batch) : null,
                    differing,
                    mixed,
                    delayed,
                    plan);
        } finally {
            students.shutdown();
        }
    }

    private static PeerProcess.Start start(Peer peer, ScoringModel model) {
        return new PeerProcess.Start(peer.python(), model.fingerprint().threads(), Map.of(), peer.scratch());
    }

    private Map<String, Object> job(ScoringModel model, List<int[]> prompts) {
        return Map.of(
                "model", directory.toString(),
                "device", options.device(),
                "precision", options.precision().torchName(),
                "threads", model.fingerprint().threads(),
                "tokens", plan.tokens(),
                "ids", prompts);
    }

    private List<int[]> prompts(int vocabulary) {
        SplittableRandom random = new SplittableRandom(SEED);
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < plan.sessions() * plan.sequences(); i++) {
            prompts.add(random.ints(PROMPT, 0, vocabulary).toArray());
        }
        return prompts;
    }

    /** All texts at once in this process; a hash of what was drawn for each. */
    private long[] batchDecode(ScoringModel model, List<int[]> prompts) {
        long[] hashes = new long[prompts.size()];
        try (SequenceDecoder decoder = model.decoder(Long.MAX_VALUE)) {
            List<CachedSequence> sequences =
                    prompts.stream().map(prompt -> decoder.open(PROMPT)).toList();
            List<int[]> next = new ArrayList<>(prompts);
            for (int step = 0; step < plan.tokens(); step++) {
                List<Extension> extensions = new ArrayList<>();
                for (int i = 0; i < next.size(); i++) {
                    int[] labels = new int[next.get(i).length];
                    Arrays.fill(labels, DecodeItem.NOTHING);
                    labels[labels.length - 1] = DecodeItem.DRAW;
                    extensions.add(new Extension(
                            sequences.get(i),
                            new DecodeItem(
                                    next.get(i),
                                    labels,
                                    SeededUniforms.TEACHER_DRAW.at(SEED, i, step),
                                    Proposal.PLAIN)));
                }
                List<DecodeOutcome> outcomes = decoder.extend(extensions);
                for (int i = 0; i < next.size(); i++) {
                    int id = ((DecodeOutcome.Answered) outcomes.get(i)).ids()[0];
                    hashes[i] = mixed(hashes[i], id);
                    next.set(i, new int[] {id});
                }
            }
        }
        return hashes;
    }

    private static long mixed(long hash, int id) {
        long x = hash * 1_000_003 + id + 1;
        return (x ^ (x >>> 31)) * 0x9E3779B97F4A7C15L;
    }

    /** A student of the server whose call is open. */
    private record Student(TeacherClient client, TeacherDecoder decoder) implements AutoCloseable {
        @Override
        public void close() {
            decoder.close();
            client.close();
        }
    }

    private List<Student> open(int port) throws InterruptedException {
        List<Student> opened = new ArrayList<>();
        for (int i = 0; i < plan.sessions(); i++) {
            TeacherClient client = TeacherClient.connect("127.0.0.1:" + port, ClientOptions.defaults());
            Student student = new Student(client, client.decoder(DecodeSettings.plain(SEED, Set.of())));
            student.decoder().open();
            opened.add(student);
        }
        return opened;
    }

    /** Runs the same work by students of the server. */
    private long[] sessions(ExecutorService threads, List<Student> students, List<int[]> prompts, int drawsAtATime)
            throws InterruptedException {
        long[] hashes = new long[prompts.size()]; // each written by one thread
        List<Callable<Void>> all = new ArrayList<>();
        for (int i = 0; i < students.size(); i++) {
            TeacherDecoder decoder = students.get(i).decoder();
            int first = i * plan.sequences();
            all.add(() -> {
                session(decoder, prompts, first, drawsAtATime, hashes);
                return null;
            });
        }
        for (Future<Void> one : threads.invokeAll(all)) {
            try {
                one.get();
            } catch (ExecutionException e) {
                throw new IllegalStateException("a student failed: " + e.getCause(), e.getCause());
            }
        }
        return hashes;
    }

    private void session(TeacherDecoder decoder, List<int[]> prompts, int first, int drawsAtATime, long[] hashes)
            throws InterruptedException {
        Map<Long, Integer> steps = new HashMap<>();
        for (int i = first; i < first + plan.sequences(); i++) {
            decoder.start(i, prompts.get(i), drawsAtATime);
        }
        while (decoder.isOwed()) {
            DecodeEvent event = decoder.take();
            if (event instanceof DecodeEvent.Answered answered) {
                for (int id : answered.drawnIds()) {
                    int step = steps.merge(answered.key(), 1, Integer::sum) - 1;
                    hashes[(int) answered.key()] = mixed(hashes[(int) answered.key()], id);
                    if (step + 1 == plan.tokens()) {
                        decoder.end(answered.key(), new int[0]);
                    } else if (drawsAtATime == 1) {
                        decoder.step(answered.key(), new int[0], 1);
                    }
                }
            } else if (!(event instanceof DecodeEvent.Ended)) {
                throw new IllegalStateException("a text failed: " + event);
            }
        }
    }

    /** A student that has sequences scored until it is told to stop, and counts positions. */
    private static final class Scored implements Runnable {
        private static final int LENGTH = 256;
        private static final int AHEAD = 32;

        private final TeacherClient client;
        private final int vocabulary;
        private final AtomicLong positions = new AtomicLong();
        private volatile boolean over;

        Scored(TeacherClient client, int vocabulary) {
            this.client = client;
            this.vocabulary = vocabulary;
        }

        @Override
        public void run() {
            SplittableRandom random = new SplittableRandom(SEED);
            TargetRequest request = new TargetRequest(new Selection.TopK(16, List.of()), TeacherExpectation.any());
            try (TargetStream stream = client.open(request)) {
                int ahead = 0;
                for (long id = 0; !over; id++) {
                    int[] tokens = random.ints(LENGTH, 0, vocabulary).toArray();
                    if (!stream.offer(TargetSequence.whole(id, tokens))) {
                        throw new IllegalStateException("a sequence was not taken on");
                    }
                    if (++ahead > AHEAD) {
                        positions.addAndGet(stream.take().rows());
                        ahead--;
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        double positionsPerSecond(Decode meanwhile) throws InterruptedException {
            long before = positions.get();
            long startNanos = System.nanoTime();
            long[] unusedHashes = meanwhile.run();
            return (positions.get() - before) / ((System.nanoTime() - startNanos) / 1e9);
        }
    }

    private Mixed mixed(
            ExecutorService threads,
            int port,
            List<Student> opened,
            List<int[]> prompts,
            int vocabulary,
            double loopedAlone)
            throws InterruptedException {
        try (TeacherClient client = TeacherClient.connect("127.0.0.1:" + port, ClientOptions.defaults())) {
            Scored scored = new Scored(client, vocabulary);
            Future<?> running = threads.submit(scored);
            while (scored.positions.get() == 0 && !running.isDone()) {
                Thread.onSpinWait();
            }
            double alone = scored.positionsPerSecond(() -> {
                TimeUnit.SECONDS.sleep(ALONE_SECONDS);
                return new long[0];
            });
            double[] tokens = new double[1];
            double beside = scored.positionsPerSecond(() -> {
                tokens[0] = rate(() -> sessions(threads, opened, prompts, plan.tokens()));
                return new long[0];
            });
            scored.over = true;
            try {
                Object unusedNothing = running.get();
            } catch (ExecutionException e) {
                throw new IllegalStateException("the scored student failed: " + e.getCause(), e.getCause());
            }
            progress.accept(String.format(
                    "beside a scored student: %.0f tokens/s decoded and %.0f positions/s scored, of %.0f and %.0f alone",
                    tokens[0], beside, loopedAlone, alone));
            return new Mixed(tokens[0], tokens[0] / loopedAlone, beside, beside / alone);
        }
    }

    /** Texts that a student makes in all, the finished ones replaced. */
    private static int texts(int inFlight) {
        return Math.max(2 * inFlight, LEAST_TEXTS);
    }

    private record Sampled(DecodeStatistics statistics, double tokensPerSecond) {}

    /** Teacher-mixed sampling by one student, whose own draws take no time. */
    private Sampled coin(int port, int inFlight, int vocabulary) throws InterruptedException {
        int texts = texts(inFlight);
        try (TeacherClient client = TeacherClient.connect("127.0.0.1:" + port, ClientOptions.defaults());
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(SEED, Set.of()))) {
            decoder.open();
            int[] made = new int[texts];
            int begun = 0;
            int ended = 0;
            SplittableRandom random = new SplittableRandom(SEED);
            long startNanos = System.nanoTime();
            for (; begun < Math.min(inFlight, texts); begun++) {
                decoder.start(begun, random.ints(PROMPT, 0, vocabulary).toArray(), 0);
                goOn(decoder, begun, made, vocabulary);
            }
            while (ended < texts) {
                DecodeEvent event = decoder.take();
                int key = (int) event.key();
                if (event instanceof DecodeEvent.Ended) {
                    ended++;
                    if (begun < texts) {
                        decoder.start(begun, random.ints(PROMPT, 0, vocabulary).toArray(), 0);
                        goOn(decoder, begun++, made, vocabulary);
                    }
                } else if (event instanceof DecodeEvent.Answered answered && answered.drawnIds().length > 0) {
                    made[key]++;
                    goOn(decoder, key, made, vocabulary);
                }
            }
            double seconds = (System.nanoTime() - startNanos) / 1e9;
            return new Sampled(decoder.statistics(), (double) texts * plan.tokens() / seconds);
        }
    }

    /** The student's own draws up to the next one that is the teacher's, or to the end. */
    private void goOn(TeacherDecoder decoder, int key, int[] made, int vocabulary) {
        int[] own = new int[plan.tokens() - made[key]];
        int count = 0;
        while (made[key] < plan.tokens() && SeededUniforms.STUDENT_COIN.at(SEED, key, made[key]) >= plan.mixing()) {
            own[count++] = (int) (SeededUniforms.STUDENT_DRAW.at(SEED, key, made[key]++) * vocabulary);
        }
        if (made[key] < plan.tokens()) {
            decoder.step(key, Arrays.copyOf(own, count), 1);
        } else {
            decoder.end(key, Arrays.copyOf(own, count));
        }
    }

    private Delayed delayed(int port, int inFlight, int vocabulary, double alone)
            throws IOException, InterruptedException {
        double local = coin(port, inFlight, vocabulary).tokensPerSecond();
        InetAddress loopback = InetAddress.getLoopbackAddress();
        double behind;
        try (NetworkProxy proxy = new NetworkProxy(
                new InetSocketAddress(loopback, 0),
                new InetSocketAddress(loopback, port),
                new NetworkShape(TimeUnit.MILLISECONDS.toNanos(plan.delayMillis()) / 2, Double.POSITIVE_INFINITY))) {
            behind = coin(proxy.port(), inFlight, vocabulary).tokensPerSecond();
        }
        double bound = Math.min(local, inFlight / (1 / alone + plan.mixing() * plan.delayMillis() / 1e3));
        progress.accept(String.format(
                "%d in flight: %.0f tokens/s near, %.0f behind %d ms, of %.0f that it allows",
                inFlight, local, behind, plan.delayMillis(), bound));
        return new Delayed(inFlight, local, behind, bound, behind / bound);
    }

    /** Something that decodes all texts. */
    private interface Decode {
        long[] run() throws InterruptedException;
    }

    private double rate(Decode decode) throws InterruptedException {
        long startNanos = System.nanoTime();
        long[] unusedHashes = decode.run();
        double tokens = (double) plan.sessions() * plan.sequences() * plan.tokens();
        return tokens / ((System.nanoTime() - startNanos) / 1e9);
    }
}
