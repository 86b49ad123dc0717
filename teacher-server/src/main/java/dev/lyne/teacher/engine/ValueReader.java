package dev.lyne.teacher.engine;

/**
 * Reads an answer that holds a value.
 *
 * @param <T> what it holds
 */
interface ValueReader<T> extends AnswerReader {
    /**
     * The value, once the answer has ended.
     *
     * @throws EngineException where it is not what was asked for
     */
    T value() throws EngineException;
}
