package dev.lyne.lm.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Against {@code golden.json} of each kind of tokenizer, which {@code make_golden_tokenizers.py} wrote with transformers. */
final class DocumentWrappingTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final Path GOLDEN = Path.of("src", "test", "resources", "golden-tokenizers");

    @TempDir
    Path directory;

    static Stream<Path> goldens() throws IOException {
        try (Stream<Path> kinds = Files.list(GOLDEN)) {
            return kinds.sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("goldens")
    void wrapping_kindOfTokenizer_isThatOfTransformers(Path kind) throws IOException {
        JsonNode golden = JSON.readTree(kind.resolve("golden.json"));
        try (Tokenizer tokenizer = Tokenizer.load(kind)) {
            DocumentWrapping wrapping = tokenizer.wrapping();
            for (JsonNode each : golden.get("texts")) {
                int[] ids = ids(each.get("ids"));
                int[] plain = tokenizer.encode(each.get("text").stringValue());
                assertThat(plain).as(each.toString()).containsExactly(ids(each.get("plain")));
                int[] wrapped = wrapped(wrapping.bosId(), plain, OptionalInt.empty());
                if (ids.length > wrapped.length) { // transformers ends a text only where the post-processor does
                    wrapped = wrapped(wrapping.bosId(), plain, wrapping.eosId());
                }
                assertThat(wrapped).as(each + " " + wrapping.describe()).containsExactly(ids);
            }
            assertThat(wrapping.eosId()).as(wrapping.describe()).hasValue(eos(kind, golden));
        }
    }

    /** As a text prompt is encoded that an engine is sent. */
    @ParameterizedTest
    @MethodSource("goldens")
    void encodeWithSpecialTokens_kindOfTokenizer_isThatOfTransformers(Path kind) throws IOException {
        JsonNode golden = JSON.readTree(kind.resolve("golden.json"));
        try (Tokenizer tokenizer = Tokenizer.load(kind)) {
            for (JsonNode each : golden.get("texts")) {
                assertThat(tokenizer.encodeWithSpecialTokens(each.get("text").stringValue()))
                        .as(each.toString())
                        .containsExactly(ids(each.get("ids")));
            }
        }
    }

    /** The tokenizer's own, else the model's. */
    private static int eos(Path kind, JsonNode golden) throws IOException {
        return golden.get("eos_token_id").isNull()
                ? JSON.readTree(kind.resolve("config.json")).get("eos_token_id").intValue()
                : golden.get("eos_token_id").intValue();
    }

    private static int[] wrapped(OptionalInt bos, int[] text, OptionalInt eos) {
        return IntStream.concat(IntStream.concat(bos.stream(), Arrays.stream(text)), eos.stream())
                .toArray();
    }

    private static int[] ids(JsonNode list) {
        return list.valueStream().mapToInt(JsonNode::intValue).toArray();
    }

    @Test
    void conventions_chatTemplate_isThatOfItsOwnFileElseTheDefaultOfTheConfiguration() throws IOException {
        copy("mistral");
        edit("tokenizer_config.json", root -> root.remove("chat_template"));
        assertThat(chatTemplate()).isEmpty();
        edit("tokenizer_config.json", root -> {
            ArrayNode templates = root.putArray("chat_template");
            templates.addObject().put("name", "tool_use").put("template", "b");
            templates.addObject().put("name", "default").put("template", "abc");
        });
        String abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // SHA-256 of "abc", FIPS 180-2
        assertThat(chatTemplate()).isEqualTo(abc);
        edit("tokenizer_config.json", root -> root.put("chat_template", "abd"));
        assertThat(chatTemplate()).isNotEqualTo(abc);
        Files.writeString(directory.resolve("chat_template.jinja"), "abc");
        assertThat(chatTemplate()).isEqualTo(abc);
    }

    private String chatTemplate() {
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            return tokenizer.conventions(tokenizer.wrapping()).chatTemplate();
        }
    }

    @Test
    void wrapping_addBosFalseBesideATemplate_isHeededAndSaid() throws IOException {
        copy("mistral");
        edit("tokenizer_config.json", root -> root.put("add_bos_token", false));
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.wrapping().bosId()).isEmpty();
            assertThat(tokenizer.wrapping().describe())
                    .contains(
                            "BOS none (add_bos_token: false of tokenizer_config.json; the post-processor would add 1 <s>)")
                    .contains("EOS 2 </s> (eos_token of tokenizer_config.json)");
        }
    }

    @Test
    void wrapping_tokenizerThatNamesNoEnd_takesTheModelsWhereItIsOne() throws IOException {
        copy("llama3");
        edit("tokenizer_config.json", root -> root.remove("eos_token"));
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.wrapping().eosId()).isEmpty();
            assertThat(tokenizer.wrapping().eos().from()).contains("several in config.json: [1, 2]");
            assertThat(tokenizer.stopIds(tokenizer.wrapping())).containsExactly(1, 2);
        }
        Files.delete(directory.resolve("generation_config.json"));
        edit("config.json", root -> root.put("eos_token_id", 2));
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.wrapping().eosId()).hasValue(2);
            assertThat(tokenizer.wrapping().eos().from()).isEqualTo("eos_token_id of config.json");
        }
        edit("config.json", root -> root.put("eos_token_id", -1));
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.wrapping().eosId()).isEmpty();
            assertThat(tokenizer
                            .wrapping(TokenChoice.AUTO, TokenChoice.AUTO, List.of(1))
                            .eosId())
                    .hasValue(1);
            assertThat(tokenizer
                            .wrapping(TokenChoice.AUTO, TokenChoice.AUTO, List.of(1, 2))
                            .eosId())
                    .isEmpty();
        }
        edit("config.json", root -> root.put("eos_token_id", 99_999));
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThatThrownBy(tokenizer::wrapping)
                    .hasMessageContaining("eos_token_id of config.json: 99999 (expected: 0..");
        }
    }

    @Test
    void stopIds_tokenizersEndAndTheModelsOthers_areAllOfThem() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve("qwen2"))) {
            assertThat(tokenizer.wrapping().eosId()).hasValue(2);
            assertThat(tokenizer.stopIds(tokenizer.wrapping())).containsExactly(0, 2);
        }
    }

    @Test
    void stopIds_choices_overrideTheFilesAndAreTokens() throws IOException {
        copy("llama3");
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.stopIds("--eos", StopChoice.parse("--eos", "auto")))
                    .isEqualTo(tokenizer.stopIds(tokenizer.wrapping()));
            assertThat(tokenizer.stopIds("--eos", StopChoice.parse("--eos", "none")))
                    .isEmpty();
            assertThat(tokenizer.stopIds("--eos", StopChoice.parse("--eos", "7, 3,7")))
                    .containsExactlyInAnyOrder(3, 7);
            assertThatThrownBy(() -> tokenizer.stopIds("--eos", StopChoice.parse("--eos", "3,99999")))
                    .hasMessageContaining("--eos: 99999 (expected: ids of tokens, 0..");
        }
        Files.delete(directory.resolve("generation_config.json"));
        edit("config.json", root -> root.remove("eos_token_id"));
        edit("tokenizer_config.json", root -> root.remove("eos_token"));
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThatThrownBy(() -> tokenizer.stopIds("--eos", StopChoice.AUTO))
                    .hasMessage("--eos: auto, but no file names one"
                            + " (expected: ids of the tokens that end a text, or none)");
        }
        for (String wrong : List.of("", "-1", "2,", "2;3", "</s>", "99999999999")) {
            assertThatThrownBy(() -> StopChoice.parse("--eos", wrong))
                    .hasMessage(
                            "--eos: " + wrong + " (expected: auto, none, or ids of tokens with commas between them)");
        }
        String many = String.join(
                ",", IntStream.range(0, 65).mapToObj(String::valueOf).toList());
        assertThatThrownBy(() -> StopChoice.parse("--eos", many)).hasMessage("--eos: 65 tokens (expected: at most 64)");
    }

    @Test
    void wrapping_choices_overrideTheFiles() {
        try (Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve("llama2"))) {
            DocumentWrapping none = tokenizer.wrapping(TokenChoice.NONE, TokenChoice.NONE, List.of());
            assertThat(none.describe())
                    .isEqualTo("around each document: BOS none (as asked for), EOS none (as asked for)");
            DocumentWrapping own =
                    tokenizer.wrapping(TokenChoice.parse("--bos", "2"), TokenChoice.parse("--eos", "auto"), List.of());
            assertThat(own.bosId()).hasValue(2);
            assertThat(own.eosId()).hasValue(2);
            assertThatThrownBy(() -> tokenizer.wrapping(TokenChoice.parse("bos", "31999"), TokenChoice.AUTO, List.of()))
                    .hasMessageContaining("bos: 31999 (expected: auto, none, or the id of a token, 0..");
        }
        for (String wrong : List.of("", "-1", "Auto", "<s>", "1.0", "99999999999")) {
            assertThatThrownBy(() -> TokenChoice.parse("--eos", wrong))
                    .hasMessage("--eos: " + wrong + " (expected: auto, none, or the id of a token)");
        }
    }

    @Test
    void wrapping_severalTokensOnOneSide_isRefusedUnlessOneIsChosen() throws IOException {
        copy("llama3");
        edit("tokenizer.json", root -> {
            JsonNode template = root.get("post_processor").get("processors").get(1);
            ArrayNode pieces = (ArrayNode) template.get("single");
            pieces.insert(0, pieces.get(0).deepCopy());
        });
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThatThrownBy(tokenizer::wrapping)
                    .hasMessageContaining(
                            "post_processor: adds [0, 0] on one side of a text (expected: at most one token");
            assertThat(tokenizer
                            .wrapping(TokenChoice.NONE, TokenChoice.AUTO, List.of())
                            .eosId())
                    .hasValue(1);
        }
    }

    private interface Edit {
        void apply(ObjectNode root);
    }

    private void edit(String file, Edit edit) throws IOException {
        ObjectNode root = (ObjectNode) JSON.readTree(directory.resolve(file));
        edit.apply(root);
        Files.write(directory.resolve(file), JSON.writeValueAsBytes(root));
    }

    private void copy(String kind) throws IOException {
        try (Stream<Path> files = Files.list(GOLDEN.resolve(kind))) {
            for (Path file : files.toList()) {
                Files.copy(file, directory.resolve(file.getFileName()));
            }
        }
    }
}
