package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The gRPC protocol that engines share: {@code Generate} with log-probabilities of the prompt as packed numbers. The services have one shape
 * and numbers of their own. Written from the contracts of {@code smg-grpc-proto} 0.4.28:
 *
 * <pre>
 * vllm.grpc.engine.VllmEngine                        sglang.grpc.scheduler.SglangScheduler
 *   HealthCheckResponse   healthy 1                    healthy 1
 *   GetServerInfoResponse                              sglang_version 7
 *   GetModelInfoResponse  model_path 1,                model_path 1, served_model_name 6,
 *                         max_context_length 3,        max_context_length 7
 *                         served_model_name 6
 *   GenerateRequest       request_id 1, tokenized 2 {input_ids 2}, sampling_params 4 in both
 *     SamplingParams      temperature 1, max_tokens 8, temperature 1, top_p 2, top_k 3, repetition_penalty 7,
 *                         logprobs 22,                 max_new_tokens 8, n 17; beside it return_logprob 5,
 *                         prompt_logprobs 23           logprob_start_len 6, top_logprobs_num 7
 *   GenerateResponse      complete 2                   complete 3
 *     GenerateComplete    output_logprobs 6,           output_logprobs 6, input_logprobs 10
 *                         input_logprobs 7
 *   InputLogProbs         token_logprobs 1 {value 1}, token_ids 2, top_logprobs 3 in both
 *   OutputLogProbs        top_logprobs 3 in both
 *   TopLogProbs           values 1, token_ids 2 in both
 * </pre>
 */
final class GrpcDialect implements Dialect {
    private static final int REQUEST_ID = 1;
    private static final int TOKENIZED = 2;
    private static final int INPUT_IDS = 2;
    private static final int SAMPLING = 4;
    private static final int TEMPERATURE = 1;
    private static final int MAX_TOKENS = 8;
    private static final int OUTPUT_LOGPROBS = 6;
    private static final int TOKEN_LOGPROBS = 1;
    private static final int TOKEN_IDS = 2;
    private static final int TOP_LOGPROBS = 3;
    private static final int VALUES = 1;
    private static final int HEALTHY = 1;
    private static final int MODEL_PATH = 1;
    private static final int SERVED_NAME = 6;

    /** Field of the version, of SGLang alone. */
    private static final int VERSION = 7;

    /** An engine's gRPC service, with the numbers of fields that differ between engines. */
    private enum Service {
        VLLM("vllm.grpc.engine.VllmEngine", 3, 2, 7),
        SGLANG("sglang.grpc.scheduler.SglangScheduler", 7, 3, 10);

        private final String path;
        private final int contextLength;
        private final int complete;
        private final int inputLogprobs;

        Service(String name, int contextLength, int complete, int inputLogprobs) {
            this.path = "/" + name + "/";
            this.contextLength = contextLength;
            this.complete = complete;
            this.inputLogprobs = inputLogprobs;
        }
    }

    private final Service service;
    private final AtomicLong requests = new AtomicLong();
    private final String session = Long.toHexString(System.nanoTime());

    private GrpcDialect(Service service) {
        this.service = service;
    }

    /** vLLM's, which states no version of the engine. */
    static GrpcDialect vllm() {
        return new GrpcDialect(Service.VLLM);
    }

    /** SGLang's. */
    static GrpcDialect sglang() {
        return new GrpcDialect(Service.SGLANG);
    }

    @Override
    public Question health() {
        return call("HealthCheck", new byte[0]);
    }

    @Override
    public void requireWell(WholeAnswer answer) throws EngineException {
        if (one(answer).number(HEALTHY) == 0) {
            throw new EngineException(EngineException.Kind.BUSY, "HealthCheck says that it is not healthy");
        }
    }

    @Override
    public Question version() {
        return call("GetServerInfo", new byte[0]);
    }

    @Override
    public String version(WholeAnswer answer) throws EngineException {
        if (service == Service.VLLM) {
            GrpcMessage unused = one(answer);
            return "grpc"; // it states none
        }
        String version = one(answer).text(VERSION);
        if (version.isEmpty()) {
            throw EngineException.strange("GetServerInfo without a version");
        }
        return version;
    }

    @Override
    public Question model() {
        return call("GetModelInfo", new byte[0]);
    }

    @Override
    public Facts facts(WholeAnswer answer) throws EngineException {
        GrpcMessage said = one(answer);
        String model = said.text(SERVED_NAME).isEmpty() ? said.text(MODEL_PATH) : said.text(SERVED_NAME);
        if (model.isEmpty()) {
            throw EngineException.strange("GetModelInfo without a model");
        }
        return new Facts(model, Math.toIntExact(Math.min(Integer.MAX_VALUE, said.number(service.contextLength))));
    }

    private static GrpcMessage one(WholeAnswer answer) throws EngineException {
        List<GrpcMessage> messages = GrpcMessage.framed(answer.bytes());
        if (messages.size() != 1) {
            throw EngineException.strange(messages.size() + " messages (expected: 1)");
        }
        return messages.get(0);
    }

    private Question call(String method, byte[] message) {
        return Question.grpc(service.path + method, GrpcMessage.frame(message));
    }

    @Override
    public Question rows(RowsRequest request, String model) {
        return call("Generate", request(request, "lyne-" + session + "-" + requests.incrementAndGet()));
    }

    /** The message that asks for rows. */
    byte[] request(RowsRequest request, String id) {
        byte[] tokenized = GrpcMessage.write(out ->
                out.writeByteArray(INPUT_IDS, GrpcMessage.packed(request.item().tokens())));
        byte[] sampling = GrpcMessage.write(service == Service.VLLM ? vllm(request) : sglang(request));
        return GrpcMessage.write(out -> {
            out.writeString(REQUEST_ID, id);
            out.writeByteArray(TOKENIZED, tokenized);
            out.writeByteArray(SAMPLING, sampling);
            if (service == Service.SGLANG) {
                out.writeBool(5, true); // return_logprob; logprob_start_len, 6, is 0: from the first token on
                if (request.k() > 0) {
                    out.writeInt32(7, request.k());
                }
            }
        });
    }

    /** vLLM cuts its map to what was asked for, and the actual token is first in it: one more, that none of the k best is lost. */
    private static GrpcMessage.Fields vllm(RowsRequest request) {
        int k = request.k() == 0 ? 0 : request.k() + 1;
        return out -> {
            out.writeFloat(TEMPERATURE, 0);
            out.writeUInt32(MAX_TOKENS, 1);
            if (request.wantsLast()) {
                out.writeInt32(22, k);
            }
            out.writeInt32(23, k);
        };
    }

    /** SGLang takes what is not stated for 0, as the temperature is meant to be. */
    private static GrpcMessage.Fields sglang(RowsRequest request) {
        return out -> {
            out.writeFloat(2, 1);
            out.writeInt32(3, -1);
            out.writeFloat(7, 1);
            out.writeUInt32(MAX_TOKENS, request.wantsLast() ? 1 : 0);
            out.writeUInt32(17, 1);
        };
    }

    @Override
    public ValueReader<RowColumns> reader(RowsRequest request) {
        return new Answer(service, request);
    }

    private static final class Answer implements ValueReader<RowColumns> {
        private final Service service;
        private final RowsRequest request;
        private final AnsweredRows rows;
        private final WholeAnswer whole = WholeAnswer.large();

        Answer(Service service, RowsRequest request) {
            this.service = service;
            this.request = request;
            this.rows = new AnsweredRows(request, request.k());
        }

        @Override
        public void take(ByteBuf part) throws EngineException {
            whole.take(part);
        }

        @Override
        public void end() throws EngineException {
            GrpcMessage response = one(whole);
            if (!response.has(service.complete)) {
                throw EngineException.strange("a response that is not complete (expected: as no stream was asked for)");
            }
            GrpcMessage complete = response.message(service.complete);
            prompt(complete.message(service.inputLogprobs));
            if (request.wantsLast()) {
                last(complete.message(OUTPUT_LOGPROBS));
            }
        }

        private void prompt(GrpcMessage said) throws EngineException {
            int[] ids = said.integers(TOKEN_IDS);
            List<GrpcMessage> labels = said.messages(TOKEN_LOGPROBS);
            List<GrpcMessage> best = said.messages(TOP_LOGPROBS);
            if (ids.length != request.length() || labels.size() != ids.length) {
                throw EngineException.strange("input_logprobs of " + labels.size() + " and " + ids.length
                        + " tokens (expected: " + request.length() + ")");
            }
            if (request.k() > 0 && best.size() != ids.length) {
                throw EngineException.strange(
                        "top_logprobs of " + best.size() + " tokens (expected: " + ids.length + ")");
            }
            rows.nothing();
            for (int i = 1; i < ids.length; i++) {
                rows.begin();
                float label = labels.get(i).single(VALUES);
                rows.entry(ids[i], label);
                if (request.k() > 0) {
                    beside(ids[i], label, best.get(i));
                }
                rows.end();
            }
        }

        /** The others of the k best: without the least of one more than were asked for, where the actual token is better. */
        private void beside(int actual, float label, GrpcMessage best) throws EngineException {
            int[] ids = best.integers(TOKEN_IDS);
            float[] values = values(best, ids);
            int least = -1;
            int others = 0;
            for (int i = 0; i < ids.length; i++) {
                if (ids[i] != actual) {
                    others++;
                    least = least < 0 || isBetter(values[least], ids[least], values[i], ids[i]) ? i : least;
                }
            }
            boolean drop = others == request.k() && isBetter(label, actual, values[least], ids[least]);
            for (int i = 0; i < ids.length; i++) {
                if (ids[i] != actual && !(drop && i == least)) {
                    rows.entry(ids[i], values[i]);
                }
            }
        }

        private static boolean isBetter(float value, int id, float other, int otherId) {
            return value != other ? value > other : id < otherId;
        }

        private static float[] values(GrpcMessage best, int[] ids) throws EngineException {
            float[] values = best.singles(VALUES);
            if (values.length != ids.length) {
                throw EngineException.strange(values.length + " log-probabilities of " + ids.length + " tokens");
            }
            return values;
        }

        private void last(GrpcMessage said) throws EngineException {
            if (request.k() > 0) {
                List<GrpcMessage> best = said.messages(TOP_LOGPROBS);
                if (best.isEmpty()) {
                    return; // which is told as a row that is missing
                }
                int[] ids = best.get(0).integers(TOKEN_IDS);
                float[] values = values(best.get(0), ids);
                rows.beginLast();
                for (int i = 0; i < ids.length; i++) {
                    rows.entry(ids[i], values[i]);
                }
            } else {
                rows.beginLast();
            }
            rows.end();
        }

        @Override
        public RowColumns value() throws EngineException {
            return rows.whole();
        }
    }
}
