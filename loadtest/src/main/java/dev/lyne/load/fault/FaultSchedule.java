package dev.lyne.load.fault;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * When which fault strikes whom: a pure function of the settings. Faults of the network come once in each stretch of {@code fault_seconds},
 * those of processes once in three of them, each at a random moment of its stretch. Kinds are dealt from a shuffled pack that holds each
 * once, so that all come up equally often and early. Processes are killed at most once in 30 seconds.
 */
public record FaultSchedule(List<Fault> faults) {
    /** Least time between two kills. */
    static final long KILL_MILLIS = 30_000;

    private static final int PROCESS_FAULTS_EVERY = 3;

    public FaultSchedule {
        faults = List.copyOf(faults);
    }

    /** The schedule of these settings. */
    public static FaultSchedule of(ChaosSettings settings) {
        SplittableRandom random = new SplittableRandom(settings.seed());
        long stretch = (long) (settings.faultSeconds() * 1_000);
        List<Fault> faults = new ArrayList<>();
        faults.addAll(deal(settings, FaultKind.all(true), stretch, random.split()));
        faults.addAll(deal(settings, FaultKind.all(false), PROCESS_FAULTS_EVERY * stretch, random.split()));
        faults.sort(Comparator.comparingLong(Fault::atMillis).thenComparing(Fault::kind));
        return new FaultSchedule(faults);
    }

    private static List<Fault> deal(
            ChaosSettings settings, List<FaultKind> kinds, long stretch, SplittableRandom random) {
        List<FaultKind> possible = kinds.stream().filter(settings::mayStrike).toList();
        List<Fault> faults = new ArrayList<>();
        List<FaultKind> pack = new ArrayList<>();
        long lastKill = -KILL_MILLIS;
        for (long from = 0; from < settings.millis() && !possible.isEmpty(); from += stretch) {
            long at = from + (long) (random.nextDouble() * 0.5 * stretch);
            if (pack.isEmpty()) {
                pack.addAll(possible);
            }
            SplittableRandom own = random.split(); // what one fault draws moves no other
            Optional<FaultKind> drawn = draw(pack, at - lastKill >= KILL_MILLIS, own);
            if (at >= settings.millis() || drawn.isEmpty()) {
                continue;
            }
            FaultKind kind = drawn.get();
            pack.remove(kind);
            if (kind.kills()) {
                lastKill = at;
            }
            int targets = targets(kind, settings);
            faults.add(new Fault(
                    at, kind, own.nextInt(targets), millis(kind, own.nextDouble(), stretch), own.nextDouble()));
        }
        return faults;
    }

    /**
     * Draws a kind from the pack; one that kills as soon as they would otherwise be left to the end, and none while it
     * is too early.
     */
    private static Optional<FaultKind> draw(List<FaultKind> pack, boolean mayKill, SplittableRandom random) {
        List<FaultKind> kills = pack.stream().filter(FaultKind::kills).toList();
        List<FaultKind> possible = pack;
        if (mayKill && 2 * kills.size() >= pack.size()) {
            possible = kills;
        } else if (!mayKill) {
            possible = pack.stream().filter(kind -> !kind.kills()).toList();
        }
        return possible.isEmpty() ? Optional.empty() : Optional.of(possible.get(random.nextInt(possible.size())));
    }

    private static int targets(FaultKind kind, ChaosSettings settings) {
        return switch (kind.strikes()) {
            case STUDENT -> settings.students();
            case NETWORK, SERVER -> settings.replicas();
            case REDIS -> 1;
        };
    }

    /** How long it lasts: of the network at most until the next; of processes as long as it takes to be noticed. */
    private static long millis(FaultKind kind, double draw, long stretch) {
        return switch (kind) {
            case DELAY, THROTTLE, DROP, RESET, TRUNCATE, CORRUPT, PROXY_RESTART ->
                (long) (stretch * (0.2 + 0.3 * draw));
            case KILL_SERVER, KILL_STUDENT -> (long) (1_000 + 3_000 * draw);
            case STOP_SERVER, STOP_STUDENT -> (long) (3_000 + 5_000 * draw);
            case SERVER_DISK_FULL, STUDENT_DISK_FULL -> (long) (8_000 + 4_000 * draw);
            case REDIS_GONE, REDIS_FROZEN -> (long) (4_000 + 6_000 * draw);
        };
    }
}
