package dev.lyne.client;

import com.google.protobuf.UnsafeByteOperations;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.v1.Rows;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.Digests;
import io.grpc.Status;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;

/** Makes targets of blocks that were kept somewhere, under the checks that blocks from a server undergo. One thread. */
public final class StoredTargets {
    private final TargetRequest request;
    private final TeacherDescription teacher;
    private final BlockIdentity identity;
    private final RowCheck check;

    /**
     * @param request what is asked for
     * @param teacher whose rows the blocks hold
     */
    public StoredTargets(TargetRequest request, TeacherDescription teacher) {
        this.request = request;
        this.teacher = teacher;
        this.identity = new BlockIdentity(
                request.selection(),
                request.precision(),
                request.rawLogits(),
                teacher.vocabularySize(),
                HexFormat.of().parseHex(teacher.modelDigest()),
                Digests.fingerprint(teacher.fingerprint().toMessage()),
                teacher.tailError());
        this.check = new RowCheck(identity);
    }

    /**
     * Refuses another teacher than the expected one.
     *
     * @param name where its rows are, for the message
     * @throws TeacherMismatchException naming what differs
     */
    public static void requireExpected(String name, TeacherDescription teacher, TeacherExpectation expectation) {
        TeacherAgreement.requireExpected(name, teacher, expectation);
    }

    /** Returns the failure of one sequence for good. */
    public static SequenceFailedException failed(TargetSequence sequence, Status.Code code, String description) {
        return new SequenceFailedException(sequence.id(), code, description);
    }

    /** The teacher. */
    public TeacherDescription teacher() {
        return teacher;
    }

    /** Returns the selection that is asked for. */
    public Selection selection() {
        return request.selection();
    }

    /** Refuses tokens, positions or choices that the teacher cannot have answered. */
    public void requireFits(TargetSequence sequence) {
        sequence.requireFits(teacher, request.selection());
    }

    /**
     * The targets of a sequence, from all its blocks in order.
     *
     * @param narrowed whether the rows were cut from a wider selection
     * @throws MisalignedTargetsException where the blocks are not an answer to the sequence
     */
    public Targets read(TargetSequence sequence, List<ByteBuffer> blocks, RowSource source, boolean narrowed) {
        RowAssembly assembly = new RowAssembly(sequence, identity, check);
        int rows = 0;
        for (ByteBuffer block : blocks) {
            int[] positions = BlockDecoder.header(block).positions();
            rows += positions.length;
            assembly.add(
                    Rows.newBuilder()
                            .setFirstPosition(positions[0])
                            .setBlock(UnsafeByteOperations.unsafeWrap(block.duplicate()))
                            .setNarrowed(narrowed)
                            .build(),
                    source);
        }
        return assembly.finish(rows);
    }
}
