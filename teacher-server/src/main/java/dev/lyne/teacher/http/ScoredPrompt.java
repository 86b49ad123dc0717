package dev.lyne.teacher.http;

import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.TargetBlock;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A prompt with its rows, which are decoded as they are read in order. One thread at a time.
 *
 * @see #at
 */
final class ScoredPrompt {
    private final int[] tokens;
    private List<EncodedBlock> blocks;
    private int block;
    private @Nullable TargetBlock decoded;
    private int firstPosition;

    ScoredPrompt(int[] tokens, EncodedSequence rows) {
        this.tokens = tokens;
        this.blocks = rows.blocks();
    }

    int[] tokens() {
        return tokens;
    }

    List<EncodedBlock> blocks() {
        return blocks;
    }

    /** Moves to the row of a position, which is there; positions are read in ascending order, or from the start again. */
    Row at(int position) {
        TargetBlock current = decoded;
        if (current == null || position < firstPosition) {
            current = read(0);
        }
        while (position >= firstPosition + current.rows()) {
            current = read(block + 1);
        }
        return new Row(current, position - firstPosition);
    }

    private TargetBlock read(int next) {
        block = next;
        EncodedBlock encoded = blocks.get(next);
        TargetBlock read = BlockDecoder.decode(ByteBuffer.wrap(encoded.bytes()));
        decoded = read;
        firstPosition = encoded.firstPosition();
        return read;
    }

    /** Gives back the room of its rows, which are of no more use. */
    void letGo() {
        blocks = List.of();
        decoded = null;
    }

    /** A row of a decoded block. */
    record Row(TargetBlock block, int row) {
        int count() {
            return block.count(row);
        }

        int id(int entry) {
            return block.ids()[block.offsets()[row] + entry];
        }

        float logProbability(int entry) {
            return block.logProbabilities()[block.offsets()[row] + entry];
        }

        float label() {
            return block.labelLogProbability()[row];
        }

        /** Place of a token among the entries; -1 where it is none of them. */
        int indexOf(int id) {
            for (int i = 0; i < count(); i++) {
                if (id(i) == id) {
                    return i;
                }
            }
            return -1;
        }
    }
}
