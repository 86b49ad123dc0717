package dev.lyne.teacher.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.model.Failure;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.SequenceDone;
import io.grpc.stub.ServerCallStreamObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Messages that leave a stream: in which order, and how it ends; whatever is thrown meanwhile. */
final class PacedSenderTest {
    private final AtomicLong now = new AtomicLong(7);
    private final UnsentBudget budget = new UnsentBudget(1_000, now::get);
    private final Call call = new Call();
    private final AtomicInteger ends = new AtomicInteger();
    private final PacedSender<ScoreSequencesResponse> sender = new PacedSender<>(
            call, new RpcMetrics(new SimpleMeterRegistry()), budget.open(() -> {}), now::get, ends::incrementAndGet);

    @Test
    void offer_transportReady_leavesInOrder() {
        sender.offer(message(1));
        sender.offer(message(2));
        assertThat(call.log).containsExactly("1", "2");
    }

    @Test
    void reason_isThatOfTheEndThatCame() {
        assertThat(sender.reason()).isEqualTo("none");
        call.ready = false;
        sender.offer(message(1));
        sender.endAfterQueue(observer -> observer.onCompleted());
        assertThat(sender.reason()).isEqualTo("done");
        sender.endNow(new Failure(Failure.Reason.READER_STALLED, "in a test"));
        assertThat(sender.reason()).isEqualTo("reader_stalled");
        sender.callEnded();
        assertThat(sender.reason()).isEqualTo("reader_stalled");
        assertThat(ends).hasValue(1);
    }

    @Test
    void reason_ofWhatTheStudentEnds_isThatItWasCancelled() {
        sender.callEnded();
        assertThat(sender.reason()).isEqualTo("cancelled");
    }

    @Test
    void offer_transportNotReady_waitsForThePump() {
        call.ready = false;
        sender.offer(message(1));
        sender.offer(message(2));
        assertThat(call.log).isEmpty();
        assertThat(sender.waits()).isTrue();

        call.ready = true;
        sender.pump();
        assertThat(call.log).containsExactly("1", "2");
        assertThat(sender.waits()).isFalse();
    }

    @Test
    void offer_fromWithinASend_isSentByTheSamePump() {
        call.whenSent = () -> {
            call.whenSent = () -> {};
            sender.offer(message(2));
            assertThat(call.log).as("no second thread within the call").containsExactly("1");
        };
        sender.offer(message(1));
        assertThat(call.log).containsExactly("1", "2");
    }

    @Test
    void offer_manyThreads_eachMessageOnceAndOneThreadAtATime() throws InterruptedException {
        int threads = 8;
        int each = 2_000;
        AtomicInteger within = new AtomicInteger();
        AtomicInteger overlaps = new AtomicInteger();
        call.whenSent = () -> {
            if (within.incrementAndGet() != 1) {
                overlaps.incrementAndGet();
            }
            Thread.onSpinWait();
            within.decrementAndGet();
        };
        CountDownLatch start = new CountDownLatch(1);
        List<Thread> offering = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int first = i * each;
            offering.add(new Thread(() -> {
                try {
                    start.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                for (int j = 0; j < each; j++) {
                    sender.offer(message(first + j));
                }
            }));
        }
        offering.forEach(Thread::start);
        start.countDown();
        for (Thread thread : offering) {
            thread.join();
        }
        assertThat(overlaps).hasValue(0);
        assertThat(call.log).hasSize(threads * each).doesNotHaveDuplicates();
        for (int i = 0; i < threads; i++) {
            int low = i * each;
            assertThat(call.log.stream().mapToInt(Integer::parseInt).filter(id -> id / each * each == low))
                    .as("messages of a thread stay in order")
                    .isSorted();
        }
    }

    @Test
    void tell_othersWait_isDropped() {
        call.ready = false;
        sender.offer(message(1));
        sender.tell(response(2));
        call.ready = true;
        sender.pump();
        assertThat(call.log).containsExactly("1");
        sender.tell(response(3));
        assertThat(call.log).containsExactly("1", "3");
    }

    @Test
    void endAfterQueue_waitsForWhatIsQueued_andEndsOnce() {
        call.ready = false;
        sender.offer(message(1));
        sender.endAfterQueue(observer -> observer.onCompleted());
        assertThat(ends).hasValue(0);
        call.ready = true;
        sender.pump();
        sender.pump();
        assertThat(call.log).containsExactly("1", "completed");
        assertThat(ends).hasValue(1);
    }

    @Test
    void endNow_dropsWhatIsQueued_andNothingFollows() {
        call.ready = false;
        sender.offer(message(1));
        sender.endNow(new Failure(Failure.Reason.DRAINING, "gone"));
        sender.offer(message(2));
        sender.endAfterQueue(observer -> observer.onCompleted());
        call.ready = true;
        sender.pump();
        assertThat(call.log).containsExactly("failed");
        assertThat(ends).hasValue(1);
        assertThat(sender.isOver()).isTrue();
    }

    @Test
    void pump_sendThrowsOnce_endsTheStreamAndNothingElseIsSent() {
        call.whenSent = () -> {
            throw new OutOfMemoryError("in a test");
        };
        sender.offer(message(1));
        assertThat(call.log).containsExactly("1", "failed");
        assertThat(ends).hasValue(1);

        call.whenSent = () -> {};
        sender.offer(message(2));
        sender.pump();
        assertThat(call.log).containsExactly("1", "failed");
        assertThat(ends).hasValue(1);
    }

    @Test
    void pump_evenTheEndThrows_isReleasedOnce() {
        call.whenSent = () -> {
            throw new IllegalStateException("in a test");
        };
        call.endThrows = true;
        sender.offer(message(1));
        assertThat(ends).hasValue(1);
        sender.endAfterQueue(observer -> observer.onCompleted());
        assertThat(ends).hasValue(1);
    }

    @Test
    void lastTaken_readerStops_standsStillUntilItTakesAgain() {
        sender.offer(message(1));
        call.ready = false;
        now.set(100);
        sender.offer(message(2));
        assertThat(sender.lastTakenNanos()).isEqualTo(7);
        call.ready = true;
        now.set(200);
        sender.pump();
        assertThat(sender.lastTakenNanos()).isEqualTo(200);
    }

    private static Outgoing<ScoreSequencesResponse> message(long id) {
        return Outgoing.message(response(id), () -> {});
    }

    private static ScoreSequencesResponse response(long id) {
        return ScoreSequencesResponse.newBuilder()
                .setDone(SequenceDone.newBuilder().setId(id))
                .build();
    }

    /** A call that writes down what it is told. */
    private static final class Call extends ServerCallStreamObserver<ScoreSequencesResponse> {
        final List<String> log = new ArrayList<>();
        volatile boolean ready = true;
        volatile boolean endThrows;
        volatile Runnable whenSent = () -> {};

        @Override
        public boolean isReady() {
            return ready;
        }

        @Override
        public void onNext(ScoreSequencesResponse message) {
            log.add(Long.toString(message.getDone().getId()));
            whenSent.run();
        }

        @Override
        public void onError(Throwable failure) {
            log.add("failed");
            if (endThrows) {
                throw new IllegalStateException("the call is over");
            }
        }

        @Override
        public void onCompleted() {
            log.add("completed");
        }

        @Override
        public boolean isCancelled() {
            return false;
        }

        @Override
        public void setOnCancelHandler(Runnable handler) {}

        @Override
        public void setOnReadyHandler(Runnable handler) {}

        @Override
        public void setCompression(String compression) {}

        @Override
        public void disableAutoInboundFlowControl() {}

        @Override
        public void request(int count) {}

        @Override
        public void setMessageCompression(boolean enable) {}
    }
}
