package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class FollowedFilesTest {
    @Test
    void watch_lookThatHangs_isToldOnceAndTheNextFollowsIt() {
        CountDownLatch held = new CountDownLatch(1);
        AtomicInteger looks = new AtomicInteger();
        AtomicLong now = new AtomicLong();
        List<String> told = new CopyOnWriteArrayList<>();
        Runnable look = () -> {
            looks.incrementAndGet();
            try {
                held.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        };
        try (FollowedFiles files = new FollowedFiles(look, Duration.ofSeconds(30), now::get, told::add)) {
            files.watch();
            await().until(() -> looks.get() == 1);
            now.set(Duration.ofSeconds(29).toNanos());
            files.watch();
            assertThat(told).isEmpty();
            now.set(Duration.ofSeconds(31).toNanos());
            files.watch();
            files.watch();
            assertThat(told)
                    .singleElement()
                    .asString()
                    .startsWith("lyne-files (WAITING)")
                    .contains("await");
            held.countDown();
            await().until(() -> looks.get() > 1);
        }
    }
}
