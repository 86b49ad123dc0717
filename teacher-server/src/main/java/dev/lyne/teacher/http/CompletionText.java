package dev.lyne.teacher.http;

import dev.lyne.teacher.model.TextCodec;
import dev.lyne.teacher.score.EncodedBlock;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.stream.ChunkedInput;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.databind.json.JsonMapper;

/**
 * The answer to a request in vLLM's shape, written as the connection takes it: no more than a few rows of text exist at a time. Made where it may take long,
 * since tokens are told as text; then owned by the connection's event loop.
 */
final class CompletionText implements ChunkedInput<ByteBuf> {
    private static final int CHUNK_BYTES = 1 << 15;

    private final CompletionRequest request;
    private final HttpTeacher teacher;
    private final Completion.Answer answer;
    private final Completion completion;
    private final Head head;
    private final Consumer<EncodedBlock> sent;
    /**
     * Pieces that each prompt's shown tokens add to the text: all tokens where they are echoed, then the generated one.
     */
    private final List<List<String>> pieces;

    private final Out out = new Out();
    private final JsonGenerator json;
    private int choice = -1;
    private int next; // position in the choice's prompt, or its block; -1 before its head
    private boolean ofPrompt; // the choice's blocks are written
    private boolean ended;
    private long written;

    /**
     * Beginning of an answer.
     *
     * @param id of the answer
     * @param created in seconds since 1970
     */
    record Head(String id, long created) {}

    /** @param sent told of each block once its rows are written */
    CompletionText(
            CompletionRequest request,
            HttpTeacher teacher,
            Completion.Answer answer,
            Completion completion,
            Head head,
            Consumer<EncodedBlock> sent) {
        this.request = request;
        this.teacher = teacher;
        this.answer = answer;
        this.completion = completion;
        this.head = head;
        this.sent = sent;
        this.pieces = IntStream.range(0, answer.prompts().size())
                .mapToObj(this::pieces)
                .toList();
        this.json = JsonMapper.shared().createGenerator(out);
    }

    private List<String> pieces(int index) {
        int[] tokens = answer.prompts().get(index).tokens();
        if (teacher.text().isEmpty()) {
            return Collections.nCopies((request.echo() ? tokens.length : 0) + (generates() ? 1 : 0), "");
        }
        TextCodec text = teacher.text().get();
        if (!request.echo()) {
            return generates() ? List.of(text.piece(tokens, answer.generated()[index])) : List.of();
        }
        int[] shown = Arrays.copyOf(tokens, tokens.length + (generates() ? 1 : 0));
        if (generates()) {
            shown[tokens.length] = answer.generated()[index];
        }
        return text.pieces(shown);
    }

    /** Writes into the chunk that is being made. */
    private static final class Out extends OutputStream {
        private @Nullable ByteBuf chunk;

        @Override
        public void write(int b) {
            if (chunk != null) {
                chunk.writeByte(b);
            }
        }

        @Override
        public void write(byte[] bytes, int from, int length) {
            if (chunk != null) {
                chunk.writeBytes(bytes, from, length);
            }
        }
    }

    @Override
    public @Nullable ByteBuf readChunk(ByteBufAllocator allocator) throws Exception {
        if (completion.isOver()) {
            throw new IOException("the rows turned out another model's");
        }
        ByteBuf chunk = allocator.buffer(CHUNK_BYTES + (CHUNK_BYTES >> 1));
        out.chunk = chunk;
        try {
            while (!ended && chunk.readableBytes() < CHUNK_BYTES) {
                step();
                json.flush();
            }
        } catch (Throwable e) {
            chunk.release();
            throw e;
        } finally {
            out.chunk = null;
        }
        written += chunk.readableBytes();
        return chunk;
    }

    @Override
    public @Nullable ByteBuf readChunk(ChannelHandlerContext context) throws Exception {
        return readChunk(context.alloc());
    }

    private void step() {
        if (choice < 0) {
            json.writeStartObject();
            json.writeStringProperty("id", head.id());
            json.writeStringProperty("object", "text_completion");
            json.writeNumberProperty("created", head.created());
            json.writeStringProperty("model", teacher.description().name());
            json.writeName("choices");
            json.writeStartArray();
            choice = 0;
            next = -1;
        } else if (choice == answer.prompts().size()) {
            json.writeEndArray();
            tail();
            json.writeEndObject();
            ended = true;
        } else if (next < 0) {
            beginChoice();
        } else if (!ofPrompt && next < prompt().blocks().size()) {
            block(next++);
        } else if (!ofPrompt) {
            json.writeEndArray();
            beginRows();
        } else if (next < rowsShown()) {
            promptRow(next++);
        } else {
            endChoice();
        }
    }

    private ScoredPrompt prompt() {
        return answer.prompts().get(choice);
    }

    /** Entries of {@code prompt_logprobs} that are written row by row. */
    private int rowsShown() {
        return request.k().isPresent() && !request.show().blocks() ? prompt().tokens().length : 0;
    }

    private boolean generates() {
        return request.choice().wanted();
    }

    private void beginChoice() {
        json.writeStartObject();
        json.writeNumberProperty("index", choice);
        json.writeStringProperty("text", text());
        if (request.logprobs().isPresent()) {
            logprobs(request.logprobs().get());
        } else {
            json.writeNullProperty("logprobs");
        }
        json.writeStringProperty("finish_reason", "length");
        json.writeNullProperty("stop_reason");
        json.writeName("token_ids");
        ids(request.show().tokenIds(), generates() ? new int[] {answer.generated()[choice]} : new int[0]);
        next = 0;
        ofPrompt = false;
        if (request.show().blocks()) {
            json.writeName("blocks");
            json.writeStartArray();
        } else {
            beginRows();
        }
    }

    /** A prompt that was sent as text as it was sent, one of ids as they are told; then the generated token's piece. */
    private String text() {
        List<String> told = pieces.get(choice);
        int prompt = told.size() - (generates() ? 1 : 0);
        String before = String.join("", told.subList(0, prompt));
        String own = request.prompts().get(choice).text();
        if (request.echo() && own != null) {
            before = own;
        }
        return generates() && !isSkipped(answer.generated()[choice]) ? before + told.get(prompt) : before;
    }

    private boolean isSkipped(int id) {
        return request.show().skipSpecial()
                && teacher.text().map(text -> text.isSpecial(id)).orElse(false);
    }

    private void beginRows() {
        next = 0;
        ofPrompt = true;
        if (rowsShown() > 0) {
            json.writeName("prompt_logprobs");
            json.writeStartArray();
        } else {
            json.writeNullProperty("prompt_logprobs");
        }
    }

    /** The rows' own bytes, a block at a time. */
    private void block(int index) {
        byte[] bytes = prompt().blocks().get(index).bytes();
        json.writeString(Base64.getEncoder().encodeToString(bytes));
    }

    private void promptRow(int index) {
        if (index == 0) {
            json.writeNull();
            return;
        }
        ScoredPrompt.Row row = prompt().at(index - 1);
        int actual = prompt().tokens()[index];
        int place = row.indexOf(actual);
        int shown = Math.min(request.k().orElse(0), row.count());
        json.writeStartObject();
        entry(actual, row.label(), (place < 0 ? row.count() : place) + 1);
        for (int i = 0; i < shown; i++) {
            if (i != place) {
                entry(row.id(i), row.logProbability(i), i + 1);
            }
        }
        json.writeEndObject();
    }

    private void entry(int id, float logProbability, int rank) {
        json.writeName(Integer.toString(id));
        json.writeStartObject();
        json.writeNumberProperty("logprob", (double) logProbability);
        json.writeNumberProperty("rank", rank);
        if (teacher.text().isPresent()) {
            json.writeStringProperty("decoded_token", teacher.text().get().decode(id));
        } else {
            json.writeNullProperty("decoded_token");
        }
        json.writeEndObject();
    }

    private void endChoice() {
        if (rowsShown() > 0) {
            json.writeEndArray();
        }
        json.writeName("prompt_token_ids");
        ids(request.show().tokenIds(), prompt().tokens());
        json.writeNullProperty("routed_experts");
        json.writeEndObject();
        prompt().blocks().forEach(sent);
        prompt().letGo();
        completion.written(choice);
        choice++;
        next = -1;
    }

    private void ids(boolean shown, int[] ids) {
        if (shown) {
            json.writeArray(ids, 0, ids.length);
        } else {
            json.writeNull();
        }
    }

    private String word(int id) {
        return teacher.text().map(text -> text.decode(id)).orElse("");
    }

    /** The older form: lists of one element a token, the prompt's where it is echoed, then the generated one's. */
    private void logprobs(int k) {
        int[] tokens = prompt().tokens();
        int from = request.echo() ? 0 : tokens.length;
        int to = generates() ? tokens.length + 1 : tokens.length;
        List<String> shown = pieces.get(choice);
        json.writeName("logprobs");
        json.writeStartObject();
        json.writeName("text_offset");
        json.writeStartArray();
        int offset = 0;
        for (int i = from; i < to; i++) {
            json.writeNumber(offset);
            offset += shown.get(i - from).length();
        }
        json.writeEndArray();
        json.writeName("token_logprobs");
        json.writeStartArray();
        for (int i = from; i < to; i++) {
            if (i == 0) {
                json.writeNull();
            } else {
                json.writeNumber((double) logProbability(tokens, i));
            }
        }
        json.writeEndArray();
        json.writeName("tokens");
        json.writeStartArray();
        for (int i = from; i < to; i++) {
            json.writeString(request.show().tokensAsIds() ? name(token(tokens, i)) : shown.get(i - from));
        }
        json.writeEndArray();
        json.writeName("top_logprobs");
        json.writeStartArray();
        for (int i = from; i < to; i++) {
            if (i == 0) {
                json.writeNull();
            } else {
                top(tokens, i, k);
            }
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private int token(int[] tokens, int i) {
        return i < tokens.length ? tokens[i] : answer.generated()[choice];
    }

    private float logProbability(int[] tokens, int i) {
        return i < tokens.length ? prompt().at(i - 1).label() : answer.generatedLogProbabilities()[choice];
    }

    private String name(int id) {
        return request.show().tokensAsIds() ? "token_id:" + id : word(id);
    }

    private void top(int[] tokens, int i, int k) {
        ScoredPrompt.Row row = prompt().at(i - 1);
        int actual = token(tokens, i);
        int most = i < tokens.length
                ? Math.min(k, request.k().orElse(k))
                : k; // as vLLM, no more of a prompt than its rows have
        json.writeStartObject();
        json.writeNumberProperty(name(actual), (double) logProbability(tokens, i));
        for (int entry = 0; entry < Math.min(most, row.count()); entry++) {
            if (row.id(entry) != actual) {
                json.writeNumberProperty(name(row.id(entry)), (double) row.logProbability(entry));
            }
        }
        json.writeEndObject();
    }

    private void tail() {
        long prompts = answer.prompts().stream()
                .mapToLong(prompt -> prompt.tokens().length)
                .sum();
        long generated = generates() ? answer.prompts().size() : 0;
        json.writeNullProperty("service_tier");
        json.writeStringProperty(
                "system_fingerprint",
                "lyne-" + HexFormat.of().formatHex(teacher.description().modelDigest(), 0, 4));
        json.writeName("usage");
        json.writeStartObject();
        json.writeNumberProperty("prompt_tokens", prompts);
        json.writeNumberProperty("total_tokens", prompts + generated);
        json.writeNumberProperty("completion_tokens", generated);
        json.writeNullProperty("prompt_tokens_details");
        json.writeNullProperty("completion_tokens_details");
        json.writeEndObject();
        json.writeNullProperty("kv_transfer_params");
        json.writeNullProperty("ec_transfer_params");
        json.writeNullProperty("metrics");
    }

    @Override
    public boolean isEndOfInput() {
        return ended;
    }

    @Override
    public void close() {
        completion.end();
    }

    @Override
    public long length() {
        return -1;
    }

    @Override
    public long progress() {
        return written;
    }
}
