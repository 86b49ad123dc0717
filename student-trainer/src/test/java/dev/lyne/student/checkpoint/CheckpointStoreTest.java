package dev.lyne.student.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
        store.write("run", state(5), file -> Files.writeString(file, "five"));
        store.write("run", state(10), file -> Files.writeString(file, "ten"));
        Checkpoint latest = store.latest().orElseThrow();
        assertThat(latest.run()).isEqualTo(state(10));
        assertThat(latest.stateFile()).hasContent("ten");
        assertThat(directory.resolve("latest")).hasContent("step-000010");
    }

    @Test
    void write_theState_standsFieldByFieldInOneObject() throws IOException {
        new CheckpointStore(directory, 1).write("run", state(1), file -> Files.writeString(file, "one"));
        assertThat(Files.readString(directory.resolve("step-000001/checkpoint.json")))
                .contains("""
                  "run" : {
                    "step" : 1,
                    "epoch" : 0,
                    "index" : 2,
                    "trainedPositions" : 100,
                    "trainNanos" : 5,
                    "stallNanos" : 1,
                    "neededTargets" : 10,
                    "usedTargets" : 10,
                    "targetBytes" : 4096,
                    "positionsBySource" : {
                      "computed" : 7
                    },
                    "heldOut" : [ {
                      "step" : 0,
                      "nll" : 8.25,
                      "seconds" : 0.5
                    } ],
                    "metricsBytes" : 12,
                    "eventBytes" : 34,
                    "progress" : {
                """);
    }

    @Test
    void write_moreThanKept_removesTheOldest() throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 2);
        for (int step = 1; step <= 4; step++) {
            store.write("run", state(step), file -> Files.writeString(file, "x"));
        }
        assertThat(names()).containsExactlyInAnyOrder("latest", "step-000003", "step-000004");
    }

    /** As if the process had been killed there: nothing after that point runs, not even the clearing away. */
    @ParameterizedTest
    @ValueSource(strings = {"created", "state", "manifest", "renamed", "pointed", "removing"})
    void write_killedAnywhere_losesNoFinishedCheckpoint(String point) throws IOException {
        new CheckpointStore(directory, 1).write("run", state(1), file -> Files.writeString(file, "one"));
        CheckpointStore killed = new CheckpointStore(directory, 1, reached -> {
            if (reached.equals(point)) {
                throw new Killed();
            }
        });
        assertThatThrownBy(() -> killed.write("run", state(2), file -> Files.writeString(file, "two")))
                .isInstanceOf(Killed.class);

        CheckpointStore next = new CheckpointStore(directory, 1);
        Checkpoint latest = next.latest().orElseThrow();
        boolean finished = List.of("renamed", "pointed", "removing").contains(point);
        assertThat(latest.run().step()).isEqualTo(finished ? 2 : 1);
        assertThat(latest.stateFile()).hasContent(finished ? "two" : "one");
        assertThat(names()).noneMatch(name -> name.startsWith("."));
        next.write("run", state(3), file -> Files.writeString(file, "three"));
        assertThat(names()).containsExactlyInAnyOrder("latest", "step-000003");
    }

    @ParameterizedTest
    @ValueSource(strings = {"created", "state", "manifest"})
    void write_diskFull_saysSoAndLeavesTheEarlierOne(String point) throws IOException {
        new CheckpointStore(directory, 1).write("run", state(1), file -> Files.writeString(file, "one"));
        CheckpointStore full = new CheckpointStore(directory, 1, reached -> {
            if (reached.equals(point)) {
                throw new IOException("No space left on device");
            }
        });
        assertThatThrownBy(() -> full.write("run", state(2), file -> Files.writeString(file, "two")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("checkpoint step-000002 not written: No space left on device")
                .hasMessageContaining("step-000001 stands");
        assertThat(names()).containsExactlyInAnyOrder("latest", "step-000001");
    }

    @Test
    void write_failsWithoutAMessage_saysSoInWords() throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 1);
        assertThatThrownBy(() -> store.write("run", state(1), file -> {
                    throw new ClosedChannelException();
                }))
                .hasMessageStartingWith("checkpoint step-000001 not written: no reason given; there is no earlier one");
        assertThatThrownBy(() -> store.write("run", state(1), file -> {
                    throw new NoSuchFileException("state");
                }))
                .hasMessageStartingWith("checkpoint step-000001 not written: state: no such file; ");
    }

    @Test
    void latest_damagedState_isRefused() throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 1);
        store.write("run", state(1), file -> Files.writeString(file, "one"));
        Files.writeString(directory.resolve("step-000001").resolve("state.safetensors"), "onf");
        assertThatThrownBy(store::latest)
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("state.safetensors: CRC32C ")
                .hasMessageContaining("there is none before it")
                .hasMessageContaining("--resume --from-start");
    }

    /** Every byte of it counts: each is changed in turn, and none goes unseen. */
    @Test
    void latest_anyByteOfTheManifestChanged_isRefusedNamingTheCommandThatGoesOn() throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 2);
        store.write("run", state(1), file -> Files.writeString(file, "one"));
        store.write("run", state(2), file -> Files.writeString(file, "two"));
        Path newest = directory.resolve("step-000002");
        Path manifest = newest.resolve("checkpoint.json");
        byte[] bytes = Files.readAllBytes(manifest);
        for (int i = 0; i < bytes.length; i++) {
            byte[] changed = bytes.clone();
            changed[i] ^= 1;
            Files.write(manifest, changed);
            assertThatThrownBy(store::latest)
                    .isInstanceOf(CheckpointMismatchException.class)
                    .hasMessageContaining(manifest.toString())
                    .hasMessageContaining("to go on from step-000001: mv " + newest + " " + newest
                            + ".damaged, then the same command with --resume");
        }
        Files.write(manifest, Arrays.copyOf(bytes, bytes.length / 2));
        assertThatThrownBy(store::latest).isInstanceOf(CheckpointMismatchException.class);
        Files.write(manifest, bytes);
        assertThat(store.latest().orElseThrow().run().step()).isEqualTo(2);
        Files.delete(manifest);
        assertThatThrownBy(store::latest).isInstanceOf(CheckpointMismatchException.class);
        Files.move(newest, directory.resolve("step-000002.damaged"));
        assertThat(store.latest().orElseThrow().run().step()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({
        "1,the learning rate of version 1 followed another rule",
        "2,version 2 does not say what its student computes"
    })
    void latest_ofAnOlderVersion_isRefusedByVersion(int version, String reason) throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 1);
        Path old = Files.createDirectory(directory.resolve("step-000007"));
        Files.writeString(
                old.resolve("checkpoint.json"), "{\n  \"version\" : " + version + ",\n  \"stateBytes\" : 3\n}");
        assertThatThrownBy(store::latest)
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("checkpoint version " + version + " (expected: 3; " + reason + ", so the run");
    }

    @Test
    void begin_aCheckpointOfNoStep_makesRoom() throws IOException {
        CheckpointStore store = new CheckpointStore(directory, 1);
        store.write("run", state(0), file -> Files.writeString(file, "none"));
        assertThat(store.isEmpty()).isTrue();
        store.begin();
        assertThat(store.latest()).isEmpty();
    }

    private static RunState state(long step) {
        return new RunState(
                step,
                new RunState.Cursor(0, step * 2),
                new RunState.Spent(100, 5, 1),
                new RunState.TargetCounts(10, 10, 4096, Map.of("computed", 7L)),
                List.of(new RunState.HeldOut(0, 8.25, 0.5)),
                new RunState.FileLengths(12, 34),
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
