package dev.lyne.teacher.engine;

/**
 * What is asked of an engine, whichever dialect it speaks.
 *
 * @param <T> what its answer holds
 */
interface EngineRequest<T> {
    /** Tokens that it puts through the engine, at most. */
    int tokens();

    Question question(Dialect dialect, String model);

    ValueReader<T> reader(Dialect dialect);
}
