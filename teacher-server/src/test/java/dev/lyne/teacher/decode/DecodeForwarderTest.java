package dev.lyne.teacher.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.Proposal;
import dev.lyne.teacher.model.ContinueJob;
import dev.lyne.teacher.model.Continued;
import dev.lyne.teacher.model.Disowned;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.RemoteDecoder;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.wire.draw.SeededUniforms;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Sessions whose texts are continued elsewhere, on the test's thread. */
final class DecodeForwarderTest {
    private static final int[] NOTHING = {};
    private static final TeacherDescription TEACHER = new TeacherDescription(
            "far",
            new byte[32],
            new byte[32],
            100,
            1_000,
            new ExecutionFingerprint("none", "test", "", 1, 1, "float32"),
            "far",
            1,
            false,
            0,
            Optional.empty());

    /** Takes texts on, and leaves the answers to the test. */
    private static final class Far implements RemoteDecoder {
        private final List<ContinueJob> asked = new ArrayList<>();
        private final List<ContinueJob> withdrawn = new ArrayList<>();
        private boolean closed;

        @Override
        public Optional<String> refusal(Proposal proposal) {
            return Optional.empty();
        }

        @Override
        public boolean decode(ContinueJob job) {
            if (!closed) {
                asked.add(job);
            }
            return !closed;
        }

        @Override
        public void withdraw(ContinueJob job) {
            withdrawn.add(job);
        }
    }

    /** A student that keeps what it is told. */
    private static final class Student implements DecodeListener {
        private final List<DecodedColumns> told = new ArrayList<>();
        private final List<Failure> failed = new ArrayList<>();
        private final List<Failure> over = new ArrayList<>();
        private boolean full;
        private long sparedPositions;

        @Override
        public void decoded(DecodedColumns columns) {
            told.add(columns);
        }

        @Override
        public void failed(int sequence, Failure failure, long spared) {
            failed.add(failure);
            sparedPositions += spared;
        }

        @Override
        public void over(Failure failure) {
            over.add(failure);
        }

        @Override
        public boolean isFull() {
            return full;
        }
    }

    private final Queue<Runnable> untold = new ArrayDeque<>();
    private final Far far = new Far();
    private final DecodeForwarder forwarder = new DecodeForwarder(
            far,
            TEACHER,
            DecodeOptions.DEFAULT,
            () -> 0,
            new DecodeMetrics(new SimpleMeterRegistry(), "far"),
            untold::add);
    private CompletableFuture<Void> vouched = new CompletableFuture<>();

    private DecodeSession open(Student student, Integer... stopIds) {
        return forwarder.open(new DecodeTerms(TEACHER, Flow.SOLE, Proposal.PLAIN, 5, Set.of(stopIds)), student);
    }

    private static void start(DecodeSession session, int sequence, int draws, int... prompt) {
        assertThat(session.start(
                        List.of(new DecodeStart(sequence, sequence, prompt, prompt.length, draws, prompt.length))))
                .isEmpty();
    }

    private static void step(DecodeSession session, int sequence, int draws, int... taken) {
        assertThat(session.step(List.of(new DecodeStep(sequence, taken, draws)), NOTHING))
                .isEmpty();
    }

    /** Answers a request with tokens of its own, each at −1, and the taken ones at −2. */
    private void answer(int request, int... drawn) {
        ContinueJob job = far.asked.get(request);
        double[] taken = new double[job.continuation().taken()];
        Arrays.fill(taken, -2);
        double[] logProbabilities = new double[drawn.length];
        Arrays.fill(logProbabilities, -1);
        job.continued(new Continued(taken, drawn, logProbabilities), vouched);
        tell();
    }

    private void tell() {
        for (Runnable one = untold.poll(); one != null; one = untold.poll()) {
            one.run();
        }
    }

    @Test
    void text_isAskedForWhatItIsOwed_withTheSeedOfItsStep() {
        Student student = new Student();
        DecodeSession session = open(student);
        start(session, 3, 2, 7, 8);
        assertThat(far.asked.get(0).continuation().tokens()).containsExactly(7, 8);
        assertThat(far.asked.get(0).continuation().draws()).isEqualTo(2);
        assertThat(far.asked.get(0).continuation().seed()).isEqualTo(SeededUniforms.TEACHER_DRAW.bits(5, 3, 0));
        answer(0, 20, 21);
        step(session, 3, 1, 30);
        assertThat(far.asked.get(1).continuation().tokens()).containsExactly(7, 8, 20, 21, 30);
        assertThat(far.asked.get(1).continuation().from()).isEqualTo(4);
        assertThat(far.asked.get(1).continuation().seed()).isEqualTo(SeededUniforms.TEACHER_DRAW.bits(5, 3, 3));
        answer(1, 40);
        DecodedColumns last = student.told.get(1);
        assertThat(last.takenCounts()).containsExactly(1);
        assertThat(last.drawnIds()).containsExactly(40);
        assertThat(last.logProbabilities()).containsExactly(-2f, -1f);
        assertThat(session.owes()).isFalse();
    }

    /** Tokens that the text takes meanwhile are answered by the next request. */
    @Test
    void text_thatTakesMoreWhileItIsAskedFor_isAskedForAgain() {
        Student student = new Student();
        DecodeSession session = open(student);
        start(session, 3, 0, 7, 8);
        step(session, 3, 0, 9);
        step(session, 3, 2, 10);
        assertThat(far.asked).hasSize(1);
        answer(0);
        assertThat(student.told.get(0).takenCounts()).containsExactly(1);
        assertThat(far.asked.get(1).continuation().tokens()).containsExactly(7, 8, 9, 10);
        assertThat(far.asked.get(1).continuation().from()).isEqualTo(3);
        assertThat(far.asked.get(1).continuation().draws()).isEqualTo(2);
    }

    @Test
    void run_thatMeetsAStopToken_isOver_andALongOneGoesOn() {
        Student student = new Student();
        DecodeSession session = open(student, 50);
        start(session, 1, 100, 7);
        assertThat(far.asked.get(0).continuation().draws()).isEqualTo(DecodeForwarder.MAX_DRAWS);
        answer(0, new int[DecodeForwarder.MAX_DRAWS]);
        assertThat(far.asked.get(1).continuation().draws()).isEqualTo(100 - DecodeForwarder.MAX_DRAWS);
        answer(1, 4, 50);
        assertThat(far.asked).hasSize(2);
        assertThat(session.owes()).isFalse();
    }

    @Test
    void session_whoseReaderIsFull_isAskedForNothingMore() {
        Student student = new Student();
        DecodeSession session = open(student);
        student.full = true;
        start(session, 1, 1, 7);
        assertThat(far.asked).isEmpty();
        student.full = false;
        session.readerTakesMore();
        assertThat(far.asked).hasSize(1);
    }

    @Test
    void failure_failsItsTextAlone() {
        Student student = new Student();
        DecodeSession session = open(student);
        start(session, 1, 1, 7);
        start(session, 2, 1, 8);
        far.asked.get(0).failed(new Failure(Failure.Reason.ENGINE_FAILED, "strange"));
        answer(1, 9);
        assertThat(student.failed).extracting(Failure::message).containsExactly("strange");
        assertThat(student.told.get(0).drawnIds()).containsExactly(9);
        assertThat(student.sparedPositions).as("what was taken for it").isEqualTo(1);
        step(session, 2, 1);
        far.asked.get(2).failed(new Failure(Failure.Reason.ENGINE_FAILED, "strange"));
        tell();
        assertThat(student.failed).hasSize(2);
        assertThat(student.sparedPositions).isEqualTo(1);
    }

    @Test
    void closedSession_takesItsRequestsBack_andHearsNothing() {
        Student student = new Student();
        DecodeSession session = open(student);
        start(session, 1, 1, 7);
        session.close();
        assertThat(far.withdrawn).isEqualTo(far.asked);
        assertThat(far.asked.get(0).isWanted()).isFalse();
        answer(0, 9);
        assertThat(student.told).isEmpty();
    }

    @Test
    void tokensOfAnotherModel_endTheSessionsThatWereGivenThem_andNoOther() {
        Student given = new Student();
        start(open(given), 1, 2, 7);
        Student other = new Student();
        start(open(other), 1, 2, 7);
        answer(0, 9, 10);
        vouched.completeExceptionally(new IllegalStateException("the engine has other weights"));
        tell();
        assertThat(given.over.get(0).reason()).isEqualTo(Failure.Reason.TEACHER_CHANGED);
        assertThat(given.over.get(0).message())
                .isEqualTo(
                        "the engine has other weights; tokens of this session since the last passed probe: 2 (expected: none of them be learnt from)");
        assertThat(other.over).isEmpty();
    }

    /** A probe began in between: what it may vouch for, and what came later, are of the same engine. */
    @Test
    void tokensOfAnotherModel_areCountedOverAProbeThatBegan() {
        Student student = new Student();
        DecodeSession session = open(student);
        start(session, 1, 1, 7);
        CompletableFuture<Void> before = vouched;
        answer(0, 9);
        vouched = new CompletableFuture<>();
        step(session, 1, 1);
        answer(1, 10);
        before.completeExceptionally(new Disowned("the engine has other weights", List.of(before, vouched)));
        tell();
        assertThat(student.over).hasSize(1);
        assertThat(student.over.get(0).message()).contains("tokens of this session since the last passed probe: 2 ");
    }

    @Test
    void tokensThatNobodyCanVouchFor_accuseNobody() {
        Student student = new Student();
        start(open(student), 1, 1, 7);
        answer(0, 9);
        vouched.cancel(false);
        tell();
        assertThat(student.over).isEmpty();
    }

    @Test
    void decoder_thatIsClosed_failsWhatComes_andEndEndsAll() {
        Student student = new Student();
        DecodeSession session = open(student);
        start(session, 1, 1, 7);
        far.closed = true;
        start(session, 2, 1, 7);
        tell();
        assertThat(student.failed).extracting(Failure::reason).containsExactly(Failure.Reason.DRAINING);
        forwarder.end();
        tell();
        assertThat(student.over).extracting(Failure::reason).containsExactly(Failure.Reason.DRAINING);
        assertThat(far.withdrawn).containsExactly(far.asked.get(0));
    }
}
