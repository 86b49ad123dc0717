package dev.lyne.student.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.RowColumns;
import dev.lyne.wire.Selection;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Whatever is done to the rows of a sequence, the student notices: it never trains on them. */
final class MisalignedRowsTest {
    private static final int ROUNDS = 60;
    private static final byte[] FINGERPRINT = new byte[Digests.SHORT_BYTES];
    private static final FakeRows MODEL = new FakeRows(FakeTeacher.VOCABULARY, 5);

    private static final BlockIdentity IDENTITY =
            new BlockIdentity(Students.SELECTION, FakeTeacher.VOCABULARY, new byte[32], FINGERPRINT);

    /** A sequence whose data tokens are likely ones, as in text that a teacher is good at. */
    private static TargetSequence sequence(SplittableRandom random) {
        int[] tokens = new int[random.nextInt(12, 40)];
        tokens[0] = random.nextInt(FakeTeacher.VOCABULARY);
        for (int t = 1; t < tokens.length; t++) {
            RowColumns row = MODEL.columns(Arrays.copyOf(tokens, t), new int[] {t - 1}, Students.SELECTION);
            tokens[t] = random.nextInt(4) == 0
                    ? random.nextInt(FakeTeacher.VOCABULARY)
                    : row.ids()[random.nextInt(row.stride())];
        }
        return TargetSequence.whole(17, tokens);
    }

    private static ByteString encode(TargetSequence sequence, BlockIdentity identity, RowColumns columns) {
        int rows = sequence.positions().length;
        return ByteString.copyFrom(BlockEncoder.encode(
                new BlockHeader(
                        identity.vocabularySize(),
                        identity.selection(),
                        identity.teacherDigest(),
                        identity.fingerprintDigest(),
                        Digests.rows(sequence.tokens(), sequence.positions(), 0, rows),
                        sequence.positions()),
                columns,
                0));
    }

    private static RowColumns columns(TargetSequence sequence) {
        return MODEL.columns(sequence.tokens(), sequence.positions(), Students.SELECTION);
    }

    private static Targets receive(TargetSequence sequence, ByteString block) {
        RowAssembly assembly = new RowAssembly(sequence, IDENTITY, new RowCheck(FakeTeacher.VOCABULARY));
        assembly.add(sequence.positions()[0], block, RowSource.COMPUTED);
        return assembly.finish(sequence.positions().length);
    }

    private static void assertCaught(TargetSequence sequence, ByteString block, String what) {
        assertThatThrownBy(() -> receive(sequence, block))
                .isInstanceOf(MisalignedTargetsException.class)
                .hasMessageStartingWith("sequence 17, position ")
                .hasMessageContaining(what)
                .hasMessageContaining("(expected: ");
    }

    /** Alters correct columns under a correct header and checksum, as a server with a fault would. */
    private static void assertAlteredRowsAreCaught(long seed, Consumer<RowColumns> alteration) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = sequence(random);
            RowColumns columns = columns(sequence);
            alteration.accept(columns);
            ByteString block = encode(sequence, IDENTITY, columns);
            assertThatThrownBy(() -> receive(sequence, block))
                    .as("seed %s, round %s", seed, round)
                    .isInstanceOf(MisalignedTargetsException.class);
        }
    }

    @Test
    void rows_unaltered_areHandedOut() {
        SplittableRandom random = new SplittableRandom(50);
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = sequence(random);
            assertThatCode(() -> receive(sequence, encode(sequence, IDENTITY, columns(sequence))))
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void rows_shiftedByOnePosition_areCaught() {
        SplittableRandom random = new SplittableRandom(51);
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = sequence(random);
            int[] later = Arrays.stream(sequence.positions())
                    .map(t -> Math.min(t + 1, sequence.positions().length - 1))
                    .toArray();
            RowColumns shifted = MODEL.columns(sequence.tokens(), later, Students.SELECTION);
            assertThatThrownBy(() -> receive(sequence, encode(sequence, IDENTITY, shifted)))
                    .as("seed 51, round %s", round)
                    .isInstanceOf(MisalignedTargetsException.class);
        }
    }

    @Test
    void rows_ofAnotherSequenceUnderThisHeader_areCaught() {
        SplittableRandom random = new SplittableRandom(52);
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = sequence(random);
            int[] others = sequence(random).tokens();
            int[] tokens = sequence.tokens().clone();
            Arrays.setAll(tokens, t -> others[t % others.length]);
            RowColumns swapped = MODEL.columns(tokens, sequence.positions(), Students.SELECTION);
            assertThatThrownBy(() -> receive(sequence, encode(sequence, IDENTITY, swapped)))
                    .as("seed 52, round %s", round)
                    .isInstanceOf(MisalignedTargetsException.class);
        }
    }

    @Test
    void block_ofAnotherSequence_isCaughtByItsDigest() {
        SplittableRandom random = new SplittableRandom(53);
        TargetSequence sequence = sequence(random);
        int[] others = sequence.tokens().clone();
        others[others.length / 2] = (others[others.length / 2] + 1) % FakeTeacher.VOCABULARY;
        TargetSequence other = TargetSequence.whole(18, others);

        assertCaught(sequence, encode(other, IDENTITY, columns(other)), "rows digest");
    }

    @Test
    void block_ofPositionsOffByOne_isCaught() {
        TargetSequence sequence = sequence(new SplittableRandom(54));
        int[] later = Arrays.copyOfRange(sequence.positions(), 1, sequence.positions().length);
        TargetSequence shifted = new TargetSequence(17, sequence.tokens(), later);
        ByteString block = encode(shifted, IDENTITY, columns(shifted));

        assertCaught(sequence, block, "positions from 1");
        RowAssembly assembly = new RowAssembly(sequence, IDENTITY, new RowCheck(FakeTeacher.VOCABULARY));
        assertThatThrownBy(() -> assembly.add(1, block, RowSource.COMPUTED))
                .hasMessage("sequence 17, position 1: a block that starts there (expected: the block of position 0)");
    }

    @Test
    void block_ofAnotherTeacher_isCaught() {
        TargetSequence sequence = sequence(new SplittableRandom(55));
        byte[] digest = new byte[32];
        digest[31] = 1;
        BlockIdentity other = new BlockIdentity(Students.SELECTION, FakeTeacher.VOCABULARY, digest, FINGERPRINT);

        assertCaught(sequence, encode(sequence, other, columns(sequence)), "teacher digest " + "00".repeat(31) + "01");
    }

    @Test
    void block_ofAnotherMachine_isCaught() {
        TargetSequence sequence = sequence(new SplittableRandom(56));
        byte[] fingerprint = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        BlockIdentity other = new BlockIdentity(Students.SELECTION, FakeTeacher.VOCABULARY, new byte[32], fingerprint);

        assertCaught(sequence, encode(sequence, other, columns(sequence)), "fingerprint digest 01");
    }

    @Test
    void block_ofAnotherVocabulary_isCaught() {
        TargetSequence sequence = sequence(new SplittableRandom(57));
        BlockIdentity other =
                new BlockIdentity(Students.SELECTION, FakeTeacher.VOCABULARY + 4, new byte[32], FINGERPRINT);

        assertCaught(sequence, encode(sequence, other, columns(sequence)), "vocabulary size 64");
    }

    @Test
    void block_ofAnotherSelection_isCaught() {
        TargetSequence sequence = sequence(new SplittableRandom(58));
        for (Selection selection : List.of(
                new Selection.TopK(9, List.of(0.5f, 2f)),
                new Selection.TopK(8, List.of(2f, 0.5f)),
                new Selection.TopPK(1.0, 8, 1f, List.of(0.5f, 2f)))) {
            BlockIdentity other = new BlockIdentity(selection, FakeTeacher.VOCABULARY, new byte[32], FINGERPRINT);
            RowColumns columns = MODEL.columns(sequence.tokens(), sequence.positions(), selection);

            assertCaught(sequence, encode(sequence, other, columns), "selection Top");
        }
    }

    @Test
    void block_truncatedAnywhere_isCaught() {
        TargetSequence sequence = sequence(new SplittableRandom(59));
        ByteString block = encode(sequence, IDENTITY, columns(sequence));
        for (int bytes = 0; bytes < block.size(); bytes += 7) {
            assertCaught(sequence, block.substring(0, bytes), "target block");
        }
    }

    @Test
    void block_anyBitFlipped_isCaught() {
        TargetSequence sequence = TargetSequence.whole(17, new int[] {3, 1, 4, 1});
        byte[] block = encode(sequence, IDENTITY, columns(sequence)).toByteArray();
        for (int bit = 0; bit < 8 * block.length; bit++) {
            byte[] flipped = block.clone();
            flipped[bit / 8] ^= (byte) (1 << (bit % 8));
            assertCaught(sequence, ByteString.copyFrom(flipped), "target block");
        }
    }

    @Test
    void rows_oneIdAltered_areCaughtWhereItIsTheDataToken() {
        SplittableRandom random = new SplittableRandom(60);
        int altered = 0;
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = sequence(random);
            RowColumns columns = columns(sequence);
            int row = random.nextInt(sequence.positions().length);
            // Not the last entry: a token left out may be as likely as that one.
            int at = row * columns.stride() + random.nextInt(columns.stride() - 1);
            if (columns.ids()[at] != sequence.tokens()[row + 1]) {
                continue;
            }
            altered++;
            columns.ids()[at] = absent(columns, row);
            assertCaught(sequence, encode(sequence, IDENTITY, columns), "which is not kept");
        }
        assertThat(altered).isPositive();
    }

    @Test
    void rows_oneIdMadeTheDataToken_areCaught() {
        SplittableRandom random = new SplittableRandom(61);
        int altered = 0;
        for (int round = 0; round < ROUNDS; round++) {
            TargetSequence sequence = sequence(random);
            RowColumns columns = columns(sequence);
            int row = random.nextInt(sequence.positions().length);
            int data = sequence.tokens()[row + 1];
            int at = row * columns.stride() + random.nextInt(columns.stride());
            if (columns.ids()[at] == data) {
                continue;
            }
            altered++;
            columns.ids()[at] = data;
            assertThatThrownBy(() -> receive(sequence, encode(sequence, IDENTITY, columns)))
                    .isInstanceOf(MisalignedTargetsException.class);
        }
        assertThat(altered).isPositive();
    }

    @Test
    void rows_oneIdTwice_areCaught() {
        assertAlteredRowsAreCaught(
                62, columns -> columns.ids()[2 * columns.stride() + 1] = columns.ids()[2 * columns.stride() + 4]);
    }

    @Test
    void rows_outOfOrder_areCaught() {
        assertAlteredRowsAreCaught(63, columns -> {
            float first = columns.logProbabilities()[columns.stride()];
            columns.logProbabilities()[columns.stride()] = columns.logProbabilities()[columns.stride() + 1];
            columns.logProbabilities()[columns.stride() + 1] = first;
        });
    }

    @Test
    void rows_massNotOne_areCaught() {
        assertAlteredRowsAreCaught(64, columns -> columns.logTailMass()[3] += 0.01f);
        assertAlteredRowsAreCaught(65, columns -> columns.logTailMass()[3] = Float.NEGATIVE_INFINITY);
    }

    @Test
    void rows_dataLogProbabilityABitOff_areCaughtWhereKept() {
        SplittableRandom random = new SplittableRandom(66);
        TargetSequence sequence = sequence(random);
        RowColumns columns = columns(sequence);
        int caught = 0;
        for (int row = 0; row < sequence.positions().length; row++) {
            RowColumns altered = columns(sequence);
            altered.dataLogProbability()[row] = Math.nextDown(columns.dataLogProbability()[row]);
            if (columns.dataLogProbability()[row] >= columns.logProbabilities()[(row + 1) * columns.stride() - 1]) {
                caught++;
                assertCaught(sequence, encode(sequence, IDENTITY, altered), "data log-probability");
            }
        }
        assertThat(caught).isPositive();
    }

    @Test
    void rows_offsetsOfAnotherTemperature_areCaught() {
        assertAlteredRowsAreCaught(67, columns -> {
            float first = columns.temperatureOffsets()[4];
            columns.temperatureOffsets()[4] = columns.temperatureOffsets()[5];
            columns.temperatureOffsets()[5] = first;
        });
    }

    @Test
    void rows_fewerThanK_areCaught() {
        assertAlteredRowsAreCaught(68, columns -> columns.counts()[1]--);
    }

    @Test
    void finish_beforeAllRows_isCaught() {
        TargetSequence sequence = sequence(new SplittableRandom(69));
        RowAssembly assembly = new RowAssembly(sequence, IDENTITY, new RowCheck(FakeTeacher.VOCABULARY));

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
                int[] tokens = asked.tokens().length == 3
                        ? asked.tokens()
                        : Arrays.equals(asked.tokens(), one.tokens()) ? two.tokens() : one.tokens();
                int rows = asked.positions().length;
                asked.block(0, teacher.model.block(tokens, asked.positions(), 0, rows, asked.identity));
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
            assertThat(stream.statistics().receivedSequences()).isEqualTo(1);
            assertThat(stream.statistics().failedSequences()).isEqualTo(2);
            assertThat(stream.statistics().discardedBytes()).isPositive();
        }
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
