package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.cache.TeacherCaches;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.ScoreJob;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Teachers that come and go, without the server around them: what becomes of devices that do not come back. */
final class TeacherLivesTest {
    static {
        Awaitility.setDefaultTimeout(Duration.ofMinutes(1));
    }

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final Map<String, FakeTeacher> teachers = new ConcurrentHashMap<>();
    private final List<String> lost = new CopyOnWriteArrayList<>();
    private final Map<String, TeacherStages> named = new ConcurrentHashMap<>();

    private TeacherLives lives = lives(Duration.ofHours(1));

    private TeacherLives lives(Duration loadTimeout) {
        return new TeacherLives(
                new TeacherStages.Setup(
                        TeacherServerOptions.builder()
                                .drainTimeout(Duration.ofMillis(100))
                                .loadTimeout(loadTimeout)
                                .build(),
                        registry,
                        new HttpTexts(false),
                        unused -> new CompletableFuture<>(),
                        Runnable::run,
                        model -> model),
                1_024,
                TeacherCaches.open(List.of(), System::nanoTime, registry),
                new TeacherLives.Host() {
                    @Override
                    public void named(TeacherStages teacher) {
                        named.put(teacher.description().name(), teacher);
                    }

                    @Override
                    public boolean drain(TeacherStages teacher, Duration atMost) {
                        return true;
                    }

                    @Override
                    public void health(String name, boolean serving) {}

                    @Override
                    public void forgotten(String name) {}

                    @Override
                    public void lost(String name, Throwable cause) {
                        lost.add(name + ": " + cause.getMessage());
                    }
                });
    }

    @AfterEach
    void stop() throws InterruptedException {
        teachers.values().forEach(teacher -> {
            teacher.allowAll();
            teacher.allowWarmUp();
        });
        lives.stop();
        lives.close(System.nanoTime());
    }

    private FakeTeacher teacher(String nameAndRevision) {
        return teachers.computeIfAbsent(
                nameAndRevision, unused -> new FakeTeacher(nameAndRevision.split(" ")[0], 1_000, 1_024));
    }

    private TeacherEntry entry(String name, String revision, TeacherEntry.Memory memory) {
        return new TeacherEntry(
                name,
                revision,
                Optional.empty(),
                memory,
                () -> new OpenedTeacher.Local(teacher(name + " " + revision)));
    }

    private TeacherEntry entry(String name, String revision) {
        return entry(name, revision, TeacherEntry.Memory.NONE);
    }

    private List<String> states() {
        return lives.status().stream()
                .map(life -> life.teacher() + " " + life.state())
                .toList();
    }

    private static DeviceWatchdog.Device device(TeacherLives lives, String label) {
        return Objects.requireNonNull(lives.devices().get(label), label);
    }

    /** A sequence that nobody waits for. */
    private record StuckJob(ScoreItem item, RowContent content) implements ScoreJob {
        @Override
        public long entries() {
            return 4L * item.positions().length;
        }

        @Override
        public boolean overdue(long nowNanos) {
            return false;
        }

        @Override
        public boolean expire(long nowNanos) {
            return false;
        }

        @Override
        public boolean start(long nowNanos) {
            return true;
        }

        @Override
        public void scored(ScoreOutcome.Scored rows) {}

        @Override
        public void failed(Failure failure) {}
    }

    /** Has a named teacher's device at work that does not come back. */
    private void occupy(String name, FakeTeacher teacher) {
        teacher.hold();
        boolean unused = Objects.requireNonNull(named.get(name))
                .batcher()
                .orElseThrow()
                .score(new StuckJob(new ScoreItem(new int[] {1, 2, 3}, new int[] {0, 1}), RowContent.topK(4)));
        await().until(() -> !teacher.batches().isEmpty());
    }

    @Test
    void warmUp_thatHangs_isWatchedAndFailsAlone() throws Exception {
        teacher("b 1").holdWarmUp();
        String unused = lives.apply(List.of(entry("a", "1"), entry("b", "1")));
        lives.awaitFirst();
        await().until(() -> states().equals(List.of("a serving", "b warming")));
        assertThat(lives.devices()).containsOnlyKeys("a", "b (warming)");
        assertThat(device(lives, "b (warming)").workingNanos()).isPositive();
        assertThat(device(lives, "b (warming)").stack()).contains("warmUp");
        assertThat(device(lives, "a").workingNanos()).isZero();

        lives.giveUp("b (warming)", new IllegalStateException("stuck for 360 s (expected: below 360)"));
        lives.awaitSettled();
        assertThat(states()).containsExactly("a serving", "b failed");
        assertThat(lives.status().get(1).detail())
                .contains("failed to warm up")
                .contains("stuck for 360 s (expected: below 360)");
        assertThat(lives.devices()).containsOnlyKeys("a");
        assertThat(lost).isEmpty();
        lives.giveUp("a", new IllegalStateException("stuck"));
        assertThat(lost).containsExactly("a: stuck");
    }

    /** Loader of a model, of those that are opened one at a time, whose files are read until a latch is down, whoever wants them no more. */
    private TeacherEntry hanging(String name, String revision, TeacherEntry.Memory memory, CountDownLatch readable) {
        return new TeacherEntry(name, revision, Optional.empty(), memory, new TeacherEntry.Loader() {
            @Override
            public OpenedTeacher open() {
                while (readable.getCount() > 0) {
                    try {
                        readable.await();
                    } catch (InterruptedException e) {
                        continue; // as a read of a file system that is gone
                    }
                }
                return new OpenedTeacher.Local(teacher(name + " " + revision));
            }

            @Override
            public boolean alone() {
                return true;
            }
        });
    }

    @Test
    void loader_thatHangs_isGivenUpAndTheOthersGoOn() throws Exception {
        lives = lives(Duration.ofSeconds(2));
        CountDownLatch readable = new CountDownLatch(1);
        try (CapturedLog log = new CapturedLog()) {
            String unused = lives.apply(List.of(
                    entry("a", "1"),
                    hanging("b", "1", TeacherEntry.Memory.NONE, readable),
                    hanging("c", "1", TeacherEntry.Memory.NONE, new CountDownLatch(0))));
            lives.awaitSettled();
            assertThat(states()).containsExactly("a serving", "b failed", "c serving");
            assertThat(lives.status().get(1).detail())
                    .startsWith(
                            "not loaded within 2 s (expected: that, --load-seconds, or less; the log says where it was");
            assertThat(lives.whyNotServed("b")).hasValue("could not be loaded");
            assertThat(log.lines())
                    .anyMatch(line -> line.startsWith("teacher b: not loaded within 2 s")
                            && line.contains("lyne-load-b")
                            && line.contains("TeacherLivesTest"));
            assertThat(registry.get("lyne.teacher.load.failures")
                            .tag("teacher", "b")
                            .counter()
                            .count())
                    .isEqualTo(1);
            assertThat(teachers).doesNotContainKey("b 1");
            readable.countDown();
            await().until(() -> teachers.containsKey("b 1") && teacher("b 1").closed());
            assertThat(states()).containsExactly("a serving", "b failed", "c serving");
        }
    }

    @Test
    void memory_ofALoaderThatIsLeft_isGivenBackOnceItIsThrough() throws Exception {
        lives = lives(Duration.ofSeconds(2));
        CountDownLatch readable = new CountDownLatch(1);
        String first = lives.apply(List.of(hanging("a", "1", most(), readable)));
        lives.awaitSettled();
        assertThat(lives.status().get(0).detail()).startsWith("not loaded within 2 s");
        String second = lives.apply(List.of(entry("a", "2", most())));
        lives.awaitSettled();
        assertThat(lives.status().get(0).detail())
                .startsWith("memory: devices or loaders that were left at work hold that of teachers [a]");
        readable.countDown();
        await().until(() -> {
            String again = lives.apply(List.of(entry("a", "2", most())));
            lives.awaitSettled();
            return states().equals(List.of("a serving"));
        });
        assertThat(first + second).contains("loading [a]");
    }

    /** As of an engine whose answers do not come: no device is at work that could be watched. */
    @Test
    void warmUp_thatTakesLongerThanALoadMay_fails() throws Exception {
        lives = lives(Duration.ofSeconds(2));
        teacher("b 1").holdWarmUp();
        String unused = lives.apply(List.of(entry("a", "1"), entry("b", "1")));
        lives.awaitSettled();
        assertThat(states()).containsExactly("a serving", "b failed");
        assertThat(lives.status().get(1).detail()).startsWith("not loaded within 2 s");
    }

    private double queued(String teacher) {
        return registry.get("lyne.teacher.queue.sequences")
                .tag("teacher", teacher)
                .gauge()
                .value();
    }

    @Test
    void meters_whileAReplacementLoads_areThoseOfTheOneThatServes() throws Exception {
        String first = lives.apply(List.of(entry("a", "1")));
        lives.awaitSettled();
        occupy("a", teacher("a 1"));
        boolean waits = Objects.requireNonNull(named.get("a"))
                .batcher()
                .orElseThrow()
                .score(new StuckJob(new ScoreItem(new int[] {4, 5, 6}, new int[] {0, 1}), RowContent.topK(4)));
        assertThat(waits && queued("a") == 1).isTrue();

        for (String next : List.of("2", "3")) {
            teacher("a " + next).holdWarmUp();
            String unused = lives.apply(List.of(entry("a", next)));
            await().until(() -> states().equals(List.of("a serving", "a warming")));
            assertThat(queued("a")).isEqualTo(1);
            lives.giveUp("a (warming)", new IllegalStateException("stuck"));
            lives.awaitSettled();
            assertThat(states()).containsExactly("a serving", "a failed");
            assertThat(queued("a")).isEqualTo(1);
        }
        String last = lives.apply(List.of(entry("a", "4")));
        lives.awaitSettled();
        assertThat(queued("a")).as("the new one's").isZero();
        assertThat(first + last).contains("loading [a]");
        assertThat(registry.find("lyne.teacher.queue.sequences").gauges()).hasSize(1);
    }

    /** Model that takes more than half of the memory. */
    private static TeacherEntry.Memory most() {
        long available = MemoryPlan.ofThisProcess(0, 0).availableBytes();
        return new TeacherEntry.Memory((available - Runtime.getRuntime().maxMemory() - (1L << 30)) / 5 * 3, 0, true);
    }

    /** Memory does not hold two: the one that serves goes for none that is found damaged before. */
    @Test
    void replacement_whoseFilesAreDamaged_leavesTheOneThatServes() throws Exception {
        String first = lives.apply(List.of(entry("a", "1", most())));
        lives.awaitSettled();
        TeacherEntry damaged = new TeacherEntry("a", "2", Optional.empty(), most(), new TeacherEntry.Loader() {
            @Override
            public OpenedTeacher open() {
                throw new AssertionError("opened (expected: refused before)");
            }

            @Override
            public void check() throws IOException {
                throw new IOException("weights: 3 bytes (expected: 4)");
            }
        });
        String second = lives.apply(List.of(damaged));
        lives.awaitSettled();
        assertThat(states()).containsExactly("a serving", "a failed");
        assertThat(lives.status().get(1).detail()).isEqualTo("weights: 3 bytes (expected: 4)");
        assertThat(teacher("a 1").closed()).isFalse();
        assertThat(lives.names()).containsExactly("a");
        assertThat(first + second).contains("loading [a]");
    }

    /** Two that take more than half of the memory each: what a device holds that was left at work is not there for another. */
    @Test
    void memory_ofADeviceThatIsLeftAtWork_isGivenBackOnceItIsThrough() throws Exception {
        TeacherEntry.Memory most = most();
        String first = lives.apply(List.of(entry("a", "1", most)));
        lives.awaitSettled();
        occupy("a", teacher("a 1"));

        String second = lives.apply(List.of(entry("a", "2", most)));
        await().until(() -> lives.devices().containsKey("a (draining)"));
        lives.awaitSettled();
        assertThat(states()).containsExactly("a failed");
        assertThat(lives.status().get(0).detail())
                .isEqualTo(
                        "memory: devices or loaders that were left at work hold that of teachers [a] (expected: that they come to"
                                + " an end; else start the server anew)");
        assertThat(teachers).doesNotContainKey("a 2");

        teacher("a 1").allowAll();
        await().until(() -> teacher("a 1").closed());
        await().until(() -> {
            String again = lives.apply(List.of(entry("a", "2", most)));
            lives.awaitSettled();
            return states().equals(List.of("a serving"));
        });
        assertThat(first + second).contains("loading [a]");
    }
}
