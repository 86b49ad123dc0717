package dev.lyne.teacher.score;

import java.util.List;

/** The rows of a sequence, encoded once, in blocks in order of position. */
public record EncodedSequence(List<EncodedBlock> blocks) {
    public EncodedSequence {
        blocks = List.copyOf(blocks);
    }

    /** Number of rows. */
    public int rows() {
        return blocks.stream().mapToInt(EncodedBlock::rows).sum();
    }

    /** Bytes of the blocks. */
    public long bytes() {
        return blocks.stream().mapToLong(block -> block.bytes().length).sum();
    }
}
