package dev.lyne.client;

/** Source of targets: teacher servers, or what was captured from one. Safe for use by many threads. */
public interface TargetSource extends AutoCloseable {
    /** The teacher behind this source. */
    TeacherDescription describe();

    /**
     * Opens a stream of targets; several may be open at a time.
     *
     * @throws TeacherMismatchException if the teacher is not the expected one
     * @throws TeacherUnavailableException if no teacher answers in time
     */
    TargetStream open(TargetRequest request);

    /** Closes the source and every stream opened from it. */
    @Override
    void close();
}
