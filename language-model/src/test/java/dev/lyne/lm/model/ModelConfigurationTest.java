package dev.lyne.lm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ModelConfigurationTest {
    private static final String LLAMA = """
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
             "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100,
             "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "hidden_act": "silu", "transformers_version": "4.30.0",
             "eos_token_id": [1, 2], "torch_dtype": "bfloat16", "pretraining_tp": 1}
            """;

    @TempDir
    Path directory;

    private ModelConfiguration read(String json) throws IOException {
        Files.writeString(directory.resolve("config.json"), json);
        return ModelConfiguration.read(directory);
    }

    @Test
    void read_olderLlama_takesTheFamilysDefaults() throws IOException {
        ModelConfiguration configuration = read(LLAMA);
        assertThat(configuration.attention().headSize()).isEqualTo(16);
        assertThat(configuration.rotation().theta()).isEqualTo(10_000);
        assertThat(configuration.rotation().scaling()).isEqualTo(new RopeScaling.Default());
        assertThat(configuration.tiedEmbeddings()).isFalse();
        assertThat(configuration.attention().slidingWindows()).containsExactly(0, 0, 0);
        assertThat(configuration.storedType()).isEqualTo("bfloat16");
        assertThat(configuration.boundaries().bos()).isEmpty();
        assertThat(configuration.boundaries().eos()).containsExactly(1, 2);
    }

    @Test
    void read_ropeScalingWithOldTypeKey_isUnderstood() throws IOException {
        assertThat(read(with("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}"))
                        .rotation()
                        .scaling())
                .isEqualTo(new RopeScaling.Linear(2));
        assertThat(read(with(
                                "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 32}"))
                        .rotation()
                        .scaling())
                .isEqualTo(new RopeScaling.Yarn(
                        4, OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty(), 32, 1, 32, true));
    }

    @Test
    void read_ropeParameters_carryThetaAndType() throws IOException {
        ModelConfiguration configuration = read(
                with(
                        "\"rope_parameters\": {\"rope_type\": \"llama3\", \"rope_theta\": 5e5,"
                                + " \"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4, \"original_max_position_embeddings\": 64}"));
        assertThat(configuration.rotation().theta()).isEqualTo(500_000);
        assertThat(configuration.rotation().scaling()).isEqualTo(new RopeScaling.Llama3(8, 1, 4, 64));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"hidden_size\": \"64\" | hidden_size: \"64\" (expected: an integer)",
                "\"hidden_size\": null | hidden_size: null (expected: an integer)",
                "\"hidden_size\": 1.5 | hidden_size: 1.5 (expected: an integer)",
                "\"vocab_size\": 0 | vocab_size: 0 (expected: at least 1)",
                "\"num_key_value_heads\": 3 | num_key_value_heads: 3 (expected: a divisor of num_attention_heads=4)",
                "\"model_type\": \"bloom\" | model_type: \"bloom\" (expected: llama, mistral, ",
                "\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 2, \"partial_rotary_factor\": 0.5} | rope_parameters.partial_rotary_factor: 0.5 (expected: 1.0, or absent",
                "\"hidden_act\": \"gelu\" | hidden_act: \"gelu\" (expected: silu or swish)",
                "\"is_causal\": false | is_causal: false (expected: true, or absent",
                "\"quantization_config\": {\"bits\": 4} | quantization_config: {\"bits\":4} (expected: null, or absent",
                "\"rope_scaling\": {\"rope_type\": \"longrope\", \"factor\": 2} | rope_scaling.rope_type: \"longrope\" (expected: default, linear, dynamic, llama3 or yarn)",
                "\"rope_theta\": 7.5, \"rope_scaling\": {\"rope_theta\": 77} | rope_scaling.rope_theta: 77, but rope_theta: 7.5 (expected: one of the two, or the same value",
                "\"dtype\": \"float16\" | dtype: \"float16\", but torch_dtype: \"bfloat16\" (expected: one of the two",
                "\"torch_dtype\": \"float64\" | torch_dtype: \"float64\" (expected: float32, bfloat16, float16, or auto",
                "\"rope_scaling\": {\"rope_type\": \"linear\"} | rope_scaling.factor: missing (expected: a number)",
                "\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 0.5} | factor: 0.5 (expected: at least 1)",
                "\"torch_dtype\": \"int8\" | torch_dtype: \"int8\" (expected: float32, bfloat16, float16, or auto for the tensors' own type)",
                "\"head_dim\": 5 | head_dim: 5 (expected: an even number",
                "\"model_type\": \"mistral\", \"layer_types\": null | layer_types: null (expected: absent",
                "\"attention_bias\": 1 | attention_bias: 1 (expected: true or false)"
            })
    void read_wrongField_namesFileKeyValueAndExpectation(String field, String message) {
        assertThatThrownBy(() -> read(with(field)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(directory.resolve("config.json") + ": ")
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"torch_dtype\": \"auto\" | auto",
                "\"torch_dtype\": null | auto",
                "\"torch_dtype\": \"torch.float16\" | float16",
                "\"torch_dtype\": null, \"dtype\": \"torch.bfloat16\" | bfloat16",
                "\"torch_dtype\": \"half\" | float16"
            })
    void read_storedType_hasItsOtherSpellings(String field, String type) throws IOException {
        assertThat(read(with(field)).storedType()).isEqualTo(type);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"model_type\": \"gpt2\", \"n_layer\": 0} | n_layer: 0 (expected: at least 1)",
                "{\"model_type\": \"gpt2\", \"hidden_size\": 96, \"n_embd\": 48} | n_embd: 48, but hidden_size: 96 (expected: one of the two",
                "{\"model_type\": \"gpt2\", \"layer_norm_epsilon\": 0} | layer_norm_epsilon: 0.0 (expected: above 0",
                "{\"model_type\": \"gpt_neox\", \"layer_norm_eps\": 0} | layer_norm_eps: 0.0 (expected: above 0",
                "{\"model_type\": \"gpt_neox\", \"rotary_emb_base\": 1} | rotary_emb_base: 1.0 (expected: above 1)",
                "{\"model_type\": \"gpt_neox\", \"head_dim\": 64} | head_dim: 64 (expected: 96, which is hidden_size / num_attention_heads"
            })
    void read_wrongFieldOfAGpt_namesTheFamilysOwnKey(String json, String message) {
        assertThatThrownBy(() -> read(json))
                .hasMessageStartingWith(directory.resolve("config.json") + ": ")
                .hasMessageContaining(message);
    }

    @Test
    void read_idsThatNeverComeUp_areNone() throws IOException {
        ModelConfiguration configuration =
                read(LLAMA.replace("\"eos_token_id\": [1, 2]", "\"bos_token_id\": -1, \"eos_token_id\": [-1, 5, 100]"));
        assertThat(configuration.boundaries().bos()).isEmpty();
        assertThat(configuration.boundaries().eos()).containsExactly(5);
    }

    @Test
    void read_missingKeys_haveTheFamilysDefaults() throws IOException {
        ModelConfiguration llama = read("{\"model_type\": \"llama\"}");
        assertThat(List.of(
                        llama.sizes().hidden(),
                        llama.sizes().layers(),
                        llama.sizes().contextLength(),
                        llama.feedForward().size()))
                .containsExactly(4096, 32, 2048, 11_008);
        assertThat(read("{\"model_type\": \"mistral\"}").attention().slidingWindows())
                .containsOnly(4096);
        assertThat(read("{\"model_type\": \"qwen3\"}").attention().headSize()).isEqualTo(128);
        assertThat(read("{\"model_type\": \"gpt2\"}").feedForward().size()).isEqualTo(3072);
        assertThat(read("{\"model_type\": \"gpt_neox\"}").rotation().size()).isEqualTo(24);
    }

    @Test
    void ignored_keysThatTheFamilyDoesNotKnow_areNamed() throws IOException {
        Path file = directory.resolve("config.json");
        Files.writeString(
                file,
                with(
                        "\"colour\": 1, \"final_logit_softcapping\": 30.0, \"rope_scaling\": {\"rope_type\": \"default\", \"factor\": 8},"
                                + " \"partial_rotary_factor\": 0.5, \"temperature\": 0.7, \"use_cache\": false"));
        assertThat(ConfigurationReader.read(file).ignored())
                .containsExactly("colour", "final_logit_softcapping", "partial_rotary_factor", "rope_scaling.factor");
        Files.writeString(file, LLAMA);
        assertThat(ConfigurationReader.read(file).ignored()).isEmpty();
    }

    @Test
    void read_pointerOfGitLfs_isNamed() {
        assertThatThrownBy(() -> read("version https://git-lfs.example/spec/v1\noid sha256:00\nsize 7\n"))
                .hasMessageStartingWith(directory.resolve("config.json") + ": a Git LFS pointer of ");
    }

    @Test
    void read_notAnObject_isRefused() {
        assertThatThrownBy(() -> read("[1]"))
                .hasMessageContaining("config.json")
                .hasMessageContaining("one JSON object");
        assertThatThrownBy(() -> read("{\"a\": "))
                .hasMessageContaining("config.json")
                .hasMessageContaining("one JSON object");
        assertThatThrownBy(() -> ModelConfiguration.read(directory.resolve("nowhere")))
                .hasMessageContaining("no such file");
    }

    @Test
    void expectedTensors_tiedLlama_countEmbeddingOnce() {
        ModelConfiguration tied =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(100, 128, 64, 2), 4, 2, 96, 10_000, true);
        assertThat(tied.expectedTensors()).hasSize(1 + 2 * 9 + 1);
        assertThat(tied.expectedTensors().get("model.layers.1.self_attn.k_proj.weight"))
                .containsExactly(32, 64);
        assertThat(tied.expectedTensors().get("model.layers.0.mlp.down_proj.weight"))
                .containsExactly(64, 96);
        long layer = 2 * 64 + 64 * 64 * 2 + 32 * 64 * 2 + 3 * 64 * 96;
        assertThat(tied.parameters()).isEqualTo(100 * 64 + 2 * layer + 64);
        ModelConfiguration untied =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(100, 128, 64, 2), 4, 2, 96, 10_000, false);
        assertThat(untied.parameters()).isEqualTo(tied.parameters() + 100 * 64);
        assertThat(tied.isDerivedTensor("lm_head.weight")).isTrue();
        assertThat(untied.isDerivedTensor("lm_head.weight")).isFalse();
    }

    @Test
    void canonicalArithmetic_specialTokensAndStoredType_doNotMatter() {
        ModelConfiguration one =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(100, 128, 64, 2), 4, 2, 96, 10_000, true);
        ModelConfiguration two = one.withBoundaries(new ModelConfiguration.Boundaries(OptionalInt.of(3), List.of(4, 5)))
                .withStoredType("bfloat16");
        assertThat(two.canonicalArithmetic()).isEqualTo(one.canonicalArithmetic());
        assertThat(ModelConfiguration.llama(new ModelConfiguration.Sizes(100, 128, 64, 2), 4, 2, 96, 20_000, true)
                        .canonicalArithmetic())
                .isNotEqualTo(one.canonicalArithmetic());
    }

    @Test
    void cosines_linearScaling_turnSlower() {
        RotaryEmbedding rotary = RotaryEmbedding.of(new ModelConfiguration.Rotation(4, 100, new RopeScaling.Linear(2)));
        // Frequencies 100^0 / 2 and 100^(-1/2) / 2; position 3.
        float[] cosines = rotary.cosines(4);
        float[] sines = rotary.sines(4);
        assertThat(cosines).hasSize(16);
        assertThat(cosines[12]).isEqualTo((float) Math.cos(1.5f));
        assertThat(cosines[13]).isEqualTo((float) Math.cos(0.05f * 3));
        assertThat(cosines[14]).isEqualTo(cosines[12]);
        assertThat(sines[15]).isEqualTo((float) Math.sin(0.05f * 3));
    }

    /** The Llama text above with a field put in, or in place of the one of that name. */
    private static String with(String field) {
        String text = LLAMA.strip();
        for (String part : field.split(", (?=\"(model_type|architectures)\")", -1)) {
            String key = part.substring(0, part.indexOf(':'));
            text = text.replaceFirst(key + ": (\\[[^\\]]*\\]|[^,}]*)(, |,\\s+|(?=\\}))", "");
        }
        return "{" + field + ", " + text.substring(1);
    }
}
