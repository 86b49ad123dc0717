package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.Selection;
import dev.lyne.teacher.engine.FakeEngine.Fault;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Tenant;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** An engine behind the teacher's interface, over real HTTP, with answers recorded from a real vLLM and with every kind of wrong one. */
final class EngineTeacherTest {
    private static final Path TOKENIZER = Path.of("../examples/state-of-the-union/teacher");
    private static final EngineSettings.Limits LIMITS =
            new EngineSettings.Limits(8, Duration.ofSeconds(2), Duration.ofSeconds(30));
    private static final int[] FIVE = {3, 10, 21, 9, 40};

    @TempDir
    private Path directory;

    private final List<AutoCloseable> open = new ArrayList<>();
    private FakeEngine engine;

    @BeforeEach
    void start() throws Exception {
        engine = engine();
    }

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private FakeEngine engine() throws Exception {
        FakeEngine made = new FakeEngine();
        open.add(made);
        return made;
    }

    private EngineTeacher teacher(FakeEngine... engines) throws Exception {
        return teacher(Optional.empty(), engines);
    }

    private EngineTeacher teacher(Optional<Path> identity, FakeEngine... engines) throws Exception {
        return teacher(Optional.empty(), identity, Duration.ofSeconds(1), engines);
    }

    private EngineTeacher teacher(
            Optional<Path> model, Optional<Path> identity, Duration betweenProbes, FakeEngine... engines)
            throws Exception {
        return teacher(settings(model, identity, betweenProbes, LIMITS, engines));
    }

    private EngineTeacher teacher(EngineSettings settings) throws Exception {
        EngineTeacher teacher = EngineTeacher.open(settings, 1);
        open.add(0, () -> teacher.close(TimeUnit.SECONDS.toNanos(5)));
        await().until(teacher::serving);
        return teacher;
    }

    private static EngineSettings settings(
            Optional<Path> model,
            Optional<Path> identity,
            Duration betweenProbes,
            EngineSettings.Limits limits,
            FakeEngine... engines) {
        List<InetSocketAddress> addresses =
                List.of(engines).stream().map(FakeEngine::address).toList();
        return new EngineSettings(
                EngineSettings.Wire.VLLM,
                addresses,
                EngineSettings.Access.PLAIN,
                "far",
                model,
                TOKENIZER,
                new EngineSettings.Arithmetic("float32", false),
                identity,
                new EngineSettings.Probing(betweenProbes, 0.02),
                limits);
    }

    private static RecordingJob ask(EngineTeacher teacher, RecordingJob job) {
        assertThat(teacher.score(job)).isTrue();
        return job;
    }

    @Test
    void rows_ofARecordedAnswer_areInOrderWithTheirTails() throws Exception {
        EngineTeacher teacher = teacher(engine);
        assertThat(teacher.description().contextLength()).isEqualTo(511);
        assertThat(teacher.maxK()).isEqualTo(FakeEngine.MAX_K);
        assertThat(teacher.description().fingerprint().joined()).contains("vllm 0.32.0");

        RowColumns rows = ask(teacher, new RecordingJob(RowContent.topK(4), FakeEngine.RECORDED))
                .rows();

        assertThat(rows.rows()).isEqualTo(8);
        assertThat(rows.ids()).startsWith(45, 38, 52, 39, 69, 79, 463, 292);
        assertThat(rows.labelLogProbability()[0]).isEqualTo(-1.3935507535934448f);
        assertThat(rows.labelLogProbability()[3]).isEqualTo(-8.864429473876953f); // of rank 35
        assertThat(rows.labelLogProbability()[7]).isNaN();
        assertThat(rows.top(7)).isEqualTo(295); // after the last token
        for (int row = 0; row < 8; row++) {
            double mass = Math.exp(rows.logTailMass()[row]);
            for (int i = 0; i < 4; i++) {
                mass += Math.exp(rows.logProbabilities()[4 * row + i]);
            }
            assertThat(mass).isCloseTo(1, within(1e-6));
        }
    }

    @Test
    void label_aloneOfARecordedAnswer_isAll() throws Exception {
        EngineTeacher teacher = teacher(engine);
        int[] positions = {0, 3};
        RowColumns rows = ask(
                        teacher,
                        new RecordingJob(
                                RowContent.of(new Selection.LabelOnly(List.of())), positions, FakeEngine.RECORDED))
                .rows();
        assertThat(rows.labelLogProbability()).containsExactly(-1.3935507535934448f, -8.864429473876953f);
        assertThat(rows.logTailMass()).containsOnly(0f);
    }

    @ParameterizedTest
    @CsvSource({
        "SHORT, ENGINE_FAILED, rows for 4 tokens",
        "DUPLICATE, ENGINE_FAILED, twice",
        "MINUS_INFINITY, NOT_FINITE, log-probability -9999",
        "NOT_A_NUMBER, NOT_FINITE, log-probability NaN",
        "ABOVE_ONE, ENGINE_FAILED, kept mass",
        "OTHER_TOKEN, ENGINE_FAILED, as the actual one",
        "BEST_MISSING, ENGINE_FAILED, none better than the k best",
        "REFUSED, INVALID_REQUEST, not to its taste",
        "BUSY, ENGINE_UNAVAILABLE, come back later",
        "HANGS, ENGINE_UNAVAILABLE, no answer within 2000 ms",
        "DROPPED, ENGINE_UNAVAILABLE, the connection broke within the answer",
    })
    void answer_thatIsNoRow_failsItsSequenceWithTheEnginesWords(Fault fault, Failure.Reason reason, String words)
            throws Exception {
        EngineTeacher teacher = teacher(engine);
        engine.fault = fault;
        Failure failure = ask(teacher, RecordingJob.topK(4, FIVE)).failure();
        assertThat(failure.reason()).isEqualTo(reason);
        assertThat(failure.message()).contains(words);
        // It fails alone.
        assertThat(ask(teacher, RecordingJob.topK(4, 1, 2, 3)).rows().rows()).isEqualTo(2);
    }

    /** The actual token is named by its id, wherever in the map it stands: beside the k best, and among them. */
    @ParameterizedTest
    @EnumSource(names = {"WRONG_ORDER", "ACTUAL_LAST"})
    void order_ofTheEngine_isSortedOut(Fault fault) throws Exception {
        EngineTeacher teacher = teacher(engine);
        int[] tokens = {3, 12, 21, 9, 17}; // of ranks 2, 2, above k, and 1
        RowColumns straight = ask(teacher, RecordingJob.topK(4, tokens)).rows();
        engine.fault = fault;
        RowColumns sorted = ask(teacher, RecordingJob.topK(4, tokens)).rows();
        assertThat(sorted.ids()).isEqualTo(straight.ids());
        assertThat(sorted.logProbabilities()).isEqualTo(straight.logProbabilities());
        assertThat(sorted.labelLogProbability()).isEqualTo(straight.labelLogProbability());
        assertThat(sorted.logTailMass()).isEqualTo(straight.logTailMass());
    }

    @Test
    void sequence_whoseEngineIsKilled_isAnsweredElsewhere() throws Exception {
        FakeEngine other = engine();
        EngineTeacher teacher = teacher(engine, other);
        await().until(() -> other.asked.get() + engine.asked.get() >= 0 && up(teacher) == 2);
        engine.kill();
        for (int i = 0; i < 20; i++) {
            assertThat(ask(teacher, RecordingJob.topK(4, 1, 2, i)).rows().rows())
                    .isEqualTo(2);
        }
        assertThat(up(teacher)).isEqualTo(1);
        engine.restart();
        await().until(() -> up(teacher) == 2);
    }

    /** The slow one stands first, and is given work until it is measured; then one sequence at a time goes to the fast one. */
    @Test
    void sequences_goToTheEngineThatIsMeasuredToBeFaster() throws Exception {
        FakeEngine slow = engine;
        FakeEngine fast = engine();
        EngineTeacher teacher = teacher(settings(
                Optional.empty(),
                Optional.empty(),
                Duration.ofHours(1),
                new EngineSettings.Limits(8, Duration.ofMinutes(1), Duration.ofSeconds(30)),
                slow,
                fast));
        await().until(() -> up(teacher) == 2);
        slow.fault = Fault.PACED;
        slow.paceMillis = 400;
        fast.fault = Fault.PACED;
        fast.paceMillis = 20;
        List<RecordingJob> jobs = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            jobs.add(ask(teacher, RecordingJob.topK(4, FIVE)));
        }
        for (RecordingJob job : jobs) {
            job.rows();
        }
        assertThat(fast.asked.get() + slow.asked.get()).isEqualTo(40);
        assertThat(slow.asked.get()).isBetween(1, 15);
        int ofTheSlow = slow.asked.get();
        for (int i = 0; i < 20; i++) {
            ask(teacher, RecordingJob.topK(4, FIVE)).rows();
        }
        assertThat(slow.asked).hasValue(ofTheSlow);
    }

    private static double up(EngineTeacher teacher) {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        teacher.bindTo(registry);
        return registry.find("lyne.teacher.engine.up").gauges().stream()
                .mapToDouble(gauge -> gauge.value())
                .sum();
    }

    @Test
    void sequence_whileItsOnlyEngineIsRestarted_waitsForIt() throws Exception {
        EngineTeacher teacher = teacher(engine);
        ask(teacher, RecordingJob.topK(4, 1, 2, 3)).rows();
        engine.kill();
        RecordingJob job = ask(teacher, RecordingJob.topK(4, 1, 2, 3));
        await().until(() -> !teacher.serving());
        assertThat(job.isAnswered()).isFalse();
        engine.restart();
        assertThat(job.rows().rows()).isEqualTo(2);
    }

    @Test
    void engine_restartedWithOtherWeights_servesNoRow() throws Exception {
        EngineTeacher teacher = teacher(engine);
        RecordingJob before = ask(teacher, RecordingJob.topK(4, 1, 2, 3));
        before.rows();
        engine.kill();
        engine.weights = 1;
        engine.restart();
        int answered = engine.asked.get();
        RecordingJob after = ask(teacher, RecordingJob.topK(4, 1, 2, 4));
        await().until(() -> otherWeights(teacher) == 1);
        assertThat(teacher.serving()).isFalse();
        assertThat(after.isAnswered()).isFalse();
        assertThat(engine.asked.get()).isEqualTo(answered); // it was not even asked
        // The right ones come back, and with them the answer.
        engine.weights = 0;
        assertThat(after.rows().rows()).isEqualTo(2);
    }

    private static double otherWeights(EngineTeacher teacher) {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        teacher.bindTo(registry);
        return registry.find("lyne.teacher.engine.other.weights").gauges().stream()
                .mapToDouble(gauge -> gauge.value())
                .sum();
    }

    @Test
    void weights_thatChangeWithinTheProcess_disownTheRowsSinceTheLastProbe() throws Exception {
        EngineTeacher teacher = teacher(engine);
        RecordingJob vouched = ask(teacher, RecordingJob.topK(4, 1, 2, 3));
        vouched.rows();
        CompletableFuture<Void> passes = vouched.vouched.get().toCompletableFuture();
        await().until(passes::isDone); // the next probe, a second later
        assertThat(passes).isNotCompletedExceptionally();

        engine.weights = 1;
        RecordingJob wrong = ask(teacher, RecordingJob.topK(4, 1, 2, 4));
        wrong.rows(); // over a connection that was probed before
        CompletableFuture<Void> fails = wrong.vouched.get().toCompletableFuture();
        await().until(fails::isDone);
        assertThatThrownBy(fails::join).hasMessageContaining("the engine has other weights than it had");
        assertThat(teacher.serving()).isFalse();
    }

    /** The next probe would be an hour away. */
    @Test
    void rows_thatSomebodyWaitsToHaveVouchedFor_areSoon() throws Exception {
        EngineTeacher teacher = teacher(Optional.empty(), Optional.empty(), Duration.ofHours(1), engine);
        for (int i = 0; i < 2; i++) {
            RecordingJob job = ask(teacher, RecordingJob.topK(4, 1, 2, i));
            job.rows();
            CompletableFuture<Void> passes = job.vouched.get().toCompletableFuture();
            teacher.vouchSoon();
            await().until(passes::isDone);
            assertThat(passes).isNotCompletedExceptionally();
        }
    }

    /** A row of another part of the answer than the rest. */
    @Test
    void rowAfterTheLastToken_thatIsAnother_isFoundOut() throws Exception {
        EngineTeacher teacher = teacher(engine);
        engine.lastRow = 1;
        await().until(() -> otherWeights(teacher) == 1);
        engine.lastRow = 0;
        await().until(teacher::serving);
    }

    /** Parameters that a request does not name are as the model's generation_config.json says. */
    @Test
    void request_namesAllThatTheModelWouldDecide() throws Exception {
        EngineTeacher teacher = teacher(engine);
        ask(teacher, new RecordingJob(RowContent.topK(4), 1, 2, 3)).rows();
        assertThat(engine.scored)
                .allSatisfy(request -> assertThat(request.propertyNames())
                        .contains(
                                "temperature",
                                "top_p",
                                "top_k",
                                "min_p",
                                "repetition_penalty",
                                "presence_penalty",
                                "frequency_penalty"));
    }

    /** An older server's file has no row after the last token. */
    @Test
    void identity_ofAnOlderServer_isTheSameTeacher() throws Exception {
        Path file = directory.resolve("identity.json");
        byte[] first = teacher(Optional.of(file), engine).description().modelDigest();
        EngineIdentity known = EngineIdentity.read(file);
        List<Probe.Reference> shorter = known.references().stream()
                .map(reference -> new Probe.Reference(
                        reference.tokens(),
                        Arrays.copyOf(reference.ids(), reference.ids().length - 1),
                        Arrays.copyOf(reference.logProbabilities(), reference.ids().length - 1),
                        reference.labels()))
                .toList();
        assertThat(shorter.get(0).ids()).hasDimensions(31, 8);
        new EngineIdentity(
                        known.id(),
                        known.model(),
                        known.engine(),
                        known.precision(),
                        known.minted(),
                        known.toleranceNats(),
                        shorter)
                .write(file);
        assertThat(teacher(Optional.of(file), engine).description().modelDigest())
                .isEqualTo(first);
    }

    /** The prompt's rows would be most of the answer. */
    @Test
    void rowAfterTheLastToken_alone_asksForNoOther() throws Exception {
        EngineTeacher teacher = teacher(engine);
        RowColumns row = ask(teacher, new RecordingJob(RowContent.topK(4), new int[] {2}, 1, 2, 3))
                .rows();
        assertThat(row.ids()).containsExactly(10, 11, 12, 13);
        assertThat(engine.scored.stream()
                        .filter(request -> request.path("prompt").size() == 3)
                        .map(request -> request.path("prompt_logprobs").asInt(-1)))
                .containsExactly(0);
    }

    @Test
    void process_thatEnded_isVouchedForByNoOther() throws Exception {
        EngineTeacher teacher = teacher(Optional.empty(), Optional.empty(), Duration.ofHours(1), engine);
        RecordingJob before = ask(teacher, RecordingJob.topK(4, 1, 2, 3));
        before.rows();
        engine.kill();
        RecordingJob after = ask(teacher, RecordingJob.topK(4, 1, 2, 4));
        await().until(() -> !teacher.serving());
        engine.restart();
        after.rows();
        assertThat(before.vouched.get().toCompletableFuture()).isCancelled();
        assertThat(after.vouched.get().toCompletableFuture()).isNotDone();
    }

    /** Nothing is in flight, and no look at its health comes in between: its kept connections end. */
    @Test
    void process_thatIsReplacedWithNothingInFlight_isVouchedForByNoOther() throws Exception {
        EngineTeacher teacher = teacher(Optional.empty(), Optional.empty(), Duration.ofHours(1), engine);
        RecordingJob before = ask(teacher, RecordingJob.topK(4, 1, 2, 3));
        before.rows();
        CompletableFuture<Void> vouched = before.vouched.get().toCompletableFuture();
        engine.kill();
        engine.restart();
        await().until(vouched::isDone);
        assertThat(vouched).isCancelled();
        RecordingJob after = ask(teacher, RecordingJob.topK(4, 1, 2, 4));
        after.rows();
        CompletableFuture<Void> passes = after.vouched.get().toCompletableFuture();
        await().until(passes::isDone);
        assertThat(passes).isNotCompletedExceptionally();
    }

    /** The next probe would be an hour away; connections that are kept for nothing would end before. */
    @Test
    void rows_afterWhichNothingIsAskedFor_areVouchedForInTheLull() throws Exception {
        EngineTeacher teacher = teacher(Optional.empty(), Optional.empty(), Duration.ofHours(1), engine);
        RecordingJob job = ask(teacher, RecordingJob.topK(4, 1, 2, 3));
        job.rows();
        CompletableFuture<Void> passes = job.vouched.get().toCompletableFuture();
        await().until(passes::isDone);
        assertThat(passes).isNotCompletedExceptionally();
    }

    @Test
    void engine_thatIsBusy_goesOnWithWhatItTook() throws Exception {
        EngineTeacher teacher = teacher(engine);
        engine.fault = Fault.SLOW;
        RecordingJob taken = ask(teacher, RecordingJob.topK(4, FIVE));
        await().until(() -> engine.asked.get() == 1);
        engine.fault = Fault.BUSY;
        RecordingJob refused = ask(teacher, RecordingJob.topK(4, FIVE));
        await().until(() -> !teacher.serving());
        engine.fault = Fault.NONE;
        engine.mayAnswer.countDown();
        assertThat(taken.rows().rows()).isEqualTo(4);
        assertThat(refused.rows().rows()).isEqualTo(4);
        assertThat(engine.asked).hasValue(3); // the one that was refused was asked for twice
    }

    /** Half of the time that it has passes before the other is asked for, so that this one has as much left when the first is late. */
    @Test
    void sequence_thatIsLate_endsNoOther() throws Exception {
        EngineTeacher teacher = teacher(settings(
                Optional.empty(),
                Optional.empty(),
                Duration.ofHours(1),
                new EngineSettings.Limits(8, Duration.ofSeconds(6), Duration.ofSeconds(30)),
                engine));
        engine.fault = Fault.HANGS;
        RecordingJob late = ask(teacher, RecordingJob.topK(4, FIVE));
        await().until(() -> engine.asked.get() == 1);
        await().pollDelay(Duration.ofSeconds(3)).until(() -> true);
        engine.fault = Fault.SLOW;
        RecordingJob other = ask(teacher, RecordingJob.topK(4, 3, 10, 21, 9, 41));
        await().until(() -> engine.asked.get() == 3); // the late one a second time
        engine.mayAnswer.countDown();
        assertThat(other.rows().rows()).isEqualTo(4);
        assertThat(late.rows().rows()).isEqualTo(4);
        assertThat(engine.asked).hasValue(3);
        assertThat(other.vouched.get().toCompletableFuture()).isNotDone(); // no process ended
        assertThat(teacher.serving()).isTrue();
    }

    /** A finding of another connection about the address is no attempt of a sequence. */
    @Test
    void sequence_whoseConnectionIsLeft_isAskedForAgainHoweverOften() throws Exception {
        EngineTeacher teacher = teacher(settings(
                Optional.empty(),
                Optional.empty(),
                Duration.ofHours(1),
                new EngineSettings.Limits(8, Duration.ofSeconds(20), Duration.ofSeconds(30)),
                engine));
        engine.fault = Fault.HANGS;
        RecordingJob left = ask(teacher, RecordingJob.topK(4, FIVE));
        await().until(() -> engine.asked.get() == 1);
        for (int i = 0; i < 4; i++) {
            int asked = engine.asked.get();
            engine.fault = Fault.DROPPED;
            RecordingJob broken = ask(teacher, RecordingJob.topK(4, 3, 10, 21, 9, 41));
            await().until(() -> !teacher.serving());
            engine.fault = i < 3 ? Fault.HANGS : Fault.NONE;
            teacher.withdraw(broken);
            await().until(() -> engine.asked.get() >= asked + 2);
        }
        assertThat(left.rows().rows()).isEqualTo(4);
    }

    /** An engine that took a second for five tokens, all of whose places are taken. */
    @Test
    void sequence_thatWouldWaitTooLong_isRefused_andOneThatHas_isGivenUp() throws Exception {
        EngineTeacher teacher = teacher(settings(
                Optional.empty(),
                Optional.empty(),
                Duration.ofHours(1),
                new EngineSettings.Limits(8, Duration.ofMinutes(10), Duration.ofSeconds(30)),
                engine));
        teacher.limitQueue(Duration.ofSeconds(2));
        engine.fault = Fault.SLOW;
        RecordingJob slow = ask(teacher, RecordingJob.topK(4, FIVE));
        await().until(() -> engine.asked.get() == 1);
        await().pollDelay(Duration.ofSeconds(1)).until(() -> true);
        engine.mayAnswer.countDown();
        slow.rows();
        engine.fault = Fault.HANGS;
        for (int i = 0; i < 8; i++) {
            RecordingJob unused = ask(teacher, RecordingJob.topK(4, FIVE));
        }
        await().until(() -> engine.asked.get() == 9);

        RecordingJob first = ask(teacher, RecordingJob.topK(4, FIVE));
        RecordingJob large = ask(teacher, RecordingJob.topK(4, new int[400]));
        await().pollDelay(Duration.ofMillis(1_200)).until(() -> true); // others have waited for half of the time
        Failure refused = ask(teacher, RecordingJob.topK(4, 1, 2, 3)).failure();
        assertThat(refused.reason()).isEqualTo(Failure.Reason.OVERLOADED);
        assertThat(refused.message()).startsWith("would wait about").contains("--max-queue-millis");
        assertThat(refused.retryMillis()).isBetween(100L, 2_000L);
        assertThat(first.failure().message()).startsWith("waited 2.0 s for the engine");
        assertThat(large.failure().reason()).isEqualTo(Failure.Reason.OVERLOADED);
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        teacher.bindTo(registry);
        assertThat(registry.get("lyne.teacher.queue.shed").functionCounter().count())
                .isEqualTo(3);
    }

    /** Nobody's turn passes while no engine is there: that has a bound of its own. */
    @Test
    void sequence_whileNoEngineIsThere_isNotRefused() throws Exception {
        EngineTeacher teacher = teacher(engine);
        teacher.limitQueue(Duration.ofMillis(200));
        engine.kill();
        RecordingJob job = ask(teacher, RecordingJob.topK(4, 1, 2, 3));
        await().until(() -> !teacher.serving());
        await().pollDelay(Duration.ofMillis(800)).until(() -> true);
        assertThat(job.isAnswered()).isFalse();
        engine.restart();
        assertThat(job.rows().rows()).isEqualTo(2);
    }

    /** While it is with the engine, which would be waited for much longer. */
    @Test
    void sequence_whoseTimeHasPassed_endsAtTheEngine() throws Exception {
        EngineTeacher teacher = teacher(settings(
                Optional.empty(),
                Optional.empty(),
                Duration.ofHours(1),
                new EngineSettings.Limits(8, Duration.ofMinutes(10), Duration.ofSeconds(30)),
                engine));
        engine.fault = Fault.HANGS;
        RecordingJob job = ask(teacher, RecordingJob.topK(4, FIVE));
        await().until(() -> engine.asked.get() == 1);
        job.late = true;
        assertThat(job.failure().reason()).isEqualTo(Failure.Reason.DEADLINE_PASSED);
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        teacher.bindTo(registry);
        await().until(() ->
                registry.get("lyne.teacher.engine.in.flight.sequences").gauge().value() == 0);
        assertThat(teacher.serving()).isTrue();
    }

    @Test
    void sequence_askedForAgain_endsAtItsTimeout() throws Exception {
        EngineTeacher teacher = teacher(engine);
        engine.fault = Fault.HANGS;
        RecordingJob job = ask(teacher, RecordingJob.topK(4, FIVE));
        await().until(() -> engine.asked.get() == 1);
        engine.kill();
        await().until(() -> !teacher.serving());
        assertThat(job.isAnswered()).isFalse();
        job.late = true;
        assertThat(job.failure().reason()).isEqualTo(Failure.Reason.DEADLINE_PASSED);
    }

    @Test
    void engine_withColumnsBeyondTheTokenizer_isATeacherAllTheSame() throws Exception {
        engine.padded = true;
        EngineTeacher teacher = teacher(engine);
        assertThat(teacher.maxK()).isEqualTo(FakeEngine.MAX_K);
        assertThat(ask(teacher, RecordingJob.topK(4, 1, 2, 3)).rows().rows()).isEqualTo(2);
        assertThat(ask(teacher, RecordingJob.topK(20, 1, 2, 3)).failure().reason())
                .isEqualTo(Failure.Reason.ENGINE_FAILED);
    }

    @Test
    void id_thatNoFileKeeps_isOfThisProcessAlone() throws Exception {
        Optional<Path> model = Optional.of(TOKENIZER);
        byte[] first = teacher(model, Optional.empty(), Duration.ofSeconds(1), engine)
                .description()
                .modelDigest();
        assertThat(teacher(model, Optional.empty(), Duration.ofSeconds(1), engine)
                        .description()
                        .modelDigest())
                .isNotEqualTo(first);
    }

    /** A lost file, another version and back again: whatever the engine says of itself, rows may be others. */
    @Test
    void identity_ofNewRows_hasAnIdThatNobodyHad() throws Exception {
        Optional<Path> model = Optional.of(TOKENIZER);
        Path file = directory.resolve("identity.json");
        byte[] first = teacher(model, Optional.of(file), Duration.ofSeconds(1), engine)
                .description()
                .modelDigest();
        EngineIdentity known = EngineIdentity.read(file);
        EngineIdentity.Inputs older = new EngineIdentity.Inputs(known.model(), "vllm 0.1.0", known.precision());
        EngineIdentity.mint(older, 0.02, known.references()).write(file);
        byte[] second = teacher(model, Optional.of(file), Duration.ofSeconds(1), engine)
                .description()
                .modelDigest();
        assertThat(second).isNotEqualTo(first);
        Files.delete(file);
        FakeEngine other = engine();
        other.weights = 1;
        assertThat(teacher(model, Optional.of(file), Duration.ofSeconds(1), other)
                        .description()
                        .modelDigest())
                .isNotEqualTo(first)
                .isNotEqualTo(second);
    }

    /** Replicas that start at once on a file that is not there are one teacher. */
    @Test
    void identity_thatServersMakeAtOnce_isOne() throws Exception {
        Path file = directory.resolve("identity.json");
        List<CompletableFuture<byte[]>> made = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            made.add(CompletableFuture.supplyAsync(() -> {
                try {
                    EngineTeacher teacher = EngineTeacher.open(
                            settings(Optional.of(TOKENIZER), Optional.of(file), Duration.ofSeconds(1), LIMITS, engine),
                            1);
                    synchronized (open) {
                        open.add(0, () -> teacher.close(TimeUnit.SECONDS.toNanos(5)));
                    }
                    return teacher.description().modelDigest();
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }));
        }
        byte[] kept = made.get(0).get(60, TimeUnit.SECONDS);
        for (CompletableFuture<byte[]> one : made) {
            assertThat(one.get(60, TimeUnit.SECONDS)).isEqualTo(kept);
        }
        assertThat(EngineIdentity.read(file).digest()).isEqualTo(kept);
    }

    @Test
    void identity_thatMatches_keepsItsId_andElseGetsANewOne() throws Exception {
        Path file = directory.resolve("identity.json");
        byte[] first = teacher(Optional.of(file), engine).description().modelDigest();
        assertThat(teacher(Optional.of(file), engine).description().modelDigest())
                .isEqualTo(first);
        FakeEngine other = engine();
        other.weights = 1;
        assertThat(teacher(Optional.of(file), other).description().modelDigest())
                .isNotEqualTo(first);
        Files.writeString(file, Files.readString(file).replaceFirst("\"id\":\"..", "\"id\":\"zz"));
        assertThatThrownBy(() -> teacher(Optional.of(file), other)).hasMessageContaining("--identity");
    }

    @Test
    void address_ofAnotherModel_isNotAsked() throws Exception {
        FakeEngine other = engine();
        other.weights = 1;
        EngineTeacher teacher = teacher(engine, other);
        for (int i = 0; i < 10; i++) {
            ask(teacher, RecordingJob.topK(4, 1, 2, i)).rows();
        }
        assertThat(other.asked).hasValue(0);
        assertThat(up(teacher)).isEqualTo(1);
    }

    /** Whatever it is, it need not be k. */
    @Test
    void engine_thatRefusesEveryK_isQuoted() {
        engine.refusal = "The model `demo` does not exist.";
        assertThatThrownBy(() -> teacher(engine))
                .hasMessageContaining("the engine cannot be a teacher: no k of 1 or more is taken: ")
                .hasMessageContaining("The model `demo` does not exist.");
    }

    /** One that takes less than the first would refuse sequences for good. */
    @Test
    void address_thatTakesASmallerK_isNotAsked() throws Exception {
        FakeEngine other = engine();
        other.mostK = 5;
        EngineTeacher teacher = teacher(engine, other);
        assertThat(teacher.maxK()).isEqualTo(FakeEngine.MAX_K);
        await().until(() -> otherWeights(teacher) == 1);
        for (int i = 0; i < 10; i++) {
            ask(teacher, RecordingJob.topK(8, 1, 2, i)).rows();
        }
        assertThat(other.asked).hasValue(0);
        other.mostK = FakeEngine.MAX_K;
        await().until(() -> up(teacher) == 2);
    }

    @Test
    void selection_thatAnEngineCannot_isRefusedByName() throws Exception {
        EngineTeacher teacher = teacher(engine);
        assertThat(teacher.refusal(RowContent.topK(20))).isEmpty();
        assertThat(teacher.refusal(RowContent.topK(21)).orElseThrow()).startsWith("k: 21 (expected: 1..20");
        assertThat(teacher.refusal(RowContent.of(new Selection.TopK(5, List.of(2f))))
                        .orElseThrow())
                .startsWith("temperatures: [2.0]");
        assertThat(teacher.refusal(new RowContent(new Selection.TopK(5, List.of()), true))
                        .orElseThrow())
                .startsWith("raw_logits: true");
        assertThat(teacher.refusal(RowContent.of(new Selection.Draws(5, 0, 1, List.of())))
                        .orElseThrow())
                .startsWith("selection: draws");
        assertThat(teacher.refusal(RowContent.of(new Selection.TopPK(0.9, 5, 2f, List.of())))
                        .orElseThrow())
                .startsWith("truncation_temperature: 2.0");
    }

    /** Of rank r a token has 2^-(r+1): the sum of their roots is 1 + √2. */
    @Test
    void selection_thatTheWholeVocabularyTells_isAnswered() throws Exception {
        engine.mostK = FakeEngine.VOCABULARY;
        EngineTeacher teacher = teacher(engine);
        assertThat(teacher.maxK()).isEqualTo(FakeEngine.VOCABULARY);
        assertThat(teacher.selectionKinds()).isEqualTo(Selection.kinds());
        RowContent tempered = new RowContent(new Selection.TopK(2, List.of(2f)), true);
        RowContent drawn = RowContent.of(new Selection.Draws(64, 1, 1, List.of()));
        assertThat(teacher.refusal(tempered)).isEmpty();
        assertThat(teacher.refusal(drawn)).isEmpty();

        RowColumns rows = ask(teacher, new RecordingJob(tempered, 1, 2, 3)).rows();
        assertThat(rows.counts()).containsExactly(2, 2, 2);
        assertThat(rows.ids()).containsExactly(8, 9, 9, 10, 10, 11);
        assertThat(rows.temperatureOffsets()[0]).isCloseTo((float) -Math.log(1 + Math.sqrt(2)), within(1e-6f));
        assertThat(rows.temperedLogTails()[0]).isCloseTo((float) Math.log(0.5), within(1e-6f));
        assertThat(rows.logTailMass()[2]).isCloseTo((float) Math.log(0.25), within(1e-6f));
        assertThat(rows.logits()[1]).isEqualTo(rows.logProbabilities()[1]);
        assertThat(rows.logSumExp()).containsOnly(0);

        RowColumns draws = ask(teacher, new RecordingJob(drawn, 1, 2, 3)).rows();
        assertThat(draws.drawCounts()[0]).isZero();
        assertThat(Arrays.stream(draws.drawCounts()).sum()).isEqualTo(3 * 64);
    }

    /** Where a model has columns beyond the tokenizer's ids, the best of as many as there are ids are not those. */
    @Test
    void vocabulary_withPaddingAmongIt_isNotWhole() throws Exception {
        engine.mostK = FakeEngine.VOCABULARY;
        engine.padded = true;
        EngineTeacher teacher = teacher(engine);
        assertThat(teacher.maxK()).isEqualTo(FakeEngine.VOCABULARY);
        assertThat(teacher.refusal(RowContent.of(new Selection.Draws(5, 0, 1, List.of())))
                        .orElseThrow())
                .startsWith("selection: draws");
    }

    /** All places are one tenant's, and more of it waits; the first place that becomes free is the other's. */
    @Test
    void place_thatBecomesFree_isTheTenantsWhoHasHadLess() throws Exception {
        EngineTeacher teacher = teacher(engine);
        engine.fault = Fault.SLOW;
        List<RecordingJob> greedy = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            RecordingJob job = RecordingJob.topK(4, FIVE);
            job.flow = new Flow(new Tenant("greedy", 1, Optional.empty()), PriorityClass.TRAINING, 1);
            greedy.add(ask(teacher, job));
        }
        await().until(() -> engine.asked.get() == 8);
        RecordingJob modest = RecordingJob.topK(4, 1, 2, 3);
        modest.flow = new Flow(new Tenant("modest", 1, Optional.empty()), PriorityClass.TRAINING, 2);
        ask(teacher, modest);
        assertThat(teacher.queueLines().stream().map(line -> line.tenant() + " " + line.sequences()))
                .containsExactly("greedy 32", "modest 1");
        teacher.withdraw(greedy.get(0));
        assertThat(modest.rows().rows()).isEqualTo(2);
        assertThat(greedy.stream().skip(1)).noneMatch(RecordingJob::isAnswered);
        engine.mayAnswer.countDown();
        for (RecordingJob job : greedy.subList(1, 40)) {
            job.rows();
        }
        assertThat(teacher.queueLines()).isEmpty();
    }

    @Test
    void withdrawn_endsTheConnection() throws Exception {
        EngineTeacher teacher = teacher(engine);
        engine.fault = Fault.HANGS;
        RecordingJob job = ask(teacher, RecordingJob.topK(4, FIVE));
        await().until(() -> engine.asked.get() == 1);
        teacher.withdraw(job);
        assertThat(job.failure().reason()).isEqualTo(Failure.Reason.WITHDRAWN);
        assertThat(teacher.serving()).isTrue();
    }
}
