package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.RowColumns;
import dev.lyne.row.ScoreItem;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * SGLang's flat form of rows. It does not run on a CPU of this kind: answers that are whole are made by its own serialiser functions out of the
 * rows that a real vLLM gave ({@code make_sglang_answers.py}), others by hand in that form.
 */
final class SglangDialectTest {
    private static final RowsRequest REQUEST =
            new RowsRequest(new ScoreItem(new int[] {4, 7, 2}, new int[] {0, 1, 2}), 2, 10);

    private final SglangDialect dialect = new SglangDialect();

    private static String answer(String shape, float[] values, int[] ids, String more) {
        ByteBuffer floats = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        floats.asFloatBuffer().put(values);
        ByteBuffer ints = ByteBuffer.allocate(4 * ids.length).order(ByteOrder.LITTLE_ENDIAN);
        ints.asIntBuffer().put(ids);
        Base64.Encoder base64 = Base64.getEncoder();
        return """
                {"text": "", "output_ids": [3], "meta_info": {"id": "a", "prompt_tokens": 3,
                 "input_token_logprobs": [[null, 4, null], [-0.5, 7, null], [-3.0, 2, null]],
                 "input_top_logprobs_shape": %s, "input_top_logprobs_null_prefix": 1,
                 "input_top_logprobs_val_flat_b64": "%s", "input_top_logprobs_val_flat_b64_dtype": "float32",
                 "input_top_logprobs_idx_flat_b64": "%s", "input_top_logprobs_idx_flat_b64_dtype": "int32"%s,
                 "output_top_logprobs": [[[-0.25, 3, null], [-2.0, 9, null]]]}}""".formatted(shape, base64.encodeToString(floats.array()), base64.encodeToString(ints.array()), more);
    }

    private RowColumns read(String answer) throws EngineException {
        return read(dialect, REQUEST, answer);
    }

    private static RowColumns read(Dialect dialect, RowsRequest request, String answer) throws EngineException {
        ValueReader<RowColumns> reader = dialect.reader(request);
        byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < bytes.length; i += 7) { // as a network cuts it
            reader.take(Unpooled.wrappedBuffer(bytes, i, Math.min(7, bytes.length - i)));
        }
        reader.end();
        return reader.value();
    }

    @ParameterizedTest
    @CsvSource({"rows-top4.json, 4, true", "rows-label.json, 0, false"})
    void rows_ofSglangsOwnSerialiser_areThoseThatTheyWereMadeOf(String recorded, int k, boolean last) throws Exception {
        int[] positions =
                IntStream.range(0, FakeEngine.RECORDED.length - (last ? 0 : 1)).toArray();
        RowsRequest request = new RowsRequest(new ScoreItem(FakeEngine.RECORDED, positions), k, 4096);
        RowColumns expected = read(new VllmDialect(), request, FakeEngine.recorded(recorded));
        RowColumns found = read(dialect, request, FakeEngine.recorded("sglang-" + recorded));
        assertThat(found.ids()).isEqualTo(expected.ids()).hasSize(positions.length * k);
        assertThat(found.logProbabilities()).isEqualTo(expected.logProbabilities());
        assertThat(found.labelLogProbability()).isEqualTo(expected.labelLogProbability());
        assertThat(found.logTailMass()).isEqualTo(expected.logTailMass());
    }

    @Test
    void rows_ofFlatArrays_areThoseOfEachTokenAfterTheFirst() throws Exception {
        RowColumns rows = read(answer("[2, 2]", new float[] {-0.5f, -2, -0.75f, -1.5f}, new int[] {7, 1, 5, 6}, ""));
        assertThat(rows.ids()).containsExactly(7, 1, 5, 6, 3, 9);
        assertThat(rows.labelLogProbability()).containsExactly(-0.5f, -3f, Float.NaN);
        assertThat(rows.logProbabilities()).containsExactly(-0.5f, -2, -0.75f, -1.5f, -0.25f, -2f);
    }

    @Test
    void answer_thatIsNotAsAsked_isRefused() {
        assertThatThrownBy(() -> read(answer("[2, 2]", new float[] {-1, -2}, new int[] {7, 1}, "")))
                .hasMessageContaining("input_top_logprobs of 8 and 8 bytes (expected: 16)");
        assertThatThrownBy(() -> read(answer("[3, 2]", new float[4], new int[4], "")))
                .hasMessageContaining("of shape [3, 2] after 1 nulls (expected: [2, 2] after 1)");
        assertThatThrownBy(() -> read(answer(
                        "[2, 2]",
                        new float[] {-0.5f, -2, -0.75f, -1.5f},
                        new int[] {7, 1, 5, 6},
                        ", \"input_top_logprobs\": [null, [[-1, 2, null]]]")))
                .hasMessageContaining("nested lists");
        assertThatThrownBy(() -> read("{\"meta_info\": {}}")).hasMessageContaining("input_token_logprobs of 0 tokens");
        assertThatThrownBy(() -> read("{\"meta_info\": {")).hasMessageContaining("cut short");
    }

    @Test
    void request_asksFromTheFirstTokenOn_inFlatForm() {
        JsonNode request =
                JsonMapper.shared().readTree(dialect.rows(REQUEST, "m").body());
        assertThat(request.path("input_ids").toString()).isEqualTo("[4,7,2]");
        assertThat(request.path("logprob_start_len").asInt()).isZero();
        assertThat(request.path("top_logprobs_num").asInt()).isEqualTo(2);
        assertThat(request.path("return_flat_raw_top_logprobs_b64").asBoolean()).isTrue();
        assertThat(request.path("sampling_params").path("max_new_tokens").asInt())
                .isEqualTo(1);
    }
}
