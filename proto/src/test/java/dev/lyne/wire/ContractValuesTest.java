package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Selection;
import dev.lyne.v1.PositionRange;
import dev.lyne.v1.TopPK;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ContractValuesTest {
    @Test
    void positions_thereAndBack_areTheSame() {
        int[] positions = {0, 1, 2, 5, 9, 10};
        assertThat(Positions.from(Positions.toRanges(positions), 11)).isEqualTo(positions);
        assertThat(Positions.toRanges(positions)).hasSize(3);
    }

    @Test
    void positions_noneNamed_areAllWithData() {
        assertThat(Positions.from(List.of(), 4)).containsExactly(0, 1, 2);
        assertThat(Positions.from(List.of(), 1)).isEmpty();
    }

    @Test
    void positions_outOfRange_areRefusedWithTheValue() {
        assertThatThrownBy(() -> Positions.from(List.of(range(3, 2)), 4)).hasMessageContaining("first 3 count 2");
        assertThatThrownBy(() -> Positions.from(List.of(range(0, 2), range(1, 1)), 4))
                .hasMessageContaining("ascending and disjoint");
        assertThatThrownBy(() -> Positions.from(List.of(range(1, 0)), 4)).hasMessageContaining("count 0");
        assertThatThrownBy(() -> Positions.from(List.of(range(-1, 3)), 4)).hasMessageContaining("4294967295");
    }

    @Test
    void selections_thereAndBack_areTheSame() {
        for (Selection selection :
                List.of(new Selection.TopK(5, List.of(.5f, 2f)), new Selection.TopPK(.95, 50, 2f, List.of()))) {
            assertThat(Selection.of(selection.toMessage())).isEqualTo(selection);
        }
    }

    @Test
    void selections_outOfRange_areRefusedWithTheValue() {
        assertThatThrownBy(() -> Selection.of(dev.lyne.v1.Selection.getDefaultInstance()))
                .hasMessageContaining("no rule");
        assertThatThrownBy(() -> new Selection.TopK(0, List.of())).hasMessageContaining("k 0");
        assertThatThrownBy(() -> new Selection.TopK(9, List.of()).checkFits(8))
                .hasMessageContaining("1..vocabulary_size=8");
        assertThatThrownBy(() -> new Selection.TopK(1, List.of(1f, 1f))).hasMessageContaining("distinct");
        assertThatThrownBy(() -> new Selection.TopK(1, List.of(Float.NaN))).hasMessageContaining("NaN");
        assertThatThrownBy(() -> Selection.of(dev.lyne.v1.Selection.newBuilder()
                        .setTopPK(TopPK.newBuilder().setP(1.5).setK(2))
                        .build()))
                .hasMessageContaining("p 1.5");
    }

    @Test
    void tokenChecksum_knownTokens_isCrc32c() {
        // CRC32C of the bytes 01 00 00 00 02 00 00 00, from an independent implementation.
        assertThat(Digests.tokenChecksum(new int[] {1, 2}))
                .isEqualTo(independentCrc32c(new byte[] {1, 0, 0, 0, 2, 0, 0, 0}));
    }

    @Test
    void rowsDigest_anyChangeOfTokensOrPositions_changesIt() {
        byte[] digest = Digests.rows(new int[] {1, 2, 3}, new int[] {0, 1}, 0, 2);
        assertThat(Digests.rows(new int[] {1, 2, 4}, new int[] {0, 1}, 0, 2)).isNotEqualTo(digest);
        assertThat(Digests.rows(new int[] {1, 2, 3}, new int[] {0, 2}, 0, 2)).isNotEqualTo(digest);
        assertThat(Digests.rows(new int[] {1, 2, 3}, new int[] {0, 1}, 0, 1)).isNotEqualTo(digest);
        assertThat(Digests.rows(new int[] {1, 2}, new int[] {3, 0, 1}, 0, 3)).isNotEqualTo(digest);
    }

    /** Bitwise CRC-32C (Castagnoli polynomial, reflected 0x82f63b78). */
    private static int independentCrc32c(byte[] bytes) {
        int crc = -1;
        for (byte value : bytes) {
            crc ^= value & 0xff;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc >>> 1) ^ ((crc & 1) == 0 ? 0 : 0x82f63b78);
            }
        }
        return ~crc;
    }

    private static PositionRange range(int first, int count) {
        return PositionRange.newBuilder().setFirst(first).setCount(count).build();
    }
}
