package dev.lyne.teacher.engine;

import dev.lyne.files.JsonFaults;
import io.netty.buffer.ByteBuf;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.async.ByteArrayFeeder;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;

/** A JSON answer that is read token by token as it arrives, so that none is held whole. */
abstract class JsonAnswer implements AnswerReader {
    private static final int PIECE_BYTES = 1 << 13;
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS) // Python writes NaN; it is refused by name
            .build();

    private final JsonParser parser = JSON.createNonBlockingByteArrayParser(ObjectReadContext.empty());
    private final ByteArrayFeeder feeder = (ByteArrayFeeder) parser.nonBlockingInputFeeder();
    private final byte[] piece = new byte[PIECE_BYTES];
    private int depth;

    @Override
    public final void take(ByteBuf part) throws EngineException {
        while (part.isReadable()) {
            int length = Math.min(piece.length, part.readableBytes());
            part.readBytes(piece, 0, length);
            try {
                feeder.feedInput(piece, 0, length);
                drain();
            } catch (JacksonException e) {
                throw EngineException.strange("an answer that is no JSON: " + JsonFaults.explain(e));
            }
        }
    }

    private void drain() throws EngineException {
        for (JsonToken token = parser.nextToken();
                token != null && token != JsonToken.NOT_AVAILABLE;
                token = parser.nextToken()) {
            if (token == JsonToken.END_ARRAY || token == JsonToken.END_OBJECT) {
                depth--;
            }
            token(token, depth, parser);
            if (token == JsonToken.START_ARRAY || token == JsonToken.START_OBJECT) {
                depth++;
            }
        }
    }

    @Override
    public final void end() throws EngineException {
        feeder.endOfInput();
        try {
            drain();
        } catch (JacksonException e) {
            throw EngineException.strange("an answer that is cut short: " + JsonFaults.explain(e));
        }
        if (depth != 0) {
            throw EngineException.strange("an answer that is cut short (expected: whole JSON)");
        }
        whole();
    }

    /**
     * Takes a token.
     *
     * @param depth arrays and objects that it stands in; an array's or object's own end is as deep as its start
     */
    abstract void token(JsonToken token, int depth, JsonParser at) throws EngineException;

    /** The answer has ended as JSON does. */
    abstract void whole() throws EngineException;
}
