package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.v1.ChosenTokens;
import dev.lyne.v1.PositionRange;
import dev.lyne.v1.Rows;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.Source;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.TargetBlock;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rows of ids that a student names: computed for it alone, unless it asks otherwise, and then for those who name the same. */
@SuppressWarnings("NullAway.Init") // JUnit calls start first
final class ChosenRowsAreSharedOnRequestTest {
    private ServerFixture fixture;

    @BeforeEach
    void start() throws Exception {
        fixture = new ServerFixture();
    }

    @AfterEach
    void stop() throws Exception {
        fixture.close();
    }

    private static Sequence sequence(int first, int[]... chosen) {
        Sequence.Builder sequence = TestStream.sequence(1, 5, 6, 7, 8).toBuilder()
                .addPositions(PositionRange.newBuilder().setFirst(first).setCount(chosen.length));
        for (int[] ids : chosen) {
            ChosenTokens.Builder tokens = ChosenTokens.newBuilder();
            for (int id : ids) {
                tokens.addTokenIds(id);
            }
            sequence.addChosen(tokens);
        }
        return sequence.build();
    }

    private Rows ask(boolean share, Sequence sequence) {
        return fixture.stream()
                .open(TestStream.opening(new Selection.Chosen(3, List.of()), Precision.EXACT)
                        .setShareChosen(share)
                        .build())
                .score(sequence)
                .awaitDone(1)
                .rows(1)
                .get(0);
    }

    @Test
    void ask_withoutSharing_neitherReadsNorKeeps() {
        Sequence sequence = sequence(0, new int[] {9, 3}, new int[] {}, new int[] {1, 2, 3});

        assertThat(ask(false, sequence).getSource()).isEqualTo(Source.SOURCE_COMPUTED);
        assertThat(ask(true, sequence).getSource()).isEqualTo(Source.SOURCE_COMPUTED);
        assertThat(ask(false, sequence).getSource()).isEqualTo(Source.SOURCE_COMPUTED);
        assertThat(fixture.counter("lyne.teacher.cache.bypassed")).isEqualTo(2);
    }

    @Test
    void ask_sharing_isServedToWhoNamesTheSameAtThosePositions() {
        assertThat(ask(true, sequence(0, new int[] {9, 3}, new int[] {}, new int[] {1, 2, 3}))
                        .getSource())
                .isEqualTo(Source.SOURCE_COMPUTED);

        Rows slice = ask(true, sequence(1, new int[] {}, new int[] {3, 1, 2}));
        assertThat(slice.getSource()).isEqualTo(Source.SOURCE_CACHED);
        TargetBlock block = BlockDecoder.decode(slice.getBlock().asReadOnlyByteBuffer());
        assertThat(block.header().positions()).containsExactly(1, 2);
        assertThat(block.ids()).containsExactlyInAnyOrder(1, 2, 3);
        assertThat(ask(true, sequence(1, new int[] {}, new int[] {4, 1, 2})).getSource())
                .isEqualTo(Source.SOURCE_COMPUTED);
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(2);
    }
}
