package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class DeviceWatchdogTest {
    private final CapturedLog log = new CapturedLog();
    private final List<String> told = new ArrayList<>();
    private long workingSeconds;

    private final DeviceWatchdog watchdog = new DeviceWatchdog(
            () -> Map.of(
                    "demo",
                    DeviceWatchdog.Device.of(
                            () -> workingSeconds * 1_000_000_000, () -> "lyne-device-demo\n    at here")),
            Duration.ofSeconds(300),
            Duration.ofSeconds(360),
            new DeviceWatchdog.Listener() {
                @Override
                public void serves(String teacher, boolean serves) {
                    told.add(serves ? "serves" : "does not serve");
                }

                @Override
                public void lost(String teacher, Throwable cause) {
                    told.add("lost " + teacher + ": " + cause.getMessage());
                }
            });

    @AfterEach
    void closeLog() {
        log.close();
    }

    private void look(long seconds) {
        workingSeconds = seconds;
        watchdog.look();
    }

    @Test
    void look_deviceThatComesBack_servesAgain() {
        look(0);
        look(299);
        assertThat(told).isEmpty();
        look(301);
        look(310);
        assertThat(told).containsExactly("does not serve");
        assertThat(log.lines())
                .containsOnlyOnce(
                        "the device of teacher demo has been at one thing for 301 s (expected: below 300); not"
                                + " serving. It is in lyne-device-demo\n    at here");
        look(2);
        assertThat(told).containsExactly("does not serve", "serves");
    }

    @Test
    void look_deviceThatDoesNot_isLostOnce() {
        for (long second = 300; second < 400; second++) {
            look(second);
        }
        assertThat(told).containsExactly("does not serve", "lost demo: stuck for 360 s (expected: below 360)");
    }

    /** Where the whole process stood still, the device has stood still with it. */
    @Test
    void look_afterAProcessWasStopped_givesTheDeviceTime() {
        look(4_000);
        look(4_001);
        look(0);
        assertThat(told).containsExactly("does not serve", "serves");
    }
}
