package dev.lyne.load.fault;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.fault.ChaosResult.Audit;
import dev.lyne.load.fault.ChaosResult.FaultCount;
import dev.lyne.load.fault.ChaosResult.Students;
import dev.lyne.load.page.ChaosPage;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class ChaosResultTest {
    private static final Students WELL = new Students(8, 8, 3, List.of(), 1, true, 60, 170);
    private static final Audit RIGHT = new Audit(5_000, 0, 2);
    private static final Map<String, FaultCount> NOTICED = Map.of("reset", new FaultCount(3, 3, 2));

    private static ChaosResult result(Map<String, FaultCount> faults, Students students, Audit audit) {
        return ChaosResult.of(
                new ChaosSettings(1, 10, 4, 2, 5, Set.of()),
                faults,
                students,
                audit,
                new ChaosResult.Timeline(
                        600,
                        List.of(new ChaosResult.Strike(3, FaultKind.RESET, "network of replica 0", 1, true)),
                        Map.of("student-0", List.of(new ChaosResult.Step(1, 0), new ChaosResult.Step(2, 4)))));
    }

    @Test
    void result_allWell_holds() {
        assertThat(result(NOTICED, WELL, RIGHT).shortfalls()).isEmpty();
    }

    @Test
    void result_wrongRow_fallsShort() {
        assertThat(result(NOTICED, WELL, new Audit(5_000, 1, 0)).shortfalls())
                .containsExactly("1 wrong rows of 5000 (expected: 0 of at least 1)");
    }

    @Test
    void result_nothingCompared_fallsShort() {
        assertThat(result(NOTICED, WELL, new Audit(0, 0, 0)).holds()).isFalse();
    }

    @Test
    void result_faultThatNobodyNoticed_fallsShort() {
        assertThat(result(Map.of("drop", new FaultCount(2, 2, 0)), WELL, RIGHT).shortfalls())
                .containsExactly("drop: 2 of 2 struck, nobody noticed (expected: at least one that somebody notices)");
    }

    @Test
    void result_faultThatNeverCameUp_fallsShort() {
        assertThat(result(Map.of("drop", new FaultCount(0, 0, 0)), WELL, RIGHT).shortfalls())
                .containsExactly("drop: never came up (expected: at least once; take more minutes)");
    }

    @Test
    void endOfAStudent_isTheDisksWhereItsLastLineSaysSo() {
        assertThat(ChaosStudent.namesTheDisk("lyne: /runs/a/metrics.jsonl: File too large; go on with --resume"))
                .isTrue();
        assertThat(ChaosStudent.namesTheDisk("lyne: /runs/a: No space left on device"))
                .isTrue();
        assertThat(ChaosStudent.namesTheDisk("lyne: the teacher was lost for longer than --retry-seconds 120"))
                .isFalse();
        assertThat(ChaosStudent.namesTheDisk("nothing said")).isFalse();
    }

    @Test
    void result_eachThingAboutStudents_fallsShort() {
        assertThat(List.of(
                        new Students(8, 7, 0, List.of(), 1, true, 60, 170),
                        new Students(8, 8, 0, List.of("one"), 1, true, 60, 170),
                        new Students(8, 8, 0, List.of(), 0.999, true, 60, 170),
                        new Students(8, 8, 0, List.of(), 1, false, 60, 170),
                        new Students(8, 8, 0, List.of(), 1, true, 60, 181)))
                .allSatisfy(
                        students -> assertThat(result(NOTICED, students, RIGHT).shortfalls())
                                .hasSize(1));
    }

    @Test
    void page_ofAResult_hasFaultsAboveStudentsOnOneScale() {
        String page = ChaosPage.of(result(NOTICED, WELL, RIGHT)).json();
        assertThat(page.indexOf("\"id\":\"faults\"")).isPositive().isLessThan(page.indexOf("\"id\":\"students\""));
        assertThat(page.split("\"to\":600.0", -1)).hasSize(3);
    }
}
