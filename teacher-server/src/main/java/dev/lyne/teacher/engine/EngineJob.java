package dev.lyne.teacher.engine;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Flow;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * Job that waits for a place at an engine, and is told once what comes of it. Equal to another of the same work.
 *
 * @param <T> what its answer holds
 */
interface EngineJob<T> {
    EngineRequest<T> request();

    /** Tokens that it puts through the engine, at most. */
    int tokens();

    /** Returns the flows of those who wait for the job, as they are now. */
    List<Flow> flows();

    /** Whether its time has passed; a hint that {@link #expire} decides on. */
    boolean overdue(long nowNanos);

    /** Returns whether the job may be turned away where others wait: a text that has begun may not. */
    boolean mayBeRefused();

    /** How long somebody still waits for it; {@link Long#MAX_VALUE} where there is no bound. */
    long nanosLeft(long nowNanos);

    /** Gives it up where its time has passed and it has not started; then its callers are told. */
    boolean expire(long nowNanos);

    /** Gives it up where its time has passed while it is asked for; then its callers are told. */
    boolean endLate(long nowNanos);

    /** To be called right before it is asked for. False: nobody waits any more, and it has been told so. */
    boolean start(long nowNanos);

    /** Takes the answer; {@code vouched} is as in {@link PendingRequest.Arrived}. */
    void answered(T answer, CompletionStage<Void> vouched);

    /** Positions that an answer was worth. */
    int positions(T answer);

    void failed(Failure failure);
}
