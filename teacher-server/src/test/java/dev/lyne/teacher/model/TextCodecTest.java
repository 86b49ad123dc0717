package dev.lyne.teacher.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A teacher's tokenizer as the HTTP door has it: of the files that the teacher hands on, whose directory is gone. */
final class TextCodecTest {
    private static final Path GOLDEN = Path.of("../language-model/src/test/resources/golden-tokenizers");

    /** {@code add_bos_token: false}, no post-processor of its class, and one whose post-processor is heeded. */
    @ParameterizedTest
    @ValueSource(strings = {"llama2-add-bos-false", "pythia-template", "llama2"})
    void encode_withSpecialTokens_isAsTransformersDoes(String kind) throws IOException {
        JsonNode golden = JsonMapper.shared().readTree(Files.readString(GOLDEN.resolve(kind + "/golden.json")));
        try (TextCodec text = TextCodec.of(TokenizerFile.read(GOLDEN.resolve(kind)))) {
            for (JsonNode each : golden.path("texts")) {
                assertThat(text.encode(each.path("text").asString(), true))
                        .as(each.toString())
                        .containsExactly(each.path("ids")
                                .valueStream()
                                .mapToInt(JsonNode::intValue)
                                .toArray());
            }
        }
    }
}
