package dev.lyne.teacher.engine;

import dev.lyne.files.JsonFaults;
import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** An answer that is kept whole: what an engine says of itself, and rows whose form is short. */
final class WholeAnswer implements AnswerReader {
    private static final int SHORT_BYTES = 1 << 20;
    private static final int MAX_BYTES = 1 << 29;

    private final int maxBytes;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private WholeAnswer(int maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** A short one. */
    WholeAnswer() {
        this(SHORT_BYTES);
    }

    /** Returns an answer with room for rows. */
    static WholeAnswer large() {
        return new WholeAnswer(MAX_BYTES);
    }

    @Override
    public void take(ByteBuf part) throws EngineException {
        if (bytes.size() + part.readableBytes() > maxBytes) {
            throw EngineException.strange("an answer of more than " + maxBytes + " bytes");
        }
        byte[] copy = new byte[part.readableBytes()];
        part.readBytes(copy);
        bytes.writeBytes(copy);
    }

    @Override
    public void end() {}

    byte[] bytes() {
        return bytes.toByteArray();
    }

    JsonNode json() throws EngineException {
        try {
            return JsonMapper.shared().readTree(bytes.toByteArray());
        } catch (JacksonException e) {
            throw EngineException.strange("an answer that is no JSON: " + JsonFaults.explain(e));
        }
    }
}
