package dev.lyne.teacher.engine;

import dev.lyne.lm.files.JsonFaults;
import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A short answer, kept whole: what an engine says of itself. */
final class WholeAnswer implements AnswerReader {
    private static final int MAX_BYTES = 1 << 20;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    @Override
    public void take(ByteBuf part) throws EngineException {
        if (bytes.size() + part.readableBytes() > MAX_BYTES) {
            throw EngineException.strange("an answer of more than " + MAX_BYTES + " bytes");
        }
        byte[] copy = new byte[part.readableBytes()];
        part.readBytes(copy);
        bytes.writeBytes(copy);
    }

    @Override
    public void end() {}

    JsonNode json() throws EngineException {
        try {
            return JsonMapper.shared().readTree(bytes.toByteArray());
        } catch (JacksonException e) {
            throw EngineException.strange("an answer that is no JSON: " + JsonFaults.explain(e));
        }
    }
}
