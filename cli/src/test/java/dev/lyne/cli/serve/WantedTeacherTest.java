package dev.lyne.cli.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.teacher.server.TeacherEntry;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Memory of a model's directory before it is loaded. */
final class WantedTeacherTest {
    /** Stored in bfloat16. */
    private static final Path TEACHER = Path.of("../examples/state-of-the-union/teacher");

    @TempDir
    private Path directory;

    private static TeacherEntry.Memory memory(Path directory, ModelOptions... devices) throws IOException {
        return entry(directory, devices).memory();
    }

    private static TeacherEntry entry(Path directory, ModelOptions... devices) throws IOException {
        return new WantedTeacher(
                        Optional.of("demo"),
                        Optional.of(directory.toString()),
                        Optional.empty(),
                        Arrays.asList(devices),
                        false,
                        CommandLine.populateCommand(new EngineOptions()),
                        Optional.empty(),
                        1 << 20,
                        1)
                .entry();
    }

    private static TeacherEntry engine(boolean deterministic, String teacher, String... options) throws IOException {
        return new WantedTeacher(
                        Optional.of("far"),
                        Optional.of(teacher),
                        Optional.empty(),
                        List.of(on("cpu", ComputePrecision.FLOAT32)),
                        deterministic,
                        CommandLine.populateCommand(new EngineOptions(), options),
                        Optional.empty(),
                        1 << 20,
                        1)
                .entry();
    }

    private void copyTeacher() throws IOException {
        for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
            Files.copy(TEACHER.resolve(file), directory.resolve(file));
        }
    }

    private static ModelOptions on(String device, ComputePrecision precision) {
        return new ModelOptions(device, precision, 1);
    }

    @Test
    void memory_ofWeights_isThatOfThePrecisionThatTheyAreComputedIn() throws IOException {
        long numbers = ModelConfiguration.read(TEACHER).parameters();
        long stored = Files.size(TEACHER.resolve("model.safetensors"));
        assertThat(memory(TEACHER, on("cpu", ComputePrecision.FLOAT32)).weightBytes())
                .isEqualTo(numbers * 4)
                .isGreaterThan(stored * 19 / 10);
        assertThat(memory(TEACHER, on("cpu", ComputePrecision.BFLOAT16)).weightBytes())
                .isEqualTo(numbers * 2);
        ModelOptions half = on("cpu", ComputePrecision.FLOAT16);
        assertThat(memory(TEACHER, half, half).weightBytes())
                .as("a copy on each device")
                .isEqualTo(numbers * 4);
        assertThat(memory(TEACHER, on("cuda:0", ComputePrecision.FLOAT32)).weightBytes())
                .as("on the device's memory")
                .isZero();
    }

    @Test
    void batchInvariance_isClaimedOfAnEngineAlone_andIsAnotherTeacher() throws IOException {
        String[] tokenizer = {"--tokenizer", TEACHER.toString()};
        String[] claimed = {"--tokenizer", TEACHER.toString(), "--engine-batch-invariant"};
        assertThat(engine(false, "vllm:http://127.0.0.1:1", claimed).revision())
                .isNotEqualTo(
                        engine(false, "vllm:http://127.0.0.1:1", tokenizer).revision());
        assertThatThrownBy(() -> engine(true, "vllm:http://127.0.0.1:1", tokenizer))
                .hasMessageContaining(
                        "--deterministic: true (expected: not with an engine; --engine-batch-invariant says");
        assertThatThrownBy(() -> engine(false, TEACHER.toString(), "--engine-batch-invariant"))
                .hasMessageContaining("--engine-batch-invariant: given (expected: only with --teacher vllm:");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--probe-seconds=60",
                "--probe-tolerance=0.1",
                "--engine-in-flight=8",
                "--engine-timeout-seconds=9",
                "--engine-wait-seconds=9"
            })
    void optionOfAnEngine_besideATeacherThatIsNone_isRefused(String option) throws IOException {
        for (String teacher : List.of(TEACHER.toString(), "synthetic:vocabulary=50")) {
            assertThatThrownBy(() -> engine(false, teacher, option))
                    .hasMessageContaining(
                            option.replaceFirst("=.*", "") + ": given (expected: only with --teacher vllm:");
        }
        assertThat(engine(false, "vllm:http://127.0.0.1:1", "--tokenizer", TEACHER.toString(), option)
                        .name())
                .isEqualTo("far");
    }

    /** Of a server whose list has engines and models: a model takes no notice of them, unless it names one itself. */
    @Test
    void optionOfEngines_ofAServerWithAList_isThoseOfItsEngines() throws IOException {
        CommandLine serve = new CommandLine(new ServeCommand());
        serve.parseArgs("--probe-seconds", "5");
        Map<String, List<String>> local =
                new HashMap<>(Map.of("name", List.of("near"), "teacher", List.of(TEACHER.toString())));
        ModelRuntimeOptions runtime = CommandLine.populateCommand(new ModelRuntimeOptions());
        assertThat(TeacherEntryOptions.entry(local, serve.getCommandSpec(), runtime, 1)
                        .name())
                .isEqualTo("near");
        Map<String, List<String>> far = Map.of(
                "name", List.of("far"),
                "teacher", List.of("vllm:http://127.0.0.1:1"),
                "tokenizer", List.of(TEACHER.toString()));
        String every5 = TeacherEntryOptions.entry(far, serve.getCommandSpec(), runtime, 1)
                .revision();
        serve.parseArgs();
        assertThat(TeacherEntryOptions.entry(far, serve.getCommandSpec(), runtime, 1)
                        .revision())
                .isNotEqualTo(every5);
        local.put("probe_seconds", List.of("5"));
        assertThatThrownBy(() -> TeacherEntryOptions.entry(local, serve.getCommandSpec(), runtime, 1))
                .hasMessageContaining("--probe-seconds: given");
    }

    @Test
    void check_ofDamagedFiles_saysWhatLoadingWould() throws IOException {
        copyTeacher();
        TeacherEntry entry = entry(directory, on("cpu", ComputePrecision.FLOAT32));
        assertThatCode(entry.loader()::check).doesNotThrowAnyException();
        try (FileChannel weights = FileChannel.open(directory.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
            weights.truncate(weights.size() - 1);
        }
        assertThatThrownBy(entry.loader()::check)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("the file is truncated");
        Files.delete(directory.resolve("model.safetensors"));
        assertThatThrownBy(entry.loader()::check).hasMessageContaining("no weights (expected: model.safetensors");
        Files.writeString(directory.resolve("tokenizer.json"), "{}");
        assertThatThrownBy(entry.loader()::check).hasMessageContaining("tokenizer.json");
    }

    @Test
    void memory_ofNoModel_isLeftToItsLoading() throws IOException {
        copyTeacher();
        for (String configuration : List.of("", "{\"model_type\": \"unheard\"}")) {
            Files.writeString(directory.resolve("config.json"), configuration);
            assertThat(memory(directory, on("cpu", ComputePrecision.FLOAT32)).weightBytes())
                    .isZero();
        }
    }
}
