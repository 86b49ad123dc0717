package dev.lyne.teacher.server;

import dev.lyne.teacher.batch.BatchMetrics;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.batch.DeviceWork;
import dev.lyne.teacher.decode.DecodeForwarder;
import dev.lyne.teacher.decode.DecodeMetrics;
import dev.lyne.teacher.decode.DecodeOptions;
import dev.lyne.teacher.decode.DecodeScheduler;
import dev.lyne.teacher.decode.DecodeSessions;
import dev.lyne.teacher.http.HttpTeacher;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.QueueLine;
import dev.lyne.teacher.model.RemoteDecoder;
import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.replay.ReplayedTeacher;
import dev.lyne.teacher.rpc.ServedTeacher;
import dev.lyne.teacher.score.CacheMetrics;
import dev.lyne.teacher.score.RowStore;
import dev.lyne.teacher.score.SequenceEncoder;
import dev.lyne.teacher.score.SingleFlight;
import dev.lyne.teacher.trace.BatchTraces;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

/** The stages of one teacher, put together: what computes its rows or has them, what keeps and shares them, and how both doors see it. */
final class TeacherStages {
    private final ServedTeacher served;
    private final HttpTeacher http;
    private final Optional<Teacher> teacher;
    private final Work work;
    private final Optional<ReplayedTeacher> capture;
    private final Optional<Future<?>> timer;
    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * Set-up that the stages of all teachers are made with.
     *
     * @param everySecond runs a task until what it returns is cancelled
     * @param telling runs what it is given one at a time and in order
     * @param watched a model whose refusals of direct memory are watched
     */
    record Setup(
            TeacherServerOptions options,
            MeterRegistry registry,
            HttpTexts texts,
            Function<Runnable, Future<?>> everySecond,
            Executor telling,
            Function<LocalModel, LocalModel> watched) {}

    /**
     * Work of a teacher beside its rows.
     *
     * @param batcher its device's queue and thread, where it has one here
     * @param decoding its decoding sessions, where it decodes
     * @param endDecoding ends those that end with no device's thread
     */
    private record Work(Optional<Batcher> batcher, Optional<? extends DecodeSessions> decoding, Runnable endDecoding) {
        private static final Work NONE = new Work(Optional.empty(), Optional.empty(), () -> {});
    }

    private TeacherStages(
            ServedTeacher served,
            HttpTeacher http,
            Optional<Teacher> teacher,
            Work work,
            Optional<ReplayedTeacher> capture,
            Optional<Future<?>> timer) {
        this.served = served;
        this.http = http;
        this.teacher = teacher;
        this.work = work;
        this.capture = capture;
        this.timer = timer;
    }

    /**
     * Puts the stages of an opened teacher together, and takes it over; a model's device thread warms it up at once.
     *
     * @param store where its rows are kept
     * @param keyValueBytes memory of the texts that it decodes; 0: it does not decode
     */
    static TeacherStages of(OpenedTeacher opened, RowStore store, long keyValueBytes, Setup setup)
            throws InterruptedException {
        if (opened instanceof OpenedTeacher.Local local) {
            return of(local.model(), store, keyValueBytes, setup);
        } else if (opened instanceof OpenedTeacher.Remote remote) {
            return of(remote.teacher(), store, keyValueBytes, setup);
        }
        ReplayedTeacher capture = ((OpenedTeacher.Captured) opened).capture();
        ServedTeacher served = new ServedTeacher(capture.description(), capture, capture::positionsRead, List.of());
        return new TeacherStages(
                served,
                setup.texts().teacher(served, setup.registry()),
                Optional.empty(),
                Work.NONE,
                Optional.of(capture),
                Optional.empty());
    }

    /** A teacher that computes elsewhere, and decodes there where it can. */
    private static TeacherStages of(Teacher teacher, RowStore store, long keyValueBytes, Setup setup) {
        TeacherDescription description = teacher.description();
        Optional<DecodeForwarder> decoding = (keyValueBytes == 0 ? Optional.<RemoteDecoder>empty() : teacher.decoder())
                .map(decoder -> new DecodeForwarder(
                        decoder,
                        description,
                        setup.options().decoding(),
                        System::nanoTime,
                        new DecodeMetrics(setup.registry(), description.name()),
                        setup.telling()));
        Work work = new Work(Optional.empty(), decoding, () -> decoding.ifPresent(DecodeForwarder::end));
        return of(teacher, work, store, setup);
    }

    /** A local model behind its device thread, which decodes between batches where the model can. */
    private static TeacherStages of(LocalModel model, RowStore store, long keyValueBytes, Setup setup)
            throws InterruptedException {
        TeacherServerOptions options = setup.options();
        TeacherDescription description = model.description();
        LocalModel watched = setup.watched().apply(model);
        Optional<DecodeScheduler> decoding = decoding(
                watched,
                options.decoding()
                        .with(
                                keyValueBytes,
                                options.decoding().batchTime(),
                                options.decoding().idleTime()),
                setup);
        BatchOptions batching =
                options.batching().withMaxEntries(options.limits().maxSequenceEntries());
        Batcher batcher = new Batcher(
                watched,
                description.deterministic() ? batching.oneAtATime() : batching,
                options.encodeThreads(),
                System::nanoTime,
                new BatchMetrics(setup.registry(), description.name(), new BatchTraces(options.telemetry())),
                decoding.<DeviceWork>map(scheduler -> scheduler).orElse(DeviceWork.NONE));
        try {
            // The device's thread ends the sessions as it ends.
            return of(batcher, new Work(Optional.of(batcher), decoding, () -> {}), store, setup);
        } catch (RuntimeException e) {
            batcher.close();
            throw e;
        }
    }

    private static Optional<DecodeScheduler> decoding(LocalModel model, DecodeOptions how, Setup setup) {
        if (how.maxCacheBytes() == 0) {
            return Optional.empty();
        }
        TeacherDescription description = model.description();
        return model.decoder(how.maxCacheBytes())
                .map(decoder -> new DecodeScheduler(
                        decoder,
                        description,
                        how,
                        System::nanoTime,
                        new DecodeMetrics(setup.registry(), description.name()),
                        setup.telling()));
    }

    private static TeacherStages of(Teacher teacher, Work work, RowStore store, Setup setup) {
        TeacherDescription description = teacher.description();
        Optional<? extends DecodeSessions> decoding = work.decoding();
        teacher.bindTo(setup.registry());
        teacher.limitQueue(setup.options().batching().maxQueue());
        SingleFlight sequences = new SingleFlight(
                teacher,
                store,
                new SequenceEncoder(description, setup.options().limits().maxBlockBytes()),
                setup.options().limits().maxSequenceEntries(),
                System::nanoTime,
                new CacheMetrics(setup.registry(), description.name()));
        if (decoding.isEmpty()) {
            DecodeMetrics.ofNone(setup.registry(), description.name());
        }
        ServedTeacher served = new ServedTeacher(
                description,
                sequences,
                teacher::devicePositions,
                teacher.tokenizer(),
                decoding.<DecodeSessions>map(sessions -> sessions));
        return new TeacherStages(
                served,
                setup.texts().teacher(served, setup.registry()),
                Optional.of(teacher),
                work,
                Optional.empty(),
                Optional.of(setup.everySecond().apply(() -> {
                    work.batcher().ifPresent(Batcher::expireOverdue);
                    sequences.expireOverdue();
                    decoding.ifPresent(DecodeSessions::endIdle);
                })));
    }

    TeacherDescription description() {
        return served.description();
    }

    ServedTeacher served() {
        return served;
    }

    HttpTeacher http() {
        return http;
    }

    /** Returns the device's queue and thread, where the teacher has one here. */
    Optional<Batcher> batcher() {
        return work.batcher();
    }

    /** Returns the lines of what waits for its turn, by class and tenant. */
    List<QueueLine> queueLines() {
        return teacher.map(Teacher::queueLines).orElse(List.of());
    }

    /** Completes when it answers without delay; fails with what keeps it from that for good. */
    CompletionStage<Void> warm() {
        return teacher.map(Teacher::warm).orElseGet(() -> CompletableFuture.completedStage(null));
    }

    /** Completes when it takes no more work: with what ended it, or with nothing. */
    CompletionStage<Optional<Throwable>> ended() {
        return teacher.map(Teacher::ended).orElseGet(CompletableFuture::new);
    }

    /** Returns whether the teacher answers now. */
    boolean serving() {
        return teacher.map(Teacher::serving).orElse(true);
    }

    /**
     * Fails what waits, and ends; a second call does nothing.
     *
     * @param waitNanos how long what has started is waited for
     * @return false where that was not over by then, and goes on
     */
    boolean close(long waitNanos) throws InterruptedException {
        if (!closed.compareAndSet(false, true)) {
            return true;
        }
        timer.ifPresent(task -> task.cancel(false));
        http.close();
        capture.ifPresent(ReplayedTeacher::close);
        work.endDecoding().run();
        return teacher.isEmpty() || teacher.get().close(waitNanos);
    }
}
