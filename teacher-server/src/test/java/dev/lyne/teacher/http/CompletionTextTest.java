package dev.lyne.teacher.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.TextCodec;
import dev.lyne.teacher.model.TokenizerFile;
import dev.lyne.teacher.score.CancellationHandle;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.teacher.score.Scorer;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.trace.CallTrace;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class CompletionTextTest {
    private static final int BLOCK_BYTES = 1 << 16;
    private static final int BLOCKS = 20;

    /** Llama's end of a text. */
    private static final int END = 2;

    private static final Path LLAMA =
            Path.of("../language-model/src/test/resources/golden-tokenizers/llama2-add-bos-false/tokenizer.json");

    /** A tokenizer whose decoder takes the space off a beginning, and writes what it has no token for byte by byte. */
    @Test
    @SuppressWarnings("NullAway") // nothing is scored
    void echo_ofATokenizerThatWritesABeginningOtherwise_isThePrompt() throws Exception {
        try (TextCodec llama = TextCodec.of(List.of(new TokenizerFile("tokenizer.json", Files.readAllBytes(LLAMA))))) {
            String prompt = "the cat, 20 \u20ac: na\u00efve \ud83d\ude00 mat";
            int[] tokens = llama.encode(prompt, false);
            String body = "{\"prompt\": " + Arrays.toString(tokens)
                    + ", \"max_tokens\": 0, \"echo\": true, \"prompt_logprobs\": 0, \"format\": \"lyne.block\"}";
            JsonNode choice = JsonMapper.shared().readTree(written(body, tokens, List.of(), Optional.of(llama)));
            assertThat(choice.at("/choices/0/text").asString()).isEqualTo(prompt);
            List<String> pieces = llama.pieces(tokens);
            assertThat(pieces).hasSize(tokens.length).noneMatch(piece -> piece.contains("\ufffd"));
            int spaced = IntStream.range(1, tokens.length)
                    .filter(i -> pieces.get(i).startsWith(" "))
                    .findFirst()
                    .orElseThrow();
            assertThat(llama.piece(Arrays.copyOf(tokens, spaced), tokens[spaced]))
                    .isEqualTo(pieces.get(spaced));
        }
    }

    /** The end of a text has none of its own; its name is told where that is asked for. */
    @Test
    void generatedToken_thatIsSpecial_isLeftOutOfTheTextUnlessAskedFor() throws Exception {
        try (TextCodec llama = TextCodec.of(List.of(new TokenizerFile("tokenizer.json", Files.readAllBytes(LLAMA))))) {
            int[] tokens = llama.encode("the cat", false);
            String body = "{\"prompt\": " + Arrays.toString(tokens) + ", \"max_tokens\": 1";
            JsonNode skipped = generated(body + "}", tokens, END, llama);
            JsonNode told = generated(body + ", \"skip_special_tokens\": false}", tokens, END, llama);
            assertThat(skipped.path("text").asString()).isEmpty();
            assertThat(told.path("text").asString()).isEqualTo("</s>");
            assertThat(generated(body + "}", tokens, tokens[1], llama)
                            .path("text")
                            .asString())
                    .isNotEmpty();
        }
    }

    private static JsonNode generated(String body, int[] tokens, int id, TextCodec codec) throws Exception {
        return JsonMapper.shared()
                .readTree(written(body, tokens, List.of(), Optional.of(codec), new int[] {id}))
                .at("/choices/0");
    }

    private static byte[] written(String body, int[] tokens, List<EncodedBlock> blocks, Optional<TextCodec> codec)
            throws Exception {
        return written(body, tokens, blocks, codec, new int[0]);
    }

    @SuppressWarnings("NullAway") // nothing is scored
    private static byte[] written(
            String body, int[] tokens, List<EncodedBlock> blocks, Optional<TextCodec> codec, int[] generated)
            throws Exception {
        CompletionRequest request = CompletionRequest.parse(
                RequestBody.read(new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)), 1_000));
        HttpTeacher teacher = new HttpTeacher(
                new FakeTeacher("fake", 1_000, 2_048).description(), null, codec, new SimpleMeterRegistry());
        Admission admission = new Admission(ServerLimits.DEFAULT, new SimpleMeterRegistry());
        CompletionText text = new CompletionText(
                request,
                teacher,
                new Completion.Answer(
                        List.of(new ScoredPrompt(tokens, new EncodedSequence(blocks))),
                        generated,
                        new float[generated.length]),
                new Completion(request, teacher, admission, new RowBudget(1), Caller.ANYBODY, CallTrace.NONE),
                new CompletionText.Head("id", 0),
                block -> {});
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        while (!text.isEndOfInput()) {
            ByteBuf chunk = text.readChunk(UnpooledByteBufAllocator.DEFAULT);
            chunk.readBytes(whole, chunk.readableBytes());
            chunk.release();
        }
        return whole.toByteArray();
    }

    /** Each prompt's room is given back as its rows are written, not when all are. */
    @Test
    @SuppressWarnings("NullAway") // there is a chunk until the end
    void room_ofAPromptThatIsWritten_isGivenBack() throws Exception {
        String body =
                "{\"prompt\": [[1, 2, 3], [4, 5, 6]], \"max_tokens\": 0, \"prompt_logprobs\": 1, \"format\": \"lyne.block\"}";
        CompletionRequest request = CompletionRequest.parse(
                RequestBody.read(new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)), 9));
        Scorer scorer = (task, callback) -> {
            callback.scored(
                    new EncodedSequence(List.of(new EncodedBlock(0, 2, new byte[BLOCK_BYTES]))),
                    RowSource.COMPUTED,
                    false);
            return CancellationHandle.ANSWERED;
        };
        HttpTeacher teacher = new HttpTeacher(
                new FakeTeacher("fake", 1_000, 2_048).description(),
                scorer,
                Optional.empty(),
                new SimpleMeterRegistry());
        Admission admission = new Admission(ServerLimits.DEFAULT, new SimpleMeterRegistry());
        RowBudget budget = new RowBudget(1 << 20);
        Completion completion = new Completion(request, teacher, admission, budget, Caller.ANYBODY, CallTrace.NONE);
        Completion.Answer answer = completion.start().toCompletableFuture().get();
        long both = budget.heldBytes();
        assertThat(both).isPositive();
        List<Long> held = new ArrayList<>();
        CompletionText text = new CompletionText(
                request,
                teacher,
                answer,
                completion,
                new CompletionText.Head("id", 0),
                block -> held.add(budget.heldBytes()));
        while (!text.isEndOfInput()) {
            text.readChunk(UnpooledByteBufAllocator.DEFAULT).release();
        }
        assertThat(held).containsExactly(both, both / 2);
        assertThat(answer.prompts()).allMatch(prompt -> prompt.blocks().isEmpty());
        assertThat(budget.heldBytes()).isZero();
        text.close();
        assertThat(budget.heldBytes()).isZero();
    }

    /** Of a prompt's blocks, no more than one is text at a time. */
    @Test
    @SuppressWarnings("NullAway") // nothing is scored
    void blocks_areWrittenOneAtATime() throws Exception {
        String body = "{\"prompt\": [1, 2], \"max_tokens\": 0, \"prompt_logprobs\": 1, \"format\": \"lyne.block\"}";
        CompletionRequest request = CompletionRequest.parse(
                RequestBody.read(new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)), 9));
        HttpTeacher teacher = new HttpTeacher(
                new FakeTeacher("fake", 1_000, 2_048).description(), null, Optional.empty(), new SimpleMeterRegistry());
        List<EncodedBlock> blocks = IntStream.range(0, BLOCKS)
                .mapToObj(i -> new EncodedBlock(i, 1, new byte[BLOCK_BYTES]))
                .toList();
        Completion.Answer answer = new Completion.Answer(
                List.of(new ScoredPrompt(new int[] {1, 2}, new EncodedSequence(blocks))), new int[0], new float[0]);
        Admission admission = new Admission(ServerLimits.DEFAULT, new SimpleMeterRegistry());
        List<EncodedBlock> sent = new ArrayList<>();
        CompletionText text = new CompletionText(
                request,
                teacher,
                answer,
                new Completion(request, teacher, admission, new RowBudget(1), Caller.ANYBODY, CallTrace.NONE),
                new CompletionText.Head("id", 0),
                sent::add);

        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        while (!text.isEndOfInput()) {
            ByteBuf chunk = text.readChunk(UnpooledByteBufAllocator.DEFAULT);
            assertThat(chunk.readableBytes()).isLessThan(2 * BLOCK_BYTES);
            chunk.readBytes(whole, chunk.readableBytes());
            chunk.release();
        }
        assertThat(sent).isEqualTo(blocks);
        JsonNode choice = JsonMapper.shared()
                .readTree(whole.toByteArray())
                .path("choices")
                .path(0);
        assertThat(choice.path("blocks").size()).isEqualTo(BLOCKS);
        assertThat(Base64.getDecoder()
                        .decode(choice.path("blocks").path(BLOCKS - 1).asString()))
                .hasSize(BLOCK_BYTES);
        assertThat(choice.path("prompt_logprobs").isNull()).isTrue();
    }
}
