package dev.lyne.wire.capture;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * Rows out of a capture.
 *
 * @param blocks in order of position, as they travel; their positions do not move
 * @param narrowed whether entries or temperatures were left out
 */
public record CapturedRows(List<ByteBuffer> blocks, boolean narrowed) {
    public CapturedRows {
        blocks = List.copyOf(blocks);
    }
}
