package dev.lyne.lm.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.model.ModelConfiguration;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

final class TokenizerTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final String TEXT = "the cat and the hat sat on the mat, and the cat's hat sat on the cat. ";

    @TempDir
    Path directory;

    private BytePairVocabulary vocabulary = new BytePairVocabulary(List.of(), List.of(), List.of());

    @BeforeEach
    void train() throws IOException {
        BytePairTrainer trainer = new BytePairTrainer(List.of("<|endoftext|>", "<|pad|>"));
        trainer.add(TEXT);
        vocabulary = trainer.train(280, (learned, wanted) -> {});
        vocabulary.write(directory);
    }

    private interface Edit {
        void apply(ObjectNode root);
    }

    /** The digest after a change of the file. */
    private byte[] digestAfter(Edit edit) throws IOException {
        Path copy = Files.createTempDirectory(directory, "edited");
        ObjectNode root = (ObjectNode) JSON.readTree(directory.resolve("tokenizer.json"));
        edit.apply(root);
        Files.writeString(copy.resolve("tokenizer.json"), JSON.writeValueAsString(root));
        try (Tokenizer tokenizer = Tokenizer.load(copy)) {
            return tokenizer.digest();
        }
    }

    private static JsonNode added(ObjectNode root, int index) {
        return root.path("added_tokens").path(index);
    }

    @Test
    void load_addedTokenWithAnotherIdThanItIsEncodedAs_isRefused() {
        assertThatThrownBy(() -> digestAfter(root -> ((ObjectNode) added(root, 1)).put("id", 900)))
                .hasMessageContaining(
                        "tokenizer.json: added token \"<|pad|>\": id 900 (expected: 1, as which it is encoded)");
        assertThatThrownBy(() -> digestAfter(root -> ((ArrayNode) root.path("added_tokens"))
                        .add(((ObjectNode) added(root, 1).deepCopy())
                                .put("content", "<|new|>")
                                .put("id", 900))))
                .hasMessageContaining("added token \"<|new|>\": id 900 (expected: "
                        + vocabulary.tokens().size());
    }

    @Test
    void load_addedTokenThatFollowsTheVocabulary_isKept() throws IOException {
        int next = vocabulary.tokens().size();
        assertThat(digestAfter(root -> ((ArrayNode) root.path("added_tokens"))
                        .add(((ObjectNode) added(root, 1).deepCopy())
                                .put("content", " new ")
                                .put("lstrip", true)
                                .put("id", next))))
                .hasSize(32);
    }

    @Test
    void load_addedTokenOfTheConfiguration_isOneOfTheTokenizer() throws IOException {
        Path file = directory.resolve("tokenizer_config.json");
        Files.writeString(file, "{\"added_tokens_decoder\": {\"1\": {\"content\": \"<|pad|>\"}}}");
        Tokenizer.load(directory).close();
        Files.writeString(file, "{\"added_tokens_decoder\": {\"7\": {\"content\": \"<|pad|>\"}}}");
        assertThatThrownBy(() -> Tokenizer.load(directory))
                .hasMessage(file + ": added_tokens_decoder.7: \"<|pad|>\" (expected: id 1, as which it is encoded)");
        Files.writeString(file, "{\"added_tokens_decoder\": {\"900\": {\"content\": \"<|new|>\"}}}");
        assertThatThrownBy(() -> Tokenizer.load(directory))
                .hasMessageContaining("added_tokens_decoder.900: \"<|new|>\" (expected: a token of ");
    }

    @Test
    void load_mergesLeftOutAtRandom_areRefused() throws IOException {
        assertThatThrownBy(() -> digestAfter(root -> ((ObjectNode) root.path("model")).put("dropout", 0.1)))
                .hasMessageContaining("tokenizer.json: model.dropout: 0.1 (expected: 0, null, or absent");
        assertThat(digestAfter(root -> ((ObjectNode) root.path("model")).put("dropout", 0.0)))
                .hasSize(32);
    }

    @Test
    void load_pointerOfGitLfs_isNamed() throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), "version https://git-lfs.example/spec/v1\n");
        assertThatThrownBy(() -> Tokenizer.load(directory))
                .hasMessageContaining("tokenizer.json: a Git LFS pointer of ");
    }

    @Test
    void encode_trainedVocabulary_usesItsMerges() {
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.vocabularySize()).isEqualTo(vocabulary.tokens().size());
            List<String> tokens = Arrays.stream(tokenizer.encode("the cat"))
                    .mapToObj(tokenizer::token)
                    .toList();
            assertThat(String.join("", tokens)).isEqualTo("theĠcat");
            assertThat(tokens).hasSizeLessThan(7);
            assertThat(tokenizer.wrapping().bosId()).hasValue(0);
            assertThat(tokenizer.wrapping().eosId()).hasValue(0);
            assertThat(tokenizer.id("<|pad|>")).hasValue(1);
            assertThat(tokenizer.encode("a<|endoftext|>a")).hasSize(3).contains(0);
            assertThat(tokenizer.decode(tokenizer.encode("a<|endoftext|>a"))).isEqualTo("aa");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "  two  spaces  ",
                "tabs\tand\r\nlines\n\n",
                "naïve café — “quotes” … €",
                "日本語のテキスト 한국어 العربية עברית",
                "👩‍👩‍👧‍👦 🇺🇳 🏳️‍🌈 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈",
                "e\u0301 combining, \u200b zero width, \u00a0 no-break, \ufeff mark",
                "nul \u0000 and bell \u0007 and delete \u007f",
                "\u2028 \u2029 \u0085 \u3000",
                "\uffff\ufffd\udbff\udfff"
            })
    void decode_encodedText_isTheText(String text) {
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
        }
    }

    @Test
    void encode_longTextAndStoredLimits_isNotCut() throws IOException {
        ObjectNode root = (ObjectNode) JSON.readTree(directory.resolve("tokenizer.json"));
        ObjectNode truncation = root.putObject("truncation");
        truncation
                .put("max_length", 16)
                .put("strategy", "LongestFirst")
                .put("stride", 0)
                .put("direction", "Right");
        ObjectNode padding = root.putObject("padding");
        padding.putObject("strategy").put("Fixed", 20_000);
        padding.put("direction", "Right").put("pad_id", 1).put("pad_type_id", 0).put("pad_token", "<|pad|>");
        padding.putNull("pad_to_multiple_of");
        Files.writeString(directory.resolve("tokenizer.json"), JSON.writeValueAsString(root));
        Files.writeString(
                directory.resolve("tokenizer_config.json"), "{\"model_max_length\": 512, \"eos_token\": null}");
        String text = "1 2 ".repeat(2500);
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            int[] ids = tokenizer.encode(text);
            assertThat(ids).hasSizeGreaterThanOrEqualTo(5000).doesNotContain(1);
            assertThat(tokenizer.decode(ids)).isEqualTo(text);
            assertThat(tokenizer.encode("a")).hasSize(1);
            assertThat(tokenizer.wrapping().eosId()).isEmpty();
        }
    }

    @Test
    void encode_manyThreads_giveWhatOneGives() {
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            int[] one = tokenizer.encode(TEXT);
            assertThat(IntStream.range(0, 500).parallel().mapToObj(i -> tokenizer.encode(TEXT)))
                    .allMatch(ids -> Arrays.equals(ids, one));
        }
    }

    @Test
    void encode_closedOrBrokenText_isRefused() {
        Tokenizer tokenizer = Tokenizer.load(directory);
        assertThatThrownBy(() -> tokenizer.encode("a\uDC00"))
                .hasMessageContaining("unpaired surrogate U+DC00 at index 1");
        assertThatThrownBy(() -> tokenizer.decode(new int[] {5000}))
                .hasMessageContaining("token id: 5000 (expected: 0..");
        tokenizer.close();
        assertThatThrownBy(() -> tokenizer.encode("a")).hasMessageContaining("closed");
    }

    @Test
    void digest_formattingLimitsAndMergeForm_doNotMatter() throws IOException {
        byte[] digest;
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            digest = tokenizer.digest();
        }
        assertThat(digest).hasSize(32);
        assertThat(digestAfter(root -> {})).isEqualTo(digest);
        assertThat(digestAfter(root -> {
                    ObjectNode model = (ObjectNode) root.get("model");
                    model.remove("ignore_merges");
                    JsonNode merges = model.remove("merges");
                    ArrayNode pairs = model.putArray("merges");
                    merges.forEach(merge -> {
                        ArrayNode pair = pairs.addArray();
                        Arrays.stream(merge.stringValue().split(" ")).forEach(pair::add);
                    });
                    root.set("model", model);
                    ObjectNode truncation = root.putObject("truncation");
                    truncation.put("max_length", 16).put("strategy", "LongestFirst");
                    truncation.put("stride", 0).put("direction", "Right");
                }))
                .isEqualTo(digest);
    }

    @Test
    void digest_whatChangesIds_changesIt() throws IOException {
        byte[] digest = digestAfter(root -> {});
        assertThat(digestAfter(root -> ((ObjectNode) root.get("pre_tokenizer")).put("add_prefix_space", true)))
                .isNotEqualTo(digest);
        assertThat(digestAfter(root -> root.putObject("normalizer").put("type", "NFC")))
                .isNotEqualTo(digest);
        assertThat(digestAfter(root -> ((ArrayNode) root.get("model").get("merges")).remove(0)))
                .isNotEqualTo(digest);
        assertThat(digestAfter(root -> ((ObjectNode) root.get("added_tokens").get(1)).put("special", false)))
                .isNotEqualTo(digest);
    }

    @Test
    void checkFits_smallerModel_namesBothSizes() {
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            int size = tokenizer.vocabularySize();
            tokenizer.checkFits(
                    ModelConfiguration.llama(new ModelConfiguration.Sizes(size + 24, 16, 8, 1), 1, 1, 8, 10_000, true));
            assertThatThrownBy(() -> tokenizer.checkFits(ModelConfiguration.llama(
                            new ModelConfiguration.Sizes(size - 1, 16, 8, 1), 1, 1, 8, 10_000, true)))
                    .hasMessage(directory.resolve("tokenizer.json") + ": vocabulary size " + size
                            + " (expected: at most vocab_size=" + (size - 1) + " of the model's config.json)");
        }
    }

    @Test
    void load_missingOrBrokenFile_isRefused() throws IOException {
        assertThatThrownBy(() -> Tokenizer.load(directory.resolve("nowhere")))
                .hasMessageContaining("tokenizer.json: no such file");
        Files.writeString(directory.resolve("tokenizer_config.json"), "{\"eos_token\": {\"content\": \"</s>\"}}");
        assertThatThrownBy(() -> Tokenizer.load(directory))
                .hasMessageContaining("tokenizer_config.json: eos_token: \"</s>\" (expected: a token of ");
        Files.writeString(directory.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": -1}}}");
        assertThatThrownBy(() -> Tokenizer.load(directory)).hasMessageContaining("id of token a: -1");
        Files.writeString(directory.resolve("tokenizer.json"), "{");
        assertThatThrownBy(() -> Tokenizer.load(directory)).hasMessageContaining("(expected: one JSON object)");
    }
}
