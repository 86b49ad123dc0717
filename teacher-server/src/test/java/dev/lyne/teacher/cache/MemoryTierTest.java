package dev.lyne.teacher.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.CachedSelection;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import dev.lyne.teacher.score.TestRows;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class MemoryTierTest {
    private static final TeacherDescription TEACHER = new FakeTeacher("fake", 100, 16).description();
    private static final Selection TOP_4 = new Selection.TopK(4, List.of());

    private static CachedSelection selection(int k, int... positions) {
        return new CachedSelection(TestRows.exact(new Selection.TopK(k, List.of())), positions, new int[0][], 0);
    }

    private static StoredRows rows(CachedSelection holds, int bytes) {
        return new StoredRows(holds, new EncodedSequence(List.of(new EncodedBlock(0, 1, new byte[bytes]))));
    }

    private static RowsQuery query(CacheKey key, CachedSelection wanted) {
        return new RowsQuery(key, TEACHER, new int[0], wanted);
    }

    private static CacheKey key(int token) {
        return CacheKey.of(TEACHER, TOP_4, new int[] {token, 1});
    }

    @Test
    void keep_moreThanFits_evictsDownToTheBound() {
        MemoryTier tier = new MemoryTier(100_000, new SimpleMeterRegistry());
        for (int i = 0; i < 100; i++) {
            tier.keep(key(i), rows(selection(4, 0), 10_000));
            assertThat(tier.bytes()).isLessThanOrEqualTo(100_000);
        }

        assertThat(tier.bytes()).isGreaterThan(80_000);
    }

    @Test
    void keep_largerThanTheTier_isNotKept() {
        MemoryTier tier = new MemoryTier(1_000, new SimpleMeterRegistry());
        tier.keep(key(1), rows(selection(4, 0), 10_000));

        assertThat(tier.find(query(key(1), selection(4, 0)))).isEmpty();
        assertThat(tier.bytes()).isZero();
    }

    @Test
    void find_otherThanHeld_givesItAndCountsAMiss() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        MemoryTier tier = new MemoryTier(100_000, registry);
        StoredRows kept = rows(selection(4, 0, 1), 10);
        tier.keep(key(1), kept);

        assertThat(tier.find(query(key(1), selection(4, 0, 1)))).containsSame(kept);
        assertThat(tier.find(query(key(1), selection(3, 1)))).containsSame(kept);
        assertThat(registry.get("lyne.teacher.tier.hits").counter().count()).isEqualTo(2);
        assertThat(tier.find(query(key(1), selection(5, 0, 1)))).containsSame(kept);
        assertThat(tier.find(query(key(1), selection(4, 2)))).containsSame(kept);
        assertThat(tier.find(query(key(2), selection(4, 0, 1)))).isEmpty();
        assertThat(registry.get("lyne.teacher.tier.misses").counter().count()).isEqualTo(3);
    }

    @Test
    void keepUnlessContained_widerStaysNarrowerGivesWay() {
        MemoryTier tier = new MemoryTier(100_000, new SimpleMeterRegistry());
        RowsQuery query = query(key(1), selection(1, 0));
        StoredRows wide = rows(selection(8, 0, 1), 10);

        assertThat(tier.keepUnlessContained(query, rows(selection(4, 0, 1), 10)))
                .isTrue();
        assertThat(tier.keepUnlessContained(query, wide)).isTrue();
        assertThat(tier.keepUnlessContained(query, rows(selection(4, 0, 1), 10)))
                .isFalse();
        assertThat(tier.keepUnlessContained(query, rows(selection(8, 1), 10))).isFalse();
        assertThat(tier.find(query)).containsSame(wide);
        assertThat(tier.keepUnlessContained(query, rows(selection(4, 0, 2), 10)))
                .isTrue();
    }

    @Test
    void key_hasTeacherModeFamilyAndTokens() {
        int[] tokens = {1, 2};
        CacheKey key = CacheKey.of(TEACHER, TOP_4, tokens);

        assertThat(CacheKey.of(TEACHER, TOP_4, new int[] {1, 2})).isEqualTo(key);
        assertThat(CacheKey.of(TEACHER, TOP_4, new int[] {2, 1})).isNotEqualTo(key);
        assertThat(CacheKey.of(new FakeTeacher("fake", 100, 16, true).description(), TOP_4, tokens))
                .isNotEqualTo(key);
        assertThat(CacheKey.of(new FakeTeacher("else", 100, 16).description(), TOP_4, tokens))
                .isNotEqualTo(key);
    }

    @Test
    void key_hasNothingThatAnEntrySaysOfItself() {
        CacheKey prefix = key(TOP_4);
        assertThat(List.of(
                        key(new Selection.TopK(9, List.of(2f))),
                        key(new Selection.TopPK(0.9, 50, 1f, List.of())),
                        key(new Selection.TopPK(0.5, 10, 1f, List.of(4f))),
                        key(new Selection.TopFraction(0.05, List.of())),
                        key(new Selection.LabelOnly(List.of()))))
                .containsOnly(prefix);
        CacheKey draws = key(new Selection.Draws(50, 4, 7, List.of()));
        assertThat(key(new Selection.Draws(50, 4, 7, List.of(2f)))).isEqualTo(draws);
        assertThat(key(new Selection.Chosen(8, List.of()))).isEqualTo(key(new Selection.Chosen(9, List.of())));
        assertThat(Set.of(
                        prefix,
                        draws,
                        key(new Selection.Draws(51, 4, 7, List.of())),
                        key(new Selection.Draws(50, 5, 7, List.of())),
                        key(new Selection.Draws(50, 4, 8, List.of())),
                        key(new Selection.Chosen(8, List.of())),
                        key(new Selection.TopPK(0.9, 50, 2f, List.of()))))
                .hasSize(7);
    }

    /** Another machine, as in a replica beside a server: the rows are as good, except where bits are promised. */
    @Test
    void key_hasTheMachineInDeterministicModeOnly() {
        assertThat(CacheKey.of(onOtherMachine(false), TOP_4, new int[] {1, 2}))
                .isEqualTo(CacheKey.of(TEACHER, TOP_4, new int[] {1, 2}));
        assertThat(CacheKey.of(onOtherMachine(true), TOP_4, new int[] {1, 2}))
                .isNotEqualTo(
                        CacheKey.of(new FakeTeacher("fake", 100, 16, true).description(), TOP_4, new int[] {1, 2}));
    }

    private static TeacherDescription onOtherMachine(boolean deterministic) {
        TeacherDescription here = new FakeTeacher("fake", 100, 16, deterministic).description();
        return new TeacherDescription(
                here.name(),
                here.modelDigest(),
                here.tokenizerDigest(),
                here.vocabularySize(),
                here.contextLength(),
                new ExecutionFingerprint("0.0.0", "else", "", 1, 8, "float32"),
                here.architecture(),
                here.parameters(),
                deterministic,
                0,
                Optional.empty());
    }

    private static CacheKey key(Selection selection) {
        return CacheKey.of(TEACHER, selection, new int[] {1, 2});
    }
}
