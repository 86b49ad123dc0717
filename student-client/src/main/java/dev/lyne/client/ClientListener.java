package dev.lyne.client;

import org.slf4j.LoggerFactory;

/** A listener to what a client waits for. Called from several threads, perhaps with the client's lock held: it must not block. */
public interface ClientListener {
    /** Writes to the log. */
    ClientListener LOGGING =
            line -> LoggerFactory.getLogger(TeacherClient.class).warn("{}", line);

    /** A line for people: what is waited for, how long, and why; or that a replica is stuck. */
    void onWaiting(String line);

    /** Whether to stop waiting for teachers to answer or to open a stream. */
    default boolean isStopRequested() {
        return false;
    }
}
