package dev.lyne.student.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CheckpointStoreTest {
    @TempDir
    Path directory;

    @Test
    void latest_nothingWritten_isEmpty() throws IOException {
        assertThat(new CheckpointStore(directory, 1).latest()).isEmpty();
    }

    @Test
    void latest_afterWriting_givesTheNewestAsItWas() throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 3);
        store.write(state(5), file -> Files.writeString(file, "five"));
        store.write(state(10), file -> Files.writeString(file, "ten"));
        Checkpoint latest = store.latest().orElseThrow();
        assertThat(latest.run()).isEqualTo(state(10));
        assertThat(latest.stateFile()).hasContent("ten");
        assertThat(directory.resolve("latest")).hasContent("step-000010");
    }

    @Test
    void write_moreThanKept_removesTheOldest() throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 2);
        for (int step = 1; step <= 4; step++) {
            store.write(state(step), file -> Files.writeString(file, "x"));
        }
        assertThat(names()).containsExactlyInAnyOrder("latest", "step-000003", "step-000004");
    }

    /** As if the process had been killed there: nothing after that point runs, not even the clearing away. */
    @ParameterizedTest
    @ValueSource(strings = {"created", "state", "manifest", "renamed", "pointed", "removing"})
    void write_killedAnywhere_losesNoFinishedCheckpoint(String point) throws IOException {
        new CheckpointStore(directory, 1).write(state(1), file -> Files.writeString(file, "one"));
        CheckpointStore killed = new CheckpointStore(directory, 1, reached -> {
            if (reached.equals(point)) {
                throw new Killed();
            }
        });
        assertThatThrownBy(() -> killed.write(state(2), file -> Files.writeString(file, "two")))
                .isInstanceOf(Killed.class);

        CheckpointStore next = new CheckpointStore(directory, 1);
        Checkpoint latest = next.latest().orElseThrow();
        boolean finished = List.of("renamed", "pointed", "removing").contains(point);
        assertThat(latest.run().step()).isEqualTo(finished ? 2 : 1);
        assertThat(latest.stateFile()).hasContent(finished ? "two" : "one");
        assertThat(names()).noneMatch(name -> name.startsWith("."));
        next.write(state(3), file -> Files.writeString(file, "three"));
        assertThat(names()).containsExactlyInAnyOrder("latest", "step-000003");
    }

    @ParameterizedTest
    @ValueSource(strings = {"created", "state", "manifest"})
    void write_diskFull_saysSoAndLeavesTheEarlierOne(String point) throws IOException {
        new CheckpointStore(directory, 1).write(state(1), file -> Files.writeString(file, "one"));
        CheckpointStore full = new CheckpointStore(directory, 1, reached -> {
            if (reached.equals(point)) {
                throw new IOException("No space left on device");
            }
        });
        assertThatThrownBy(() -> full.write(state(2), file -> Files.writeString(file, "two")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("checkpoint step-000002 not written: No space left on device")
                .hasMessageContaining("step-000001 stands");
        assertThat(names()).containsExactlyInAnyOrder("latest", "step-000001");
    }

    @Test
    void latest_damagedState_isRefused() throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 1);
        store.write(state(1), file -> Files.writeString(file, "one"));
        Files.writeString(directory.resolve("step-000001").resolve("state.safetensors"), "onf");
        assertThatThrownBy(store::latest)
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("is not what was written");
    }

    @Test
    void requireSame_anythingDifferent_namesBothValues() throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 1);
        store.write(state(1), file -> Files.writeString(file, "one"));
        Checkpoint checkpoint = store.latest().orElseThrow();
        CheckpointStore.requireSame(new TreeMap<>(Map.of("threads", "2", "teacher", "ab")), checkpoint);
        assertThatThrownBy(() -> CheckpointStore.requireSame(new TreeMap<>(Map.of("threads", "4")), checkpoint))
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("threads: 4 (expected: 2)")
                .hasMessageContaining("teacher: absent (expected: ab)");
    }

    private static RunState state(long step) {
        return new RunState(
                step,
                0,
                step * 2,
                100,
                5,
                1,
                10,
                10,
                4096,
                Map.of("computed", 7L),
                List.of(new RunState.HeldOut(0, 8.25, 0.5)),
                12,
                34,
                Map.of("taid.lambda", 0.5),
                Map.of("threads", "2", "teacher", "ab"));
    }

    private List<String> names() throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString()).toList();
        }
    }

    /** Not an IOException, so nothing catches it. */
    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }
}
