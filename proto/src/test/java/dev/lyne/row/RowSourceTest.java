package dev.lyne.row;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.v1.Source;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class RowSourceTest {
    @Test
    void toString_isTheWordOfReports() {
        assertThat(RowSource.COMPUTED).hasToString("computed");
        assertThat(RowSource.COALESCED).hasToString("coalesced");
        assertThat(RowSource.REPLAYED).hasToString("replay");
        assertThat(RowSource.cached("ring-2")).hasToString("ring-2");
    }

    @Test
    void cached_sameTier_isTheSameSource() {
        assertThat(RowSource.cached("disk"))
                .isEqualTo(RowSource.cached("disk"))
                .isNotEqualTo(RowSource.cached("memory"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Disk", "a b", "computed", "replay", "a-name-of-more-than-thirty-two-characters"})
    void cached_nameThatIsNone_isRefused(String tier) {
        assertThatThrownBy(() -> RowSource.cached(tier))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("tier: '" + tier + "' (expected: the name of a cache tier, 1 to 32 of a-z, 0-9, - and _)");
    }

    @ParameterizedTest
    @EnumSource(names = {"SOURCE_UNSPECIFIED", "UNRECOGNIZED"})
    void sourceNotStatedOrNotKnown_isRefused(Source source) {
        assertThatThrownBy(() -> new RowSource(source, ""))
                .hasMessage("source: " + source + " (expected: computed, coalesced, cached or replayed)");
    }

    @Test
    void tierOfComputedRows_isRefused() {
        assertThatThrownBy(() -> new RowSource(Source.SOURCE_COMPUTED, "disk"))
                .hasMessage("tier: 'disk' (expected: none for SOURCE_COMPUTED)");
    }
}
