package dev.lyne.cli.common;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.ReplicaRouting;
import dev.lyne.client.RequestPriority;
import dev.lyne.client.Timeouts;
import java.time.Duration;
import picocli.CommandLine.Option;

/** The options that say how long teacher servers are waited for. */
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class TeacherTimeoutOptions {
    @Option(
            names = "--retry-seconds",
            paramLabel = "S",
            defaultValue = "600",
            description =
                    "Seconds without any progress after which the teacher is given up (default: ${DEFAULT-VALUE}).")
    private double retrySeconds;

    @Option(
            names = "--stuck-seconds",
            paramLabel = "S",
            defaultValue = "20",
            description =
                    "Seconds that a replica's device may stand still before others get its sequences (default: ${DEFAULT-VALUE}).")
    private double stuckSeconds;

    @Option(
            names = "--hedge-millis",
            paramLabel = "MS",
            defaultValue = "0",
            description =
                    "Milliseconds that a sequence may go unanswered before another replica is asked for it, too, one at a time and at most"
                            + " one in twenty; 0: never (default: ${DEFAULT-VALUE}).")
    private double hedgeMillis;

    @Option(
            names = "--priority",
            paramLabel = "CLASS",
            defaultValue = "",
            description =
                    "How urgent the work is to the server: interactive, training or capture, at most what the token opens"
                            + " (default: training, or capture where the token opens no more).")
    private String priority;

    @Option(
            names = "--routing",
            paramLabel = "BY",
            defaultValue = "rate",
            description =
                    "Which of several replicas is asked for a sequence: rate, the one that should answer first, or hash, the one that the"
                            + " sequence belongs to, so that replicas keep different rows (default: ${DEFAULT-VALUE}).")
    private String routing;

    /** A client's options that say so, and tell on stderr what is waited for. */
    public ClientOptions.Builder client(String student, TeacherSecurityOptions security) {
        return ClientOptions.builder()
                .student(student)
                .security(security.security())
                .timeouts(Timeouts.DEFAULT
                        .withProgressTimeouts(
                                seconds("--retry-seconds", retrySeconds), seconds("--stuck-seconds", stuckSeconds))
                        .withHedge(hedge()))
                .priority(RequestPriority.of(priority))
                .routing(ReplicaRouting.of(routing))
                .listener(System.err::println);
    }

    private Duration hedge() {
        if (!(hedgeMillis >= 0 && hedgeMillis <= 8.64e7)) {
            throw new IllegalArgumentException("--hedge-millis: " + hedgeMillis + " (expected: 0..8.64e7)");
        }
        return Duration.ofNanos((long) (hedgeMillis * 1e6));
    }

    private static Duration seconds(String option, double value) {
        if (!(value >= 1e-3 && value <= 1e7)) {
            throw new IllegalArgumentException(option + ": " + value + " (expected: from 0.001, at most 1e7)");
        }
        return Duration.ofNanos((long) (value * 1e9));
    }
}
