package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.v1.Rows;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import java.util.SplittableRandom;

/**
 * A sequence's rows as a server would send them, and a client's checks on them, without a network.
 *
 * @param identity what the stream was opened with
 */
record Reception(BlockIdentity identity) {
    static final RandomLogits MODEL = new RandomLogits(FakeTeacher.VOCABULARY, 5);
    private static final byte[] FINGERPRINT = new byte[Digests.SHORT_BYTES];

    static Reception of(TargetRequest request) {
        return new Reception(RequestedRows.identity(
                request, FakeTeacher.VOCABULARY, new byte[BlockHeader.TEACHER_DIGEST_BYTES], FINGERPRINT));
    }

    /** A sequence of any length, number 17. */
    TargetSequence sequence(SplittableRandom random) {
        return RequestedRows.sequence(17, random.nextInt(12, 40), MODEL, identity.selection(), random);
    }

    RowColumns columns(TargetSequence sequence) {
        return MODEL.columns(sequence, identity.selection());
    }

    ByteString encode(TargetSequence sequence, RowColumns columns) {
        int rows = sequence.positions().length;
        return ByteString.copyFrom(BlockEncoder.encode(
                new BlockHeader(
                        identity.vocabularySize(),
                        identity.selection(),
                        identity.precision(),
                        identity.rawLogits(),
                        identity.teacherDigest(),
                        identity.fingerprintDigest(),
                        Digests.rows(sequence.teacherTokens(), sequence.teacherPositions(), 0, rows),
                        sequence.teacherPositions()),
                columns,
                0));
    }

    RowAssembly assembly(TargetSequence sequence) {
        return new RowAssembly(sequence, identity, new RowCheck(identity));
    }

    Targets receive(TargetSequence sequence, ByteString block) {
        RowAssembly assembly = assembly(sequence);
        assembly.add(message(sequence.teacherPositions()[0], block), RowSource.COMPUTED);
        return assembly.finish(sequence.positions().length);
    }

    void assertCaught(TargetSequence sequence, ByteString block, String what) {
        assertThatThrownBy(() -> receive(sequence, block))
                .isInstanceOf(MisalignedTargetsException.class)
                .hasMessageStartingWith("sequence 17, position ")
                .hasMessageContaining(what)
                .hasMessageContaining("(expected: ");
    }

    static Rows message(int firstPosition, ByteString block) {
        return Rows.newBuilder().setFirstPosition(firstPosition).setBlock(block).build();
    }

    /** The same stream of another teacher, vocabulary or selection. */
    Reception with(byte[] teacherDigest, byte[] fingerprint, int vocabularySize, Selection selection) {
        return new Reception(new BlockIdentity(
                selection, identity.precision(), identity.rawLogits(), vocabularySize, teacherDigest, fingerprint));
    }
}
