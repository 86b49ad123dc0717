package dev.lyne.teacher.rpc;

/**
 * Status of an open session of Decode, for people.
 *
 * @param student as it calls itself
 * @param priority its class
 * @param waitsFor what it is kept waiting by: {@code device}, {@code reader} (its own), or {@code student} where nothing is owed to it
 * @param texts sequences that have not ended
 * @param drawn tokens that the teacher drew for it
 * @param taken tokens that the student chose, and was told the log-probabilities of
 * @param seconds since it was opened
 */
public record SessionStatus(
        long stream,
        String tenant,
        String student,
        String teacher,
        String priority,
        String waitsFor,
        int texts,
        long drawn,
        long taken,
        long failures,
        double seconds) {}
