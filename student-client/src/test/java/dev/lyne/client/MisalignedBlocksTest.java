package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.lyne.row.Precision;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A block that answers something else than what was asked is noticed before a row of it is looked at. */
final class MisalignedBlocksTest {
    private static final byte[] TEACHER = new byte[32];
    private static final byte[] FINGERPRINT = new byte[16];

    private static Reception reception(Precision precision) {
        return Reception.of(new TargetRequest(Students.SELECTION, precision, false, TeacherExpectation.any()));
    }

    @ParameterizedTest
    @EnumSource
    void block_ofAnotherSequence_isCaughtByItsDigest(Precision precision) {
        Reception reception = reception(precision);
        TargetSequence sequence = reception.sequence(new SplittableRandom(53));
        int[] others = sequence.tokens().clone();
        others[others.length / 2] = (others[others.length / 2] + 1) % FakeTeacher.VOCABULARY;
        TargetSequence other = TargetSequence.whole(18, others);

        reception.assertCaught(sequence, reception.encode(other, reception.columns(other)), "rows digest");
    }

    @ParameterizedTest
    @EnumSource
    void block_ofPositionsOffByOne_isCaught(Precision precision) {
        Reception reception = reception(precision);
        TargetSequence sequence = reception.sequence(new SplittableRandom(54));
        int[] later = Arrays.copyOfRange(sequence.positions(), 1, sequence.positions().length);
        TargetSequence shifted = new TargetSequence(17, sequence.tokens(), later);
        ByteString block = reception.encode(shifted, reception.columns(shifted));

        reception.assertCaught(sequence, block, "positions from 1");
        RowAssembly assembly = reception.assembly(sequence);
        assertThatThrownBy(() -> assembly.add(Reception.message(1, block), RowSource.COMPUTED))
                .hasMessage("sequence 17, position 1: a block that starts there (expected: the block of position 0)");
    }

    @ParameterizedTest
    @EnumSource
    void block_ofAnotherTeacherMachineOrVocabulary_isCaught(Precision precision) {
        Reception reception = reception(precision);
        TargetSequence sequence = reception.sequence(new SplittableRandom(55));
        byte[] digest = new byte[32];
        digest[31] = 1;
        byte[] fingerprint = new byte[16];
        fingerprint[0] = 1;

        assertOtherIsCaught(
                reception,
                sequence,
                reception.with(digest, FINGERPRINT, FakeTeacher.VOCABULARY, Students.SELECTION),
                "teacher digest " + "00".repeat(31) + "01");
        assertOtherIsCaught(
                reception,
                sequence,
                reception.with(TEACHER, fingerprint, FakeTeacher.VOCABULARY, Students.SELECTION),
                "fingerprint digest 01");
        assertOtherIsCaught(
                reception,
                sequence,
                reception.with(TEACHER, FINGERPRINT, FakeTeacher.VOCABULARY + 4, Students.SELECTION),
                "vocabulary size 64");
    }

    @ParameterizedTest
    @EnumSource
    void block_ofAnotherSelection_isCaught(Precision precision) {
        Reception reception = reception(precision);
        TargetSequence sequence = reception.sequence(new SplittableRandom(58));
        for (Selection selection : List.of(
                new Selection.TopK(9, List.of(0.5f, 2f)),
                new Selection.TopK(8, List.of(2f, 0.5f)),
                new Selection.TopPK(1.0, 8, 1f, List.of(0.5f, 2f)),
                new Selection.TopFraction(8.0 / FakeTeacher.VOCABULARY, List.of(0.5f, 2f)))) {
            assertOtherIsCaught(
                    reception,
                    sequence,
                    reception.with(TEACHER, FINGERPRINT, FakeTeacher.VOCABULARY, selection),
                    "selection top_");
        }
    }

    @ParameterizedTest
    @EnumSource
    void block_ofAnotherPrecision_isCaught(Precision precision) {
        Reception reception = reception(precision);
        TargetSequence sequence = reception.sequence(new SplittableRandom(59));
        for (Precision other : Precision.values()) {
            if (other != precision) {
                assertOtherIsCaught(
                        reception,
                        sequence,
                        reception(other),
                        "precision " + other.name().toLowerCase(java.util.Locale.ROOT));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void block_truncatedAnywhere_isCaught(Precision precision) {
        Reception reception = reception(precision);
        TargetSequence sequence = reception.sequence(new SplittableRandom(59));
        ByteString block = reception.encode(sequence, reception.columns(sequence));
        for (int bytes = 0; bytes < block.size(); bytes += 7) {
            reception.assertCaught(sequence, block.substring(0, bytes), "target block");
        }
    }

    @ParameterizedTest
    @EnumSource
    void block_anyBitFlipped_isCaught(Precision precision) {
        Reception reception = reception(precision);
        TargetSequence sequence = TargetSequence.whole(17, new int[] {3, 1, 4, 1});
        byte[] block = reception.encode(sequence, reception.columns(sequence)).toByteArray();
        for (int bit = 0; bit < 8 * block.length; bit++) {
            byte[] flipped = block.clone();
            flipped[bit / 8] ^= (byte) (1 << (bit % 8));
            reception.assertCaught(sequence, ByteString.copyFrom(flipped), "target block");
        }
    }

    @Test
    void finish_beforeAllRows_isCaught() {
        Reception reception = reception(Precision.EXACT);
        TargetSequence sequence = reception.sequence(new SplittableRandom(69));
        RowAssembly assembly = reception.assembly(sequence);

        assertThatThrownBy(() -> assembly.finish(sequence.positions().length))
                .isInstanceOf(MisalignedTargetsException.class)
                .hasMessageContaining("done after 0 rows");
    }

    @Test
    void take_swappedAnswers_failsBothAndHandsOutTheRest() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            TargetSequence one = TargetSequence.whole(0, new int[] {1, 2, 3, 4});
            TargetSequence two = TargetSequence.whole(1, new int[] {4, 3, 2, 1});
            TargetSequence three = TargetSequence.whole(2, new int[] {5, 6, 7});
            teacher.answering = asked -> {
                TargetSequence answered = asked.tokens().length == 3
                        ? asked.asTarget()
                        : Arrays.equals(asked.tokens(), one.tokens()) ? two : one;
                int rows = asked.positions().length;
                asked.block(0, teacher.model.block(answered, 0, rows, asked.identity));
                asked.done(rows);
            };
            List.of(one, two, three).forEach(stream::offer);

            assertThatThrownBy(stream::take)
                    .isInstanceOf(MisalignedTargetsException.class)
                    .hasMessageContaining("sequence 0, position 0: rows digest");
            assertThatThrownBy(stream::take)
                    .isInstanceOf(MisalignedTargetsException.class)
                    .hasMessageContaining("sequence 1, position 0: rows digest");
            Students.assertExactly(List.of(stream.take()), List.of(three), teacher.model);
            assertThat(stream.statistics().received().sequences()).isEqualTo(1);
            assertThat(stream.statistics().failedSequences()).isEqualTo(2);
            assertThat(stream.statistics().discardedBytes()).isPositive();
        }
    }

    private static void assertOtherIsCaught(
            Reception reception, TargetSequence sequence, Reception other, String what) {
        reception.assertCaught(sequence, other.encode(sequence, other.columns(sequence)), what);
    }
}
