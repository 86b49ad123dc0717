package dev.lyne.teacher.engine;

import io.netty.buffer.ByteBuf;

/** Takes the body of an answer as it arrives, on the connection's event loop. */
interface AnswerReader {
    /**
     * Takes a part; the buffer stays the caller's.
     *
     * @throws EngineException where the answer is none, which ends its connection
     */
    void take(ByteBuf part) throws EngineException;

    /**
     * There is no more.
     *
     * @throws EngineException where that is too early
     */
    void end() throws EngineException;
}
