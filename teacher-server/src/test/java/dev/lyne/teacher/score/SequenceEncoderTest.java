package dev.lyne.teacher.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.Positions;
import dev.lyne.wire.RowFormat;
import dev.lyne.wire.TargetBlock;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class SequenceEncoderTest {
    private static final int MAX_BYTES = 1 << 16;

    private final FakeTeacher teacher = new FakeTeacher("fake", 5_000, 2_048);
    private final SequenceEncoder encoder = new SequenceEncoder(teacher.description(), MAX_BYTES);

    private EncodedSequence encode(int[] positions, int k, List<Float> temperatures) {
        int[] tokens = IntStream.range(0, 2_000).map(i -> i * 7 % 5_000).toArray();
        ScoreItem item = new ScoreItem(tokens, positions);
        ScoreOutcome.Scored rows = teacher.scored(item, new RowContent(new Selection.TopK(k, temperatures), false));
        RowFormat format = TestRows.exact(new Selection.TopK(k, temperatures));
        return encoder.encode(tokens, new CachedSelection(format, positions, new int[0][], 0), rows)
                .rows();
    }

    @Test
    void encode_narrowRows_cutsEvery256() {
        EncodedSequence encoded = encode(Positions.withLabels(1_000), 4, List.of());

        assertThat(encoded.blocks()).extracting(EncodedBlock::rows).containsExactly(256, 256, 256, 231);
        assertThat(encoded.blocks()).extracting(EncodedBlock::firstPosition).containsExactly(0, 256, 512, 768);
        assertThat(encoded.rows()).isEqualTo(999);
    }

    @Test
    void encode_wideRowsAtScatteredPositions_staysWithinTheBlockSize() {
        int[] everyOther = IntStream.range(0, 1_000).map(i -> 2 * i).toArray();
        EncodedSequence encoded = encode(everyOther, 200, List.of(2f, 4f));

        assertThat(encoded.blocks()).hasSizeGreaterThan(10);
        List<Integer> positions = new ArrayList<>();
        for (EncodedBlock block : encoded.blocks()) {
            assertThat(block.bytes().length).isLessThanOrEqualTo(MAX_BYTES);
            TargetBlock decoded = BlockDecoder.decode(ByteBuffer.wrap(block.bytes()));
            assertThat(decoded.temperatureOffsets()).hasSize(2 * block.rows());
            Arrays.stream(decoded.header().positions()).forEach(positions::add);
        }
        assertThat(positions)
                .containsExactlyElementsOf(Arrays.stream(everyOther).boxed().toList());
    }

    @Test
    void encode_rowsForOtherPositions_isRefused() {
        ScoreItem asked = new ScoreItem(new int[] {1, 2, 3}, new int[] {0, 1});
        ScoreOutcome.Scored other = teacher.scored(new ScoreItem(asked.tokens(), new int[] {0}), RowContent.topK(2));
        RowFormat format = TestRows.exact(new Selection.TopK(2, List.of()));
        CachedSelection holds = new CachedSelection(format, asked.positions(), new int[0][], 0);

        assertThatThrownBy(() -> encoder.encode(asked.tokens(), holds, other))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the model gave rows for positions [0] (expected: [0, 1])");
    }
}
