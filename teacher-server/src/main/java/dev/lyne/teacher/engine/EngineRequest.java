package dev.lyne.teacher.engine;

/**
 * Request to an engine, whichever dialect it speaks.
 *
 * @param <T> what its answer holds
 */
interface EngineRequest<T> {
    /** Tokens that it puts through the engine, at most. */
    int tokens();

    Question question(Dialect dialect, String model);

    ValueReader<T> reader(Dialect dialect);
}
