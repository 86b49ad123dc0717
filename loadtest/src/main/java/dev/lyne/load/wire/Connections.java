package dev.lyne.load.wire;

/** Opens streams. */
@FunctionalInterface
public interface Connections {
    /** Opens a stream of a student, by its number. Events may come before this returns. */
    RowStream open(int student, StreamKind kind, StreamEvents events);
}
