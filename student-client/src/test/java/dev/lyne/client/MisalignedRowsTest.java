package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import dev.lyne.wire.Positions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is done to the rows of a sequence under a right header, the student notices: it never trains on them. */
final class MisalignedRowsTest {
    private static final int ROUNDS = 60;

    static List<TargetRequest> requests() {
        return RequestedRows.requests().toList();
    }

    static List<TargetRequest> requestsWithEntries() {
        return RequestedRows.requestsWithEntries().toList();
    }

    private static Reception top(Precision precision) {
        return Reception.of(new TargetRequest(Students.SELECTION, precision, false, TeacherExpectation.any()));
    }

    private static Reception exact(Selection selection, boolean rawLogits) {
        return Reception.of(new TargetRequest(selection, Precision.EXACT, rawLogits, TeacherExpectation.any()));
    }

    /** Alters correct columns under a correct header and checksum, as a server with a fault would. */
    private static void assertAlteredRowsAreCaught(Reception reception, long seed, Consumer<RowColumns> alteration) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = reception.sequence(random);
            RowColumns columns = reception.columns(sequence);
            alteration.accept(columns);
            assertThatThrownBy(() -> reception.receive(sequence, reception.encode(sequence, columns)))
                    .as("seed %s, round %s", seed, round)
                    .isInstanceOf(MisalignedTargetsException.class);
        }
    }

    @ParameterizedTest
    @MethodSource("requests")
    void rows_unaltered_areHandedOut(TargetRequest request) {
        Reception reception = Reception.of(request);
        SplittableRandom random = new SplittableRandom(50);
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = reception.sequence(random);
            assertThatCode(() -> reception.receive(sequence, reception.encode(sequence, reception.columns(sequence))))
                    .as("round %s", round)
                    .doesNotThrowAnyException();
        }
    }

    @ParameterizedTest
    @MethodSource("requestsWithEntries")
    void rows_shiftedByOnePosition_areCaught(TargetRequest request) {
        Reception reception = Reception.of(request);
        SplittableRandom random = new SplittableRandom(51);
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = reception.sequence(random);
            int last = sequence.positions().length - 1;
            int[] later = Arrays.stream(sequence.positions())
                    .map(t -> Math.min(t + 1, last))
                    .toArray();
            int[][] chosen = sequence.chosen().length == 0
                    ? sequence.chosen()
                    : Arrays.stream(later).mapToObj(t -> sequence.chosen()[t]).toArray(int[][]::new);
            RowColumns shifted = Reception.MODEL.columns(sequence.tokens(), later, chosen, request.selection());
            assertThatThrownBy(() -> reception.receive(sequence, reception.encode(sequence, shifted)))
                    .as("seed 51, round %s", round)
                    .isInstanceOf(MisalignedTargetsException.class);
        }
    }

    /** Chosen tokens would be the same, and a lone label log-probability says nothing: the header's digest is what tells. */
    @ParameterizedTest
    @EnumSource
    void rows_ofAnotherSequenceUnderThisHeader_areCaught(Precision precision) {
        Reception reception = top(precision);
        SplittableRandom random = new SplittableRandom(52);
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = reception.sequence(random);
            int[] others = reception.sequence(random).tokens();
            int[] tokens = sequence.tokens().clone();
            Arrays.setAll(tokens, t -> others[t % others.length]);
            RowColumns swapped =
                    Reception.MODEL.columns(tokens, sequence.positions(), sequence.chosen(), Students.SELECTION);
            assertThatThrownBy(() -> reception.receive(sequence, reception.encode(sequence, swapped)))
                    .as("seed 52, round %s", round)
                    .isInstanceOf(MisalignedTargetsException.class);
        }
    }

    @ParameterizedTest
    @EnumSource
    void rows_oneIdAltered_areCaughtWhereItIsTheLabel(Precision precision) {
        Reception reception = top(precision);
        SplittableRandom random = new SplittableRandom(60);
        int altered = 0;
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = reception.sequence(random);
            RowColumns columns = reception.columns(sequence);
            int row = random.nextInt(sequence.positions().length);
            // Among the first: a token left out may be as likely as the last one, in coarse steps as the last few.
            int at = row * columns.stride() + random.nextInt(columns.stride() - 4);
            if (columns.ids()[at] != sequence.tokens()[row + 1]) {
                continue;
            }
            altered++;
            columns.ids()[at] = absent(columns, row);
            reception.assertCaught(sequence, reception.encode(sequence, columns), "which is not kept");
        }
        assertThat(altered).isPositive();
    }

    @ParameterizedTest
    @EnumSource
    void rows_oneIdMadeTheDataToken_areCaught(Precision precision) {
        Reception reception = top(precision);
        SplittableRandom random = new SplittableRandom(61);
        int altered = 0;
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = reception.sequence(random);
            RowColumns columns = reception.columns(sequence);
            int row = random.nextInt(sequence.positions().length);
            int data = sequence.tokens()[row + 1];
            int at = row * columns.stride() + random.nextInt(columns.stride());
            float nats = columns.logProbabilities()[at] - columns.labelLogProbability()[row];
            boolean kept =
                    columns.labelLogProbability()[row] >= columns.logProbabilities()[(row + 1) * columns.stride() - 1];
            if (kept || Math.abs(nats) < 0.2) {
                continue;
            }
            altered++;
            columns.ids()[at] = data;
            assertThatThrownBy(() -> reception.receive(sequence, reception.encode(sequence, columns)))
                    .isInstanceOf(MisalignedTargetsException.class);
        }
        assertThat(altered).isPositive();
    }

    @Test
    void rows_oneIdTwice_areCaught() {
        assertAlteredBytesAreCaught(
                62,
                (entries, columns) ->
                        entries.putInt(4 * (2 * columns.stride() + 1), entries.getInt(4 * (2 * columns.stride() + 4))));
    }

    /** Alters ids and log-probabilities behind an exact block's counts, which no encoder would write so. */
    private static void assertAlteredBytesAreCaught(long seed, BiConsumer<ByteBuffer, RowColumns> alteration) {
        Reception reception = top(Precision.EXACT);
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = reception.sequence(random);
            RowColumns columns = reception.columns(sequence);
            ByteBuffer block = ByteBuffer.wrap(
                            reception.encode(sequence, columns).toByteArray())
                    .order(ByteOrder.LITTLE_ENDIAN);
            int ranges = Positions.toRanges(sequence.positions()).size();
            int temperatures = Students.SELECTION.temperatures().size();
            int entries = 104 + 4 * temperatures + 8 * ranges + 4 * sequence.positions().length;
            alteration.accept(block.slice(entries, block.capacity() - entries).order(ByteOrder.LITTLE_ENDIAN), columns);
            CRC32C checksum = new CRC32C();
            checksum.update(block.array(), 0, block.capacity() - 4);
            block.putInt(block.capacity() - 4, (int) checksum.getValue());
            assertThatThrownBy(() -> reception.receive(sequence, ByteString.copyFrom(block.array())))
                    .as("seed %s, round %s", seed, round)
                    .isInstanceOf(MisalignedTargetsException.class);
        }
    }

    @Test
    void rows_outOfOrder_areCaught() {
        assertAlteredBytesAreCaught(63, (entries, columns) -> {
            int first = 4 * columns.stride() * (columns.counts().length + 1); // of the second row, behind all ids
            int value = entries.getInt(first);
            entries.putInt(first, entries.getInt(first + 4));
            entries.putInt(first + 4, value);
        });
    }

    /** Compact rows sum to one because their decoder makes them; what it cannot make right is the label. */
    @ParameterizedTest
    @EnumSource(names = {"EXACT", "HALF"})
    void rows_massNotOne_areCaught(Precision precision) {
        assertAlteredRowsAreCaught(top(precision), 64, columns -> columns.logTailMass()[3] += 0.1f);
        assertAlteredRowsAreCaught(top(precision), 65, columns -> columns.logTailMass()[3] = Float.NEGATIVE_INFINITY);
    }

    @ParameterizedTest
    @EnumSource
    void rows_labelLogProbabilityOff_areCaughtWhereKept(Precision precision) {
        Reception reception = top(precision);
        TargetSequence sequence = reception.sequence(new SplittableRandom(66));
        RowColumns columns = reception.columns(sequence);
        int caught = 0;
        for (int row = 0; row < sequence.positions().length; row++) {
            RowColumns altered = reception.columns(sequence);
            float data = columns.labelLogProbability()[row];
            altered.labelLogProbability()[row] = switch (precision) {
                case EXACT -> Math.nextDown(data);
                case HALF -> data * (1 + 0x1p-10f);
                case COMPACT -> data - 0.2f;
            };
            if (data >= columns.logProbabilities()[(row + 1) * columns.stride() - 1]) {
                caught++;
                reception.assertCaught(sequence, reception.encode(sequence, altered), "label log-probability");
            }
        }
        assertThat(caught).isPositive();
    }

    @ParameterizedTest
    @EnumSource
    void rows_offsetsOfAnotherTemperature_areCaught(Precision precision) {
        assertAlteredRowsAreCaught(top(precision), 67, columns -> {
            float first = columns.temperatureOffsets()[4];
            columns.temperatureOffsets()[4] = columns.temperatureOffsets()[5];
            columns.temperatureOffsets()[5] = first;
        });
    }

    @Test
    void rows_fewerThanTheSelectionSays_areCaught() {
        for (Selection selection : List.of(
                Students.SELECTION,
                new Selection.TopFraction(0.15, List.of()),
                new Selection.Draws(40, 0, 7, List.of()),
                new Selection.Draws(20, 4, 8, List.of()))) {
            assertAlteredRowsAreCaught(exact(selection, false), 68, columns -> columns.counts()[1]--);
        }
    }

    @Test
    void rows_drawsMiscounted_areCaught() {
        Reception reception = exact(new Selection.Draws(20, 4, 8, List.of()), false);
        TargetSequence sequence = reception.sequence(new SplittableRandom(70));
        RowColumns more = reception.columns(sequence);
        int drawn = more.stride() + more.counts()[1] - 1;
        more.drawCounts()[drawn]++;
        reception.assertCaught(sequence, reception.encode(sequence, more), "position 1: 21 draws (expected: 20)");
        RowColumns head = reception.columns(sequence);
        head.drawCounts()[head.stride()] = 1;
        reception.assertCaught(
                sequence,
                reception.encode(sequence, head),
                "position 1: 3 entries that were not drawn (expected: 4, the exact head)");
    }

    @Test
    void rows_ofTokensNotChosen_areCaught() {
        Reception reception = exact(new Selection.Chosen(RequestedRows.CHOSEN, List.of()), false);
        assertAlteredRowsAreCaught(reception, 71, columns -> columns.ids()[0] = absent(columns, 0));
        TargetSequence sequence = reception.sequence(new SplittableRandom(72));
        int[][] none = sequence.chosen().clone();
        none[2] = new int[0];
        TargetSequence fewer = new TargetSequence(17, sequence.tokens(), sequence.positions(), none);
        reception.assertCaught(sequence, reception.encode(sequence, reception.columns(fewer)), "position 2: token ");
        reception.assertCaught(
                fewer,
                reception.encode(fewer, reception.columns(sequence)),
                sequence.chosen()[2].length + " entries (expected: 0, as many as were chosen)");
    }

    @Test
    void rows_logitsThatAreNotTheirs_areCaught() {
        Reception reception = exact(Students.SELECTION, true);
        assertAlteredRowsAreCaught(reception, 73, columns -> columns.logits()[3] += 0.01f);
        assertAlteredRowsAreCaught(reception, 74, columns -> columns.logSumExp()[5] -= 0.01f);
    }

    private static int absent(RowColumns columns, int row) {
        for (int id = 0; ; id++) {
            int candidate = id;
            if (Arrays.stream(columns.ids(), row * columns.stride(), (row + 1) * columns.stride())
                    .noneMatch(kept -> kept == candidate)) {
                return id;
            }
        }
    }
}
