package dev.lyne.teacher.server;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/**
 * A teacher that a server is to have.
 *
 * @param name that it is served under
 * @param revision what it is made of and runs on, in words: entries of a name with equal ones are one teacher, which stays as it is
 * @param cacheBytes its share of the memory cache; empty: an equal part of what the others leave
 * @param memory what it takes of this machine's memory
 * @param loader opens it
 */
public record TeacherEntry(String name, String revision, Optional<Long> cacheBytes, Memory memory, Loader loader) {
    /**
     * Memory that a teacher takes of this machine, beside what all share.
     *
     * @param weightBytes its weights, where they are in this memory
     * @param keyValueBytes most bytes of keys and values of texts that it decodes, wherever they are; 0: it does not decode
     * @param keyValuesHere whether those are in this memory
     */
    public record Memory(long weightBytes, long keyValueBytes, boolean keyValuesHere) {
        /** Memory of a teacher which computes elsewhere, or nothing. */
        public static final Memory NONE = new Memory(0, 0, false);

        long keyValueBytesHere() {
            return keyValuesHere ? keyValueBytes : 0;
        }
    }

    /** Opens a teacher. */
    public interface Loader {
        /**
         * The teacher, which is the caller's to close. May take minutes.
         *
         * @throws IOException where it cannot be read or reached
         * @throws IllegalArgumentException where it is none, with the value and the expectation
         */
        OpenedTeacher open() throws IOException, InterruptedException;

        /**
         * Refuses at once what {@link #open} would refuse later: asked before another teacher goes for this one's room.
         *
         * @throws IOException as {@link #open} does
         * @throws IllegalArgumentException likewise
         */
        default void check() throws IOException {}

        /** Whether no other teacher whose loader says so may be opened meanwhile. */
        default boolean alone() {
            return false;
        }

        /** How long it may wait for what is elsewhere, by settings of its own, beside the time that a load may take. */
        default Duration waits() {
            return Duration.ZERO;
        }
    }

    public TeacherEntry {
        if (name.isBlank()) {
            throw new IllegalArgumentException("teachers: a name that is empty (expected: a name)");
        }
        if (cacheBytes.isPresent() && cacheBytes.get() < 0) {
            throw new IllegalArgumentException(
                    "teacher " + name + ": cache bytes: " + cacheBytes.get() + " (expected: 0 or more)");
        }
    }

    /** A teacher that is open already, for the server to close. */
    static TeacherEntry of(OpenedTeacher opened, long keyValueBytes) {
        return new TeacherEntry(
                opened.description().name(),
                "given",
                Optional.empty(),
                new Memory(0, keyValueBytes, false),
                () -> opened);
    }

    /** Whether another entry means the same teacher, as it is. */
    boolean isSame(TeacherEntry other) {
        return name.equals(other.name) && revision.equals(other.revision);
    }
}
