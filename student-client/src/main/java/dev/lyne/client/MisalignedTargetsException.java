package dev.lyne.client;

/** Rows that do not answer the sequence they came for, or contradict themselves; they are never handed out. */
public final class MisalignedTargetsException extends TeacherException {
    private static final long serialVersionUID = 1L;
    private final long sequenceId;
    private final int position;

    MisalignedTargetsException(long sequenceId, int position, String found, String expected) {
        super("sequence " + sequenceId + ", position " + position + ": " + found + " (expected: " + expected + ")");
        this.sequenceId = sequenceId;
        this.position = position;
    }

    /** The student's id of the sequence. */
    public long sequenceId() {
        return sequenceId;
    }

    /** The position that gave it away; the block's first where the whole block is wrong. */
    public int position() {
        return position;
    }
}
