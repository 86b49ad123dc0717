package dev.lyne.load.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.row.Selection;
import dev.lyne.v1.Sequence;
import dev.lyne.wire.Digests;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class LoadProfileTest {
    private static final Selection TOP = new Selection.TopK(8, List.of());

    private static LoadProfile profile(String tokens, double repeated) {
        return Profiles.of(
                4,
                new Arrivals.Closed(2, 0),
                FaultInjection.NONE,
                Profiles.requests(tokens, "top_k=8", repeated),
                Duration.ofSeconds(1),
                false);
    }

    @Test
    void request_sameSeedStudentAndIndex_isTheSame() throws Exception {
        var source = new RequestSource(profile("9..40", 0.5));
        var again = new RequestSource(profile("9..40", 0.5));
        Set<List<Integer>> distinct = new HashSet<>();
        for (int index = 0; index < 200; index++) {
            Request request = source.request(2, index, 500, TOP);
            assertThat(again.request(2, index, 500, TOP).body()).isEqualTo(request.body());
            Sequence sequence = Sequence.parseFrom(request.body());
            int[] tokens = sequence.getTokenIdsList().stream().mapToInt(i -> i).toArray();
            assertThat(tokens).hasSizeBetween(9, 40);
            assertThat(tokens).matches(all -> Arrays.stream(all).allMatch(token -> token >= 0 && token < 500));
            assertThat(sequence.getTokenIdsCrc32C()).isEqualTo(Digests.tokenChecksum(tokens));
            assertThat(request.rows()).isEqualTo(tokens.length - 1);
            distinct.add(sequence.getTokenIdsList());
        }
        // Half are fresh, the others one of 16.
        assertThat(distinct.size()).isBetween(80, 140);
    }

    @Test
    void request_chosenIds_areNamedForEveryWantedPosition() throws Exception {
        var selection = new Selection.Chosen(5, List.of());
        Request request = new RequestSource(profile("12", 0)).request(0, 0, 100, selection);
        Sequence sequence = Sequence.parseFrom(request.body());
        assertThat(sequence.getChosenList())
                .hasSize(11)
                .allSatisfy(chosen ->
                        assertThat(chosen.getTokenIdsList()).hasSize(5).doesNotHaveDuplicates());
    }

    @Test
    void times_parts_areTheWholesTimes() {
        var open = new Arrivals.Open(40, true);
        List<Long> all = new ArrayList<>();
        for (int student = 0; student < 4; student++) {
            Arrivals.Times times = open.times(student, 4, 1);
            for (int i = 0; i < 10; i++) {
                all.add(times.next());
            }
        }
        all.sort(null);
        for (int i = 0; i < 40; i++) {
            assertThat(all.get(i)).isEqualTo(i * 25_000_000L);
        }
    }

    @Test
    void times_poisson_haveTheirMeanAndSpread() {
        Arrivals.Times times = new Arrivals.Open(1_000, false).times(0, 2, 9);
        int n = 20_000;
        long last = 0;
        double squares = 0;
        for (int i = 0; i < n; i++) {
            long next = times.next();
            squares += Math.pow((next - last) / 2e6, 2);
            last = next;
        }
        assertThat(last / 2e6 / n).isEqualTo(1, within(0.03));
        assertThat(squares / n).isEqualTo(2, within(0.15)); // an exponential's second moment
    }

    @Test
    void part_ofStudents_coversEachOnce() {
        LoadProfile whole = Profiles.of(7, new Arrivals.Closed(1, 0));
        int next = 0;
        for (int part = 1; part <= 3; part++) {
            assertThat(whole.withPart(part, 3).share().first()).isEqualTo(next);
            next += whole.withPart(part, 3).share().here();
        }
        assertThat(next).isEqualTo(7);
    }

    @Test
    void selections_weights_areSharesOfTheStudents() {
        Selections mixed = Selections.parse("top_k=4*0.75,label_only*0.25", 1);
        assertThat(mixed.of(0, 4)).isEqualTo(new Selection.TopK(4, List.of()));
        assertThat(mixed.of(2, 4)).isEqualTo(new Selection.TopK(4, List.of()));
        assertThat(mixed.of(3, 4)).isEqualTo(new Selection.LabelOnly(List.of()));
    }

    @Test
    void selections_oldName_isRefusedWithTheNewOne() {
        assertThatThrownBy(() -> Selections.parse("top_k=4*0.75,data_only*0.25", 1))
                .hasMessage("selection: data_only is an old name (expected: label_only)");
    }

    @Test
    void positions_lastShare_areTheLastOnes() {
        assertThat(WantedPositions.parse("last=0.25").draw(9, new SplittableRandom(1)))
                .containsExactly(6, 7);
        assertThat(WantedPositions.parse("random=0.5").draw(2_001, new SplittableRandom(1)).length)
                .isBetween(900, 1_100);
    }

    @Test
    void parse_wrongText_isRefusedWithTheExpectation() {
        assertThatThrownBy(() -> Lengths.parse("1")).hasMessage("tokens: 1 (expected: 2 or more, the lesser first)");
        assertThatThrownBy(() -> Lengths.parse("9..x")).hasMessage("tokens: x (expected: a whole number)");
        assertThatThrownBy(() -> Selections.parse("topk=3", 1))
                .hasMessageStartingWith("selection: topk=3 (expected: top_k=K");
        assertThatThrownBy(() -> WantedPositions.parse("last=2"))
                .hasMessage("positions: last=2 (expected: a share above 0, at most 1)");
    }
}
