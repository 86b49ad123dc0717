package dev.lyne.teacher.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.Proposal;
import dev.lyne.teacher.batch.DeviceWork;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Tenant;
import dev.lyne.wire.draw.SeededUniforms;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Sessions and steps, on the test's thread and by the test's clock. */
final class DecodeSchedulerTest {
    private static final int CONTEXT = 2_000;
    private static final int[] NOTHING = {};
    private static final TeacherDescription TEACHER = new TeacherDescription(
            "fake",
            new byte[32],
            new byte[32],
            FakeDecoder.VOCABULARY,
            CONTEXT,
            new ExecutionFingerprint("2.7.1", "test", "", 1, 1, "float32"),
            "fake",
            1,
            false,
            0,
            Optional.empty());

    private final AtomicLong now = new AtomicLong();
    private final Queue<Runnable> untold = new ArrayDeque<>();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    private FakeDecoder decoder = new FakeDecoder(Long.MAX_VALUE);
    private DecodeScheduler scheduler = scheduler();

    private DecodeScheduler scheduler() {
        return scheduler(1 << 20, 2_000_000);
    }

    private DecodeScheduler scheduler(long cacheBytes, long serverTokens) {
        return new DecodeScheduler(
                decoder,
                TEACHER,
                new DecodeOptions(
                        cacheBytes, Duration.ofMillis(50), Duration.ofSeconds(60), 1_000, 10_000, serverTokens),
                now::get,
                new DecodeMetrics(registry, "fake"),
                untold::add);
    }

    /** A student that keeps what it is told. */
    private final class Student implements DecodeListener {
        private final Map<Integer, List<Integer>> drawn = new HashMap<>();
        private final Map<Integer, List<Float>> answers = new HashMap<>();
        private final Map<Integer, Failure> failed = new HashMap<>();
        private final List<Integer> ended = new ArrayList<>();
        private Optional<Failure> over = Optional.empty();
        private boolean full;
        private long sparedPositions;
        private final DecodeSession session;

        Student(long seed, Integer... stopIds) {
            this(seed, Flow.SOLE, stopIds);
        }

        Student(long seed, Flow flow, Integer... stopIds) {
            session = scheduler.open(new DecodeTerms(TEACHER, flow, Proposal.PLAIN, seed, Set.of(stopIds)), this);
        }

        Student start(int sequence, long key, int draws, int... prompt) {
            assertThat(session.start(List.of(new DecodeStart(sequence, key, prompt, prompt.length, draws))))
                    .isEmpty();
            return this;
        }

        List<Integer> drawn(int sequence) {
            return drawn.getOrDefault(sequence, List.of());
        }

        Failure failure(int sequence) {
            return Objects.requireNonNull(failed.get(sequence));
        }

        void step(int sequence, int draws, int... taken) {
            assertThat(session.step(List.of(new DecodeStep(sequence, taken, draws)), NOTHING))
                    .isEmpty();
        }

        @Override
        public void decoded(DecodedColumns columns) {
            int id = 0;
            int answer = 0;
            for (int i = 0; i < columns.sequences().length; i++) {
                int sequence = columns.sequences()[i];
                for (int j = 0; j < columns.takenCounts()[i] + columns.drawnCounts()[i]; j++) {
                    answers.computeIfAbsent(sequence, unused -> new ArrayList<>())
                            .add(columns.logProbabilities()[answer++]);
                }
                for (int j = 0; j < columns.drawnCounts()[i]; j++) {
                    drawn.computeIfAbsent(sequence, unused -> new ArrayList<>()).add(columns.drawnIds()[id++]);
                }
            }
            for (int sequence : columns.ended()) {
                ended.add(sequence);
            }
        }

        @Override
        public void failed(int sequence, Failure failure, long spared) {
            failed.put(sequence, failure);
            sparedPositions += spared;
        }

        @Override
        public void over(Failure failure) {
            over = Optional.of(failure);
        }

        @Override
        public boolean isFull() {
            return full;
        }
    }

    private void tell() {
        for (Runnable one = untold.poll(); one != null; one = untold.poll()) {
            one.run();
        }
    }

    /** Steps until nothing waits. */
    private void settle() {
        do {
            tell();
            scheduler.run();
            tell();
        } while (scheduler.waits());
    }

    private double gauge(String name) {
        return registry.get(name).gauge().value();
    }

    private void assertNothingIsLeft() {
        assertThat(gauge("lyne.teacher.decode.sequences")).isZero();
        assertThat(gauge("lyne.teacher.kv.cache.bytes")).isZero();
        assertThat(decoder.cacheBytes()).isZero();
    }

    /** The text that a teacher continues by itself. */
    private static int[] continued(long seed, long key, int[] prompt, int draws) {
        int[] text = prompt;
        for (int i = 0; i < draws; i++) {
            int id = FakeDecoder.drawn(text, SeededUniforms.TEACHER_DRAW.at(seed, key, i));
            text = Arrays.copyOf(text, text.length + 1);
            text[text.length - 1] = id;
        }
        return text;
    }

    private static List<Integer> behind(int[] text, int from) {
        return Arrays.stream(text, from, text.length).boxed().toList();
    }

    private static List<Float> logProbabilities(int[] text, int from) {
        List<Float> found = new ArrayList<>();
        for (int t = from; t < text.length; t++) {
            found.add((float) FakeDecoder.logProbability(Arrays.copyOf(text, t), text[t]));
        }
        return found;
    }

    @Test
    void draws_loopedOnTheServer_dependOnSeedKeyAndStepAlone() {
        Student one = new Student(5).start(0, 77, 20, 1, 2, 3);
        Student two = new Student(5).start(9, 77, 20, 1, 2, 3).start(4, 78, 20, 1, 2, 3);
        settle();
        List<Integer> expected = behind(continued(5, 77, new int[] {1, 2, 3}, 20), 3);
        assertThat(one.drawn(0)).isEqualTo(expected);
        assertThat(two.drawn(9)).isEqualTo(expected);
        assertThat(two.drawn(4)).isEqualTo(behind(continued(5, 78, new int[] {1, 2, 3}, 20), 3));
        assertThat(two.drawn(4)).isNotEqualTo(expected);
        assertThat(decoder.calls).as("all share each step").hasSize(20).allMatch(call -> call.size() == 3);
    }

    @Test
    void steps_besideAStudentOfAThousandTexts_haveAModestOnesInEach() {
        Student greedy = new Student(1);
        for (int i = 0; i < 1_000; i++) {
            greedy.start(i, i, 4, 1);
        }
        Student modest = new Student(2);
        for (int i = 0; i < 4; i++) {
            modest.start(i, i, 4, 1);
        }
        for (int step = 1; step <= 4; step++) {
            scheduler.run();
            tell();
            assertThat(modest.drawn(0)).hasSize(step);
            assertThat(modest.drawn(3)).hasSize(step);
        }
        assertThat(decoder.calls).as("full all the same").allMatch(call -> call.size() == 256);
        settle();
        assertThat(greedy.drawn)
                .hasSize(1_000)
                .allSatisfy((key, ids) -> assertThat(ids).hasSize(4));
    }

    @Test
    void run_stepOfTwoStudents_saysWhoseItWas() {
        Student one = new Student(1);
        one.start(0, 1, 1, 1, 2, 3);
        new Student(1, new Flow(new Tenant("other", 1, Optional.empty()), PriorityClass.CAPTURE, 7)).start(0, 1, 1, 1);
        assertThat(scheduler.run())
                .isEqualTo(new DeviceWork.Stretch(
                        4,
                        Map.of(
                                Flow.SOLE,
                                0.75,
                                new Flow(new Tenant("other", 1, Optional.empty()), PriorityClass.CAPTURE, 7),
                                0.25),
                        List.of(DeviceWork.Forward.SUCCEEDED)));
    }

    @Test
    void step_takenTokensAndADraw_areAnsweredInOrder() {
        Student student = new Student(5).start(0, 1, 1, 1, 2, 3);
        settle();
        int first = student.drawn(0).get(0);
        student.step(0, 1, 10, 11);
        settle();
        int[] text = {1, 2, 3, first, 10, 11, student.drawn(0).get(1)};
        assertThat(text[6])
                .as("the step counts from the prompt's end")
                .isEqualTo(FakeDecoder.drawn(Arrays.copyOf(text, 6), SeededUniforms.TEACHER_DRAW.at(5, 1, 3)));
        assertThat(student.answers.get(0)).isEqualTo(logProbabilities(text, 3));
        assertThat(student.session.step(List.of(new DecodeStep(0, new int[] {12}, 0)), new int[] {0}))
                .isEmpty();
        settle();
        assertThat(student.ended).containsExactly(0);
        assertThat(student.answers.get(0))
                .isEqualTo(logProbabilities(new int[] {1, 2, 3, first, 10, 11, text[6], 12}, 3));
        assertNothingIsLeft();
    }

    @Test
    void start_withAPrefixBehindThePrompt_goesOnAsIfNothingHadBeen() {
        int[] text = continued(5, 1, new int[] {1, 2, 3}, 30);
        Student resumed = new Student(5);
        assertThat(resumed.session.start(List.of(new DecodeStart(0, 1, Arrays.copyOf(text, 13), 3, 20))))
                .isEmpty();
        settle();
        assertThat(resumed.drawn(0)).isEqualTo(behind(text, 13));
        assertThat(resumed.answers.get(0))
                .as("nothing of what it was started with")
                .hasSize(20);
    }

    @Test
    void draws_stopToken_endsTheRun() {
        int[] text = continued(5, 1, new int[] {1}, 200);
        int stop = text[40];
        int first = behind(text, 1).indexOf(stop);
        Student student = new Student(5, stop).start(0, 1, 199, 1);
        settle();
        assertThat(student.drawn(0)).isEqualTo(behind(text, 1).subList(0, first + 1));
        student.step(0, 0, 7);
        settle();
        assertThat(student.answers.get(0)).hasSize(first + 2);
    }

    @Test
    void longPrompt_isTakenInStretches_othersGoBetween() {
        int[] prompt = new int[1_500];
        Student student = new Student(5).start(0, 1, 1, prompt).start(1, 2, 5, 1);
        settle();
        assertThat(student.drawn(0)).hasSize(1);
        assertThat(student.drawn(1)).hasSize(5);
        assertThat(decoder.calls.stream()
                        .mapToInt(call ->
                                call.stream().mapToInt(Integer::intValue).sum()))
                .allMatch(tokens -> tokens <= 513);
        assertThat(decoder.calls.subList(1, 3)).as("both in one step").allMatch(call -> call.size() == 2);
    }

    @Test
    void thousandIdleSessions_areGoneAfterTheIdleTime() {
        List<Student> students = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            students.add(new Student(i).start(0, 1, 1, 1, 2, 3));
        }
        settle();
        assertThat(gauge("lyne.teacher.decode.sessions")).isEqualTo(1_000);
        assertThat(gauge("lyne.teacher.kv.cache.bytes")).isEqualTo(1_000 * 3 * FakeDecoder.BYTES_A_TOKEN);
        now.addAndGet(Duration.ofSeconds(30).toNanos());
        students.get(7).step(0, 1);
        settle();
        now.addAndGet(Duration.ofSeconds(31).toNanos());
        scheduler.endIdle();
        settle();
        assertThat(gauge("lyne.teacher.decode.sessions"))
                .as("one had something to say")
                .isEqualTo(1);
        assertThat(students.get(0).over.orElseThrow().reason()).isEqualTo(Failure.Reason.SESSION_IDLE);
        assertThat(students.get(7).over).isEmpty();
        now.addAndGet(Duration.ofSeconds(61).toNanos());
        scheduler.endIdle();
        settle();
        assertThat(gauge("lyne.teacher.decode.sessions")).isZero();
        assertNothingIsLeft();
    }

    /** A session that asks for nothing computes nothing, pays nothing, and would hold keys and values for ever. */
    @Test
    void sessionThatAsksForNothing_isIdle() {
        Student student = new Student(5).start(0, 1, 1, 1, 2, 3);
        settle();
        for (int i = 0; i < 3; i++) {
            now.addAndGet(Duration.ofSeconds(25).toNanos());
            student.step(0, 0);
            assertThat(student.session.step(List.of(), NOTHING)).isEmpty();
            assertThat(student.session.start(List.of())).isEmpty();
            assertThat(student.session.refuse(9, new Failure(Failure.Reason.CHECKSUM_MISMATCH, "x")))
                    .isEmpty();
            settle();
        }
        scheduler.endIdle();
        settle();
        assertThat(student.over.orElseThrow().reason()).isEqualTo(Failure.Reason.SESSION_IDLE);
        assertNothingIsLeft();
    }

    @Test
    void close_inTheMiddle_leavesNothingBehind() {
        Student gone = new Student(5).start(0, 1, 1_000, 1, 2).start(1, 2, 1_000, 3);
        Student stays = new Student(5).start(0, 1, 3, 1, 2);
        scheduler.run();
        gone.session.close();
        settle();
        assertThat(stays.drawn(0)).hasSize(3);
        assertThat(gone.drawn(0)).hasSize(1);
        stays.session.close();
        settle();
        assertThat(gauge("lyne.teacher.decode.sessions")).isZero();
        assertNothingIsLeft();
    }

    @Test
    void noRoomForKeysAndValues_failsAloneByName() {
        decoder = new FakeDecoder(100 * FakeDecoder.BYTES_A_TOKEN);
        scheduler = scheduler();
        Student student = new Student(5).start(0, 1, 1, new int[60]).start(1, 2, 1, new int[60]);
        settle();
        assertThat(student.drawn(0)).hasSize(1);
        assertThat(student.failure(1).reason()).isEqualTo(Failure.Reason.KV_CACHE_FULL);
        assertThat(student.failure(1).message()).contains("(expected: at most --kv-cache-mib=1)");
        assertThat(student.session.step(List.of(new DecodeStep(1, NOTHING, 1)), NOTHING))
                .as("what crossed the failure is passed over")
                .isEmpty();
        assertThat(student.session.step(List.of(), new int[] {0})).isEmpty();
        student.start(1, 2, 1, new int[60]);
        settle();
        assertThat(student.drawn(1)).hasSize(1);
    }

    private static Flow flow(String tenant, long stream) {
        return new Flow(new Tenant(tenant, 1, Optional.empty()), PriorityClass.TRAINING, stream);
    }

    @Test
    void tokens_ofATenantBelowItsShare_areTakenOnThoughAnotherUsesTheBoundUp() {
        scheduler = scheduler(1 << 20, 100);
        Student greedy = new Student(5, flow("greedy", 1)).start(0, 1, 1, new int[99]);
        settle();
        greedy.start(1, 2, 1, new int[10]);
        Student modest = new Student(6, flow("modest", 2)).start(0, 1, 1, new int[30]);
        settle();
        assertThat(greedy.failure(1).reason()).isEqualTo(Failure.Reason.QUEUE_FULL);
        assertThat(modest.drawn(0)).hasSize(1);
        greedy.step(0, 1);
        modest.step(0, 1);
        settle();
        assertThat(greedy.failure(0).reason())
                .as("who is above its share is refused first")
                .isEqualTo(Failure.Reason.QUEUE_FULL);
        assertThat(modest.drawn(0)).hasSize(2);
    }

    /** Room for five texts. */
    private void fiveTexts() {
        decoder = new FakeDecoder(100 * FakeDecoder.BYTES_A_TOKEN);
        scheduler = scheduler(100 * FakeDecoder.BYTES_A_TOKEN, 2_000_000);
    }

    private Student start(Student student, int from, int to, int tokens) {
        for (int i = from; i < to; i++) {
            student.start(i, i, 1, new int[tokens]);
        }
        settle();
        return student;
    }

    @Test
    void keysAndValues_ofATenantWithMore_giveWayToThoseOfOneWithLess() {
        fiveTexts();
        Student greedy = start(new Student(5, flow("greedy", 1)), 0, 6, 20);
        assertThat(greedy.failed.keySet())
                .as("nobody gives way to its own tenant")
                .containsExactly(5);
        Student modest = start(new Student(6, flow("modest", 2)), 0, 1, 20);
        assertThat(modest.drawn(0)).hasSize(1);
        assertThat(greedy.failed).hasSize(2);
        assertThat(greedy.failed.values())
                .allMatch(failure -> failure.reason() == Failure.Reason.KV_CACHE_FULL)
                .anyMatch(failure -> failure.message().contains("gave way"));
        start(modest, 1, 3, 20);
        assertThat(modest.drawn(1)).hasSize(1);
        assertThat(modest.failure(2).reason())
                .as("it would have more than the other then")
                .isEqualTo(Failure.Reason.KV_CACHE_FULL);
        assertThat(greedy.failed).hasSize(3);
        start(greedy, 9, 10, 20);
        assertThat(greedy.failure(9).reason()).isEqualTo(Failure.Reason.KV_CACHE_FULL);
        assertThat(modest.failed).hasSize(1);
        greedy.session.close();
        modest.session.close();
        settle();
        assertNothingIsLeft();
    }

    @Test
    void keysAndValues_ofOneTextThatHasAll_giveWay() {
        fiveTexts();
        Student greedy = start(new Student(5, flow("greedy", 1)), 0, 1, 100);
        Student modest = start(new Student(6, flow("modest", 2)), 0, 1, 10);
        assertThat(modest.drawn(0)).hasSize(1);
        start(greedy, 1, 2, 100);
        assertThat(greedy.failed.keySet()).containsExactlyInAnyOrder(0, 1);
        assertThat(modest.failed).isEmpty();
    }

    /** Several texts that have no room at a time: what gives way to the first of them may be enough for all. */
    @Test
    void keysAndValues_ofSeveralThatHaveNoRoom_takeNoMoreThanTheyNeed() {
        fiveTexts();
        Student greedy = start(new Student(5, flow("greedy", 1)), 0, 2, 50);
        Student modest = start(new Student(6, flow("modest", 2)), 0, 5, 10);
        assertThat(modest.failed).isEmpty();
        assertThat(greedy.failed).hasSize(1);
    }

    @Test
    void modelThrows_stepFailsAndTheNextGoesOn() {
        Student student = new Student(5).start(0, 1, 3, 1).start(1, 2, 3, 2);
        scheduler.run();
        decoder.fail(new IllegalStateException("out of luck"));
        settle();
        assertThat(student.failed.keySet()).containsExactlyInAnyOrder(0, 1);
        assertThat(student.failure(0).reason()).isEqualTo(Failure.Reason.MODEL_FAILED);
        assertThat(student.failure(0).message()).contains("out of luck");
        assertNothingIsLeft();
        student.start(0, 1, 3, 1);
        settle();
        assertThat(student.drawn(0)).hasSize(4);
    }

    /** A text that is started again is the same one, and another is not. */
    @Test
    void run_stepThatThrows_saysOfWhichTexts() {
        Student student = new Student(5);
        List<DeviceWork.Forward> forwards = new ArrayList<>();
        for (long key : new long[] {7, 7, 8}) {
            student.start(0, key, 3, 1, 2);
            decoder.fail(new IllegalStateException("device-side assert"));
            forwards.addAll(scheduler.run().forwards());
            tell();
        }
        assertThat(forwards).hasSize(3).allMatch(DeviceWork.Forward::threw);
        assertThat(forwards.get(1).of()).isEqualTo(forwards.get(0).of()).hasSize(1);
        assertThat(forwards.get(2).of())
                .doesNotContainAnyElementsOf(forwards.get(0).of());
    }

    @Test
    void deviceWithoutMemory_stepIsHalvedAndOneTooMuchAloneFailsAlone() {
        decoder.memoryFor(6);
        Student student = new Student(5);
        for (int i = 0; i < 5; i++) {
            student.start(i, i, 3, 7, 8, i);
        }
        student.start(5, 5, 3, new int[40]);
        Student other = new Student(6).start(0, 9, 3, 1);
        settle();
        assertThat(student.failed.keySet()).containsExactly(5);
        assertThat(student.failure(5).reason()).isEqualTo(Failure.Reason.DEVICE_MEMORY);
        assertThat(student.failure(5).message())
                .startsWith("no memory on the device for 40 tokens behind the text's 0, even alone");
        for (int i = 0; i < 5; i++) {
            assertThat(student.drawn(i)).isEqualTo(behind(continued(5, i, new int[] {7, 8, i}, 3), 3));
        }
        assertThat(other.drawn(0)).isEqualTo(behind(continued(6, 9, new int[] {1}, 3), 1));
        assertThat(registry.get("lyne.teacher.batch.out.of.memory").counter().count())
                .isPositive();
        student.session.close();
        other.session.close();
        settle();
        assertNothingIsLeft();
    }

    @Test
    void deviceWithoutMemoryForAText_saysWhetherAsMuchFittedBefore() {
        Student student = new Student(5).start(0, 0, 3, 7, 8, 9);
        settle();
        decoder.memoryFor(0);
        student.start(1, 1, 3, new int[40]);
        assertThat(scheduler.run().forwards()).as("never fitted").isEmpty();
        student.start(2, 2, 3, 1, 2);
        assertThat(scheduler.run().forwards())
                .singleElement()
                .satisfies(forward -> assertThat(forward.withoutMemory()).isEqualTo(2));
    }

    @Test
    void logitsNotFinite_sequenceFailsAlone() {
        decoder.notFiniteAfter(49);
        Student student = new Student(5).start(0, 1, 1, 3, 49).start(1, 1, 1, 3, 48);
        settle();
        assertThat(student.failure(0).reason()).isEqualTo(Failure.Reason.NOT_FINITE);
        assertThat(student.failure(0).message()).contains("position 1");
        assertThat(student.drawn(1)).hasSize(1);
    }

    @Test
    void stepsThatCannotBe_endTheSession() {
        Student student = new Student(5).start(0, 1, 5, 1);
        assertThat(student.session
                        .step(List.of(new DecodeStep(0, NOTHING, 1)), NOTHING)
                        .orElseThrow()
                        .message())
                .isEqualTo("step.sequences: 0 (expected: one that is owed no draws)");
        assertThat(student.session
                        .step(List.of(new DecodeStep(3, NOTHING, 1)), NOTHING)
                        .orElseThrow()
                        .reason())
                .isEqualTo(Failure.Reason.PROTOCOL_VIOLATION);
        assertThat(student.session.step(List.of(), new int[] {4}).orElseThrow().message())
                .contains("step.ended: 4");
        assertThat(student.session
                        .start(List.of(new DecodeStart(0, 1, new int[] {1}, 1, 0)))
                        .orElseThrow()
                        .message())
                .contains("start.sequence: 0 (expected: a number that is free)");
    }

    @Test
    void beyondLimits_sequenceFailsAlone() {
        Student student = new Student(5).start(0, 1, 1, new int[CONTEXT]);
        for (int i = 1; i <= 6; i++) {
            student.start(i, i, 0, new int[CONTEXT]);
        }
        tell();
        assertThat(student.failure(0).message()).contains("(expected: at most context_length=2000)");
        assertThat(student.failure(6).message()).contains("(expected: at most max_decode_tokens=10000)");
        assertThat(student.failed.keySet()).containsExactlyInAnyOrder(0, 6);
    }

    @Test
    void readerThatDoesNotRead_isNotComputedFor_andEndsAtLast() {
        Student stalled = new Student(5);
        stalled.full = true;
        stalled.start(0, 1, 5, 1);
        Student other = new Student(5).start(0, 1, 5, 1);
        settle();
        assertThat(other.drawn(0)).hasSize(5);
        assertThat(stalled.drawn).isEmpty();
        assertThat(scheduler.waits()).isFalse();
        stalled.full = false;
        stalled.session.readerTakesMore();
        settle();
        assertThat(stalled.drawn(0)).hasSize(5);
        stalled.full = true;
        stalled.step(0, 5);
        settle();
        now.addAndGet(Duration.ofSeconds(61).toNanos());
        scheduler.endIdle();
        settle();
        assertThat(stalled.over.orElseThrow().reason()).isEqualTo(Failure.Reason.READER_STALLED);
    }

    @Test
    void answersThatAreNotTold_pauseTheirSession() {
        Student student = new Student(5).start(0, 1, 100, 1);
        for (int i = 0; i < 100; i++) {
            scheduler.run();
        }
        assertThat(decoder.calls).hasSizeLessThan(20);
        settle();
        assertThat(student.drawn(0)).hasSize(100);
    }

    @Test
    void finish_isTheLastThingDoneAfterWhatIsOwed() {
        Student student = new Student(5).start(0, 1, 5, 1);
        List<Integer> drawnAtTheEnd = new ArrayList<>();
        student.session.finish(() -> drawnAtTheEnd.addAll(student.drawn(0)));
        settle();
        assertThat(drawnAtTheEnd).hasSize(5);
        assertThat(gauge("lyne.teacher.decode.sessions")).isZero();
        assertNothingIsLeft();
    }

    @Test
    void listenerThatThrows_endsItsSessionAlone() {
        Student other = new Student(5).start(0, 1, 5, 1);
        DecodeSession broken =
                scheduler.open(new DecodeTerms(TEACHER, Flow.SOLE, Proposal.PLAIN, 5, Set.of()), new DecodeListener() {
                    @Override
                    public void decoded(DecodedColumns columns) {
                        throw new AssertionError("a listener's defect");
                    }

                    @Override
                    public void failed(int sequence, Failure failure, long spared) {}

                    @Override
                    public void over(Failure failure) {}

                    @Override
                    public boolean isFull() {
                        return false;
                    }
                });
        assertThat(broken.start(List.of(new DecodeStart(0, 1, new int[] {1}, 1, 5))))
                .isEmpty();
        settle();
        assertThat(other.drawn(0)).hasSize(5);
        assertThat(gauge("lyne.teacher.decode.sessions")).isEqualTo(1);
    }

    /** Positions that were taken of a quota stay with the sequence that they were taken for. */
    @Test
    void failed_sparesWhatWasTakenWhereNothingWasComputed() {
        Student student = new Student(5);
        assertThat(student.session.start(List.of(new DecodeStart(0, 1, new int[] {1, 2}, 2, 3, 2))))
                .isEmpty();
        assertThat(student.session.refuse(0, new Failure(Failure.Reason.CHECKSUM_MISMATCH, "x")))
                .isPresent();
        assertThat(student.session.refuse(7, new Failure(Failure.Reason.CHECKSUM_MISMATCH, "x")))
                .isEmpty();
        settle();
        assertThat(student.drawn(0)).hasSize(3);
        assertThat(student.sparedPositions).isZero();

        student.step(0, 5_000); // more than the context: it fails after it was computed
        settle();
        assertThat(student.failed).containsOnlyKeys(0, 7);
        assertThat(student.sparedPositions).isZero();

        assertThat(student.session.start(List.of(new DecodeStart(8, 1, new int[] {1}, 1, 5_000, 1))))
                .isEmpty();
        decoder.fail(new IllegalStateException("a defect"));
        assertThat(student.session.start(List.of(new DecodeStart(9, 1, new int[] {1, 2, 3}, 3, 1, 3))))
                .isEmpty();
        settle();
        assertThat(student.sparedPositions).isEqualTo(4);
    }

    @Test
    void end_tellsEverySessionAndClosesTheDecoder() {
        Student student = new Student(5).start(0, 1, 50, 1);
        scheduler.run();
        scheduler.end();
        tell();
        assertThat(student.over.orElseThrow().reason()).isEqualTo(Failure.Reason.DRAINING);
        assertThat(decoder.isClosed()).isTrue();
        assertNothingIsLeft();
        Student late = new Student(5);
        tell();
        assertThat(late.over.orElseThrow().reason()).isEqualTo(Failure.Reason.DRAINING);
    }
}
