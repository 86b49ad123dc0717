package dev.lyne.cli.measure;

import dev.lyne.client.RequestPriority;
import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.FaultInjection;
import dev.lyne.load.profile.Lengths;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.profile.Selections;
import dev.lyne.load.profile.WantedPositions;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Options that say what the students of a load run do. */
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class LoadProfileOptions {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = "--students", defaultValue = "4", description = "Students (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--in-flight",
            defaultValue = "16",
            description = "Closed loop: sequences a student keeps in flight (default: ${DEFAULT-VALUE}).")
    private int window;

    @Option(
            names = "--think-ms",
            defaultValue = "0",
            paramLabel = "MS",
            description =
                    "Closed loop: mean of the exponential pause after each answer, ms (default: ${DEFAULT-VALUE}).")
    private double thinkMillis;

    @Option(
            names = "--rate",
            paramLabel = "R",
            description = "Open loop: sequences a second over all students, answered or not (default: a closed loop).")
    private @Nullable Double rate;

    @Option(
            names = "--arrivals",
            defaultValue = "poisson",
            description = "Open loop: poisson or constant (default: ${DEFAULT-VALUE}).")
    private ArrivalKind arrivals;

    @Option(
            names = "--tokens",
            defaultValue = "256",
            paramLabel = "N|N..M|…",
            description =
                    "Tokens a sequence: 256, 64..512 or a mixture such as 128*0.7,1024..2048*0.3 (default: ${DEFAULT-VALUE}).")
    private String tokens;

    @Option(
            names = "--selection",
            defaultValue = "top_k=64",
            paramLabel = "RULE",
            description =
                    Selection.FORMS
                            + "; or a mixture over the students such as top_k=64*0.8,label_only*0.2 (default: ${DEFAULT-VALUE}).")
    private String selection;

    @Option(
            names = "--row-precision",
            defaultValue = "compact",
            description = "How rows are coded: exact, half or compact (default: ${DEFAULT-VALUE}).")
    private Precision precision;

    @Option(names = "--raw-logits", description = "Ask for the kept entries' logits, too.")
    private boolean rawLogits;

    @Option(
            names = "--positions",
            defaultValue = "all",
            paramLabel = "WHICH",
            description = "Positions wanted: all, last=SHARE or random=SHARE (default: ${DEFAULT-VALUE}).")
    private String positions;

    @Option(
            names = "--repeated",
            defaultValue = "0",
            paramLabel = "SHARE",
            description = "Share of sequences from a pool in common (default: ${DEFAULT-VALUE}).")
    private double repeated;

    @Option(names = "--pool", defaultValue = "256", description = "Sequences in that pool (default: ${DEFAULT-VALUE}).")
    private int pool;

    @Option(
            names = "--stall-every",
            defaultValue = "0",
            paramLabel = "S",
            description = "Mean time between a student's stalls, in which it reads nothing, s (default: never).")
    private double stallEvery;

    @Option(
            names = "--stall",
            defaultValue = "1",
            paramLabel = "S",
            description = "Length of a stall, s (default: ${DEFAULT-VALUE}).")
    private double stall;

    @Option(
            names = "--disconnect-every",
            defaultValue = "0",
            paramLabel = "S",
            description = "Mean time between the moments when a student drops its stream, s (default: never).")
    private double disconnectEvery;

    @Option(
            names = "--warm-up",
            defaultValue = "3",
            paramLabel = "S",
            description = "Time of a step before anything counts, s (default: ${DEFAULT-VALUE}).")
    private double warmUpSeconds;

    @Option(
            names = "--duration",
            defaultValue = "20",
            paramLabel = "S",
            description = "Time of a step that counts, s (default: ${DEFAULT-VALUE}).")
    private double durationSeconds;

    @Option(names = "--decode", description = "Check and decode every block instead of counting its bytes.")
    private boolean decode;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description =
                    "Seed of sequences, arrivals, pauses and faults: a second run of one seed finds the first one's"
                            + " rows in the server's caches (default: a fresh one).")
    private @Nullable Long seed;

    @Option(
            names = "--priority",
            paramLabel = "CLASS",
            description =
                    "How urgent the work is to the server: interactive, training or capture, at most what the token opens"
                            + " (default: training, or capture where the token opens no more).")
    private @Nullable String priority;

    private final long freshSeed = new SecureRandom().nextInt(Integer.MAX_VALUE);

    @Option(
            names = "--part",
            defaultValue = "1/1",
            paramLabel = "I/N",
            description =
                    "Run the I-th of N parts of this load; other processes or hosts run the others; needs --seed (default: all).")
    private String part;

    /** Kind of arrivals of an open loop's sequences. */
    enum ArrivalKind {
        POISSON,
        CONSTANT
    }

    boolean hasSeed() {
        return seed != null;
    }

    RequestPriority priority() {
        return RequestPriority.of(priority == null ? "" : priority);
    }

    /** Refuses an option that only makes sense where every part of the load has the same seed. */
    void requireSeed(String option) {
        if (seed == null) {
            throw new IllegalArgumentException(
                    "--seed: none with " + option + " (expected: --seed N, the same for every part)");
        }
    }

    LoadProfile profile() {
        int slash = part.indexOf('/');
        int[] parts;
        try {
            parts = new int[] {Integer.parseInt(part.substring(0, slash)), Integer.parseInt(part.substring(slash + 1))};
        } catch (NumberFormatException | StringIndexOutOfBoundsException e) {
            throw new IllegalArgumentException("--part: " + part + " (expected: I/N, I from 1 to N)", e);
        }
        if (parts[1] > 1) {
            requireSeed("--part");
        }
        long chosen = seed == null ? freshSeed : seed;
        return new LoadProfile(
                new LoadProfile.Share(students, parts[0], parts[1]),
                rate == null
                        ? new Arrivals.Closed(window, thinkMillis)
                        : new Arrivals.Open(rate, arrivals == ArrivalKind.CONSTANT),
                new LoadProfile.Requests(
                        Lengths.parse(tokens),
                        Selections.parse(selection, chosen),
                        precision,
                        rawLogits,
                        WantedPositions.parse(positions),
                        new LoadProfile.Pool(repeated, pool)),
                stallEvery == 0 && disconnectEvery == 0
                        ? FaultInjection.NONE
                        : new FaultInjection(stallEvery, stall, disconnectEvery),
                new LoadProfile.Period(seconds(warmUpSeconds), seconds(durationSeconds)),
                decode,
                chosen);
    }

    /** The values of all options that decide what a run does, by name, with the seed that it had. */
    Map<String, String> facts(long usedSeed) {
        Map<String, String> facts = new TreeMap<>();
        for (OptionSpec option : command.options()) {
            Object value = option.getValue();
            if (value != null && !LoadCommand.NOT_FACTS.contains(option.longestName())) {
                String text =
                        value instanceof Enum<?> kind ? kind.name().toLowerCase(Locale.ROOT) : String.valueOf(value);
                facts.put(option.longestName().replaceFirst("^--", "").replace('-', '_'), text);
            }
        }
        facts.put("seed", Long.toString(usedSeed));
        return facts;
    }

    static Duration seconds(double seconds) {
        if (!(seconds >= 0) || seconds > 1e7) {
            throw new IllegalArgumentException("seconds: " + seconds + " (expected: 0..1e7)");
        }
        return Duration.ofNanos((long) (seconds * 1e9));
    }
}
