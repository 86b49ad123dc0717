package dev.lyne.load;

import dev.lyne.student.client.TargetRequest;
import dev.lyne.student.client.TargetSource;
import dev.lyne.student.client.TeacherExpectation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/** A closed loop: each student keeps a window of sequences in flight and sends the next when one is answered. */
public final class ClosedLoop {
    private final IntFunction<TargetSource> sources;
    private final LoadProfile profile;

    /** @param sources opens the connection of a student, by its number */
    public ClosedLoop(IntFunction<TargetSource> sources, LoadProfile profile) {
        this.sources = sources;
        this.profile = profile;
    }

    /**
     * Runs every student to the end of the duration.
     *
     * @param progress told positions a second about once a second
     */
    public LoadReport run(Consumer<Tally> progress) throws InterruptedException {
        ExecutorService threads = Executors.newFixedThreadPool(profile.students());
        List<TargetSource> opened = new ArrayList<>();
        try {
            List<LoadStudent> students = new ArrayList<>();
            long start = System.nanoTime();
            long countFrom = start + profile.warmUp().toNanos();
            long end = countFrom + profile.duration().toNanos();
            for (int number = 0; number < profile.students(); number++) {
                TargetSource source = sources.apply(number);
                opened.add(source);
                int vocabularySize = source.describe().vocabularySize();
                students.add(new LoadStudent(
                        number,
                        source.open(new TargetRequest(profile.selection(), TeacherExpectation.any())),
                        new SequenceGenerator(profile, vocabularySize),
                        profile.window(),
                        countFrom,
                        end));
            }
            List<Future<?>> running = new ArrayList<>();
            for (LoadStudent student : students) {
                running.add(threads.submit(student));
            }
            while (System.nanoTime() < end && running.stream().noneMatch(Future::isDone)) {
                TimeUnit.MILLISECONDS.sleep(Math.max(1, Math.min(1000, (end - System.nanoTime()) / 1_000_000)));
                progress.accept(total(students));
            }
            for (Future<?> student : running) {
                await(student);
            }
            return total(students).report(profile.students(), profile.duration().toNanos() / 1e9);
        } finally {
            opened.forEach(TargetSource::close);
            threads.shutdownNow();
        }
    }

    private static Tally total(List<LoadStudent> students) {
        Tally total = new Tally();
        students.forEach(student -> total.add(student.tally()));
        return total;
    }

    private static void await(Future<?> student) throws InterruptedException {
        try {
            student.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        }
    }
}
