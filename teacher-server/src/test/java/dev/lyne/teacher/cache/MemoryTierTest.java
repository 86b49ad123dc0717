package dev.lyne.teacher.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.wire.Selection;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MemoryTierTest {
    private static final TeacherDescription TEACHER = new FakeTeacher("fake", 100, 16).description();

    private static Holdings holdings(int k, int... positions) {
        return new Holdings(new Selection.TopK(k, List.of()), positions);
    }

    private static StoredRows rows(Holdings holds, int bytes) {
        return new StoredRows(holds, new EncodedSequence(List.of(new EncodedBlock(0, 1, new byte[bytes]))));
    }

    private static RowsQuery query(CacheKey key, Holdings wanted) {
        return new RowsQuery(key, TEACHER, new int[0], wanted);
    }

    private static CacheKey key(int token) {
        return CacheKey.of(TEACHER, new int[] {token, 1});
    }

    @Test
    void keep_moreThanFits_evictsDownToTheBound() {
        MemoryTier tier = new MemoryTier(100_000, new SimpleMeterRegistry());
        for (int i = 0; i < 100; i++) {
            tier.keep(key(i), rows(holdings(4, 0), 10_000));
            assertThat(tier.bytes()).isLessThanOrEqualTo(100_000);
        }

        assertThat(tier.bytes()).isGreaterThan(80_000);
    }

    @Test
    void keep_largerThanTheTier_isNotKept() {
        MemoryTier tier = new MemoryTier(1_000, new SimpleMeterRegistry());
        tier.keep(key(1), rows(holdings(4, 0), 10_000));

        assertThat(tier.find(query(key(1), holdings(4, 0)))).isEmpty();
        assertThat(tier.bytes()).isZero();
    }

    @Test
    void find_otherThanHeld_isAMiss() {
        MemoryTier tier = new MemoryTier(100_000, new SimpleMeterRegistry());
        StoredRows kept = rows(holdings(4, 0, 1), 10);
        tier.keep(key(1), kept);

        assertThat(tier.find(query(key(1), holdings(4, 0, 1)))).containsSame(kept);
        assertThat(tier.find(query(key(1), holdings(5, 0, 1)))).isEmpty();
        assertThat(tier.find(query(key(1), holdings(4, 0)))).isEmpty();
        assertThat(tier.find(query(key(2), holdings(4, 0, 1)))).isEmpty();
    }

    @Test
    void key_ofAnotherTeacherOrModeOrTokens_differs() {
        CacheKey key = CacheKey.of(TEACHER, new int[] {1, 2});

        assertThat(CacheKey.of(TEACHER, new int[] {1, 2})).isEqualTo(key);
        assertThat(CacheKey.of(TEACHER, new int[] {2, 1})).isNotEqualTo(key);
        assertThat(CacheKey.of(new FakeTeacher("fake", 100, 16, true).description(), new int[] {1, 2}))
                .isNotEqualTo(key);
        assertThat(CacheKey.of(new FakeTeacher("else", 100, 16).description(), new int[] {1, 2}))
                .isNotEqualTo(key);
    }
}
