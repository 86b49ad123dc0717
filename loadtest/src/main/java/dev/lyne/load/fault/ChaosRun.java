package dev.lyne.load.fault;

import dev.lyne.load.audit.RowAudit;
import dev.lyne.load.process.RedisProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Students and servers in processes of their own, under faults. First the students train undisturbed, which says how long that takes and
 * which weights come out; then the same students train under the faults of a schedule, again and again until it is over, and those under
 * way are let finish. Beside them a client compares every row that it is handed. One thread does it all.
 */
public final class ChaosRun {
    private static final long TICK_MILLIS = 100;

    /** Longest that students may take to begin, and after the last fault to finish. */
    private static final double LAST_SECONDS = 900;

    private static final long POSTPONED_MILLIS = 20_000;
    private static final int LINES_EVERY_SECONDS = 5;

    private final FaultBench bench;
    private final ChaosSettings settings;
    private final Path scratch;
    private final Consumer<String> progress;
    private final List<ChaosStudent> students = new ArrayList<>();
    private final List<ChaosResult.Strike> strikes = new ArrayList<>();
    private final Map<FaultKind, Integer> injected = new EnumMap<>(FaultKind.class);
    private final Map<FaultKind, Integer> effective = new EnumMap<>(FaultKind.class);
    private final Map<String, List<ChaosResult.Step>> steps = new LinkedHashMap<>();
    private final List<UnderWay> underWay = new ArrayList<>();
    private long lastKillMillis = -FaultSchedule.KILL_MILLIS;
    private long startNanos;

    /** A fault that has struck and is not over. */
    private record UnderWay(Fault fault, Injection injection, double struckSeconds) {}

    /** @param scratch for logs, runs and caches; empty at first */
    public ChaosRun(FaultBench bench, ChaosSettings settings, Path scratch, Consumer<String> progress) {
        this.bench = bench;
        this.settings = settings;
        this.scratch = scratch;
        this.progress = progress;
    }

    /** Runs it. */
    public ChaosResult run() throws Exception {
        FaultSchedule schedule = FaultSchedule.of(settings);
        for (int i = 0; i < settings.students(); i++) {
            students.add(new ChaosStudent(bench, i));
        }
        try {
            trainUndisturbed();
            try (RedisProcess redis = RedisProcess.start(scratch.resolve("redis"), "4mb");
                    Replicas replicas = Replicas.open(bench, settings, scratch, Optional.of(redis))) {
                RowAudit.Counts audited;
                try (RowAudit audit = RowAudit.begin(replicas.direct(), replicas.addresses())) {
                    strike(schedule, replicas, new FaultInjector(replicas.all(), students, redis));
                    audited = audit.total();
                }
                return result(schedule, audited);
            }
        } finally {
            students.forEach(ChaosStudent::close);
        }
    }

    private void trainUndisturbed() throws Exception {
        progress.accept(students.size() + " students train undisturbed");
        try (Replicas replicas = Replicas.open(bench, settings, scratch, Optional.empty())) {
            for (ChaosStudent student : students) {
                student.begin(replicas.addresses());
            }
            while (students.stream().anyMatch(ChaosStudent::isBusy)) {
                TimeUnit.MILLISECONDS.sleep(TICK_MILLIS);
                for (ChaosStudent student : students) {
                    student.look();
                    if (!student.unexpectedEnds().isEmpty()) {
                        throw new IOException(
                                "undisturbed: " + student.unexpectedEnds().get(0));
                    }
                }
            }
        }
        progress.accept(String.format("they took %.1f s; now under faults", undisturbedSeconds()));
    }

    private double undisturbedSeconds() {
        return students.stream()
                .mapToDouble(student -> student.finished().get(0).seconds())
                .max()
                .orElseThrow();
    }

    private void strike(FaultSchedule schedule, Replicas replicas, FaultInjector injector) throws Exception {
        Deque<Fault> coming = new ArrayDeque<>(schedule.faults());
        List<Fault> postponed = new ArrayList<>();
        for (ChaosStudent student : students) {
            student.begin(replicas.addresses());
        }
        awaitSteps();
        startNanos = System.nanoTime();
        int seconds = 0;
        while (true) {
            endWhatIsOver();
            while (!coming.isEmpty() && coming.getFirst().atMillis() <= millis()) {
                Fault fault = coming.removeFirst();
                if (!tryToStrike(fault, injector)) {
                    postponed.add(fault);
                }
            }
            for (ChaosStudent student : students) {
                student.look();
                if (!student.isBusy() && millis() < settings.millis()) {
                    student.begin(replicas.addresses());
                }
            }
            if (millis() / 1_000 >= seconds) {
                seconds++;
                for (Iterator<Fault> again = postponed.iterator(); again.hasNext(); ) {
                    Fault fault = again.next();
                    if (tryToStrike(fault, injector) || millis() > fault.atMillis() + POSTPONED_MILLIS) {
                        again.remove();
                    }
                }
                notePlaces(seconds % LINES_EVERY_SECONDS == 0);
            }
            boolean over = millis() >= settings.millis() && underWay.isEmpty();
            if (over && students.stream().noneMatch(ChaosStudent::isBusy)
                    || millis() > settings.millis() + LAST_SECONDS * 1_000) {
                return;
            }
            TimeUnit.MILLISECONDS.sleep(TICK_MILLIS);
        }
    }

    /** Faults begin when there is something for them to strike. */
    private void awaitSteps() throws IOException, InterruptedException {
        long last = System.nanoTime() + (long) (LAST_SECONDS * 1e9);
        for (ChaosStudent student : students) {
            while (!student.trains() && System.nanoTime() < last) {
                TimeUnit.MILLISECONDS.sleep(TICK_MILLIS);
                student.look();
            }
        }
    }

    private long millis() {
        return (System.nanoTime() - startNanos) / 1_000_000;
    }

    private boolean tryToStrike(Fault fault, FaultInjector injector) throws IOException, InterruptedException {
        if (fault.kind().kills() && millis() - lastKillMillis < FaultSchedule.KILL_MILLIS) {
            return false; // another one came late
        }
        Optional<Injection> injection = injector.strike(fault);
        if (injection.isEmpty()) {
            return false;
        }
        if (fault.kind().kills()) {
            lastKillMillis = millis();
        }
        injected.merge(fault.kind(), 1, Integer::sum);
        underWay.add(new UnderWay(fault, injection.get(), millis() / 1e3));
        return true;
    }

    private void endWhatIsOver() throws Exception {
        for (Iterator<UnderWay> each = underWay.iterator(); each.hasNext(); ) {
            UnderWay fault = each.next();
            double lasted = millis() / 1e3 - fault.struckSeconds();
            if (lasted * 1e3 < fault.fault().lastsMillis() && !fault.injection().isOver()) {
                continue;
            }
            each.remove();
            boolean noticed = fault.injection().end();
            effective.merge(fault.fault().kind(), noticed ? 1 : 0, Integer::sum);
            strikes.add(new ChaosResult.Strike(
                    fault.struckSeconds(), fault.fault().kind(), target(fault.fault()), lasted, noticed));
        }
    }

    private static String target(Fault fault) {
        return switch (fault.kind().strikes()) {
            case NETWORK -> "network of replica " + fault.target();
            case SERVER -> "replica " + fault.target();
            case STUDENT -> "student " + fault.target();
            case REDIS -> "Redis";
        };
    }

    private void notePlaces(boolean tell) throws IOException {
        StringBuilder line = new StringBuilder(String.format("%4d s", millis() / 1_000));
        for (ChaosStudent student : students) {
            steps.computeIfAbsent(student.name(), name -> new ArrayList<>())
                    .add(new ChaosResult.Step(millis() / 1e3, student.stepsUnderFaults()));
            line.append(String.format(
                    "  %s run %d step %d/%d", student.name(), student.rounds() - 1, student.steps(), bench.steps()));
        }
        if (tell) {
            String now = underWay.stream()
                    .map(each -> each.fault().kind().label() + " of " + target(each.fault()))
                    .collect(Collectors.joining(", "));
            progress.accept(line + (now.isEmpty() ? "" : "  now: " + now));
        }
    }

    private ChaosResult result(FaultSchedule schedule, RowAudit.Counts audited) {
        Map<String, ChaosResult.FaultCount> faults = new LinkedHashMap<>();
        for (FaultKind kind : FaultKind.values()) {
            if (settings.mayStrike(kind)) {
                int scheduled = (int) schedule.faults().stream()
                        .filter(fault -> fault.kind() == kind)
                        .count();
                faults.put(
                        kind.label(),
                        new ChaosResult.FaultCount(
                                scheduled, injected.getOrDefault(kind, 0), effective.getOrDefault(kind, 0)));
            }
        }
        List<ChaosStudent.Finished> met = students.stream()
                .flatMap(student -> student.finished().stream().skip(1))
                .toList();
        ChaosResult.Students ends = new ChaosResult.Students(
                students.stream().mapToInt(student -> student.rounds() - 1).sum(),
                met.size(),
                students.stream().mapToInt(ChaosStudent::restarts).sum(),
                students.stream()
                        .flatMap(student -> student.unexpectedEnds().stream())
                        .toList(),
                met.stream().mapToDouble(ChaosStudent.Finished::coverage).min().orElse(0),
                met.stream().allMatch(ChaosStudent.Finished::sameWeights),
                undisturbedSeconds(),
                met.stream().mapToDouble(ChaosStudent.Finished::seconds).max().orElse(0));
        strikes.sort(Comparator.comparingDouble(ChaosResult.Strike::seconds));
        return ChaosResult.of(
                settings,
                faults,
                ends,
                new ChaosResult.Audit(audited.rows(), audited.wrongRows(), audited.refused()),
                new ChaosResult.Timeline(millis() / 1e3, List.copyOf(strikes), steps));
    }
}
