package dev.lyne.teacher.rpc;

/**
 * Status of an open stream of scores, for people.
 *
 * @param student as it calls itself
 * @param priority its class
 * @param waitsFor what it is kept waiting by: {@code device}, {@code reader} (its own), {@code room} (that others take), or {@code student}
 *     where it asks for nothing
 * @param inFlight sequences received and not answered
 * @param seconds since it was opened
 */
public record StreamStatus(
        long stream,
        String tenant,
        String student,
        String teacher,
        String priority,
        String waitsFor,
        int inFlight,
        long sequences,
        long positions,
        long bytes,
        long failures,
        double seconds) {}
