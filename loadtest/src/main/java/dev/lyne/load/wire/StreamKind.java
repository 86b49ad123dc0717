package dev.lyne.load.wire;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;

/**
 * Kind of a stream, by what it asks for.
 *
 * @param student name of the student, for the server's logs
 * @param keepBlocks whether the events carry the blocks' bytes
 */
public record StreamKind(
        String student, Selection selection, Precision precision, boolean rawLogits, boolean keepBlocks) {}
