package dev.lyne.client;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.v1.ChosenTokens;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.PositionRange;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.SequenceDone;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** Mutations of a wire between a student and a teacher server, message by message, under checksums that are right. */
public final class WireMutations {
    private WireMutations() {}

    /** Rows each hold what the next one should, the last but one twice. */
    public static Function<ScoreSequencesResponse, List<ScoreSequencesResponse>> rowsShiftedByOne(int tokens) {
        return onRows(rows ->
                rows.setBlock(ChangedBlocks.withRows(rows.getBlock(), row -> Math.min(row + 1, tokens - 2))));
    }

    /** The answers to the first two sequences under each other's id, once both are there. */
    public static Function<ScoreSequencesResponse, List<ScoreSequencesResponse>> sequencesSwapped() {
        List<ScoreSequencesResponse> held = new ArrayList<>();
        return message -> {
            if (message.hasRows()) {
                Rows.Builder rows = message.getRows().toBuilder();
                held.add(message.toBuilder()
                        .setRows(rows.setId(3 - rows.getId()))
                        .build());
            } else if (message.hasDone()) {
                SequenceDone.Builder done = message.getDone().toBuilder();
                held.add(message.toBuilder()
                        .setDone(done.setId(3 - done.getId()))
                        .build());
            } else {
                return List.of(message);
            }
            return held.stream().filter(ScoreSequencesResponse::hasDone).count() == 2 ? List.copyOf(held) : List.of();
        };
    }

    /** Another token id amid a sequence, under a checksum that fits. */
    public static UnaryOperator<ScoreSequencesRequest> tokenChanged(int vocabularySize) {
        return onSequence(sequence -> {
            changeToken(sequence, vocabularySize);
            sequence.setTokenIdsCrc32C(Digests.tokenChecksum(sequence.getTokenIdsList().stream()
                    .mapToInt(Integer::intValue)
                    .toArray()));
        });
    }

    /** Another token id amid a sequence, under the checksum of the right ones. */
    static UnaryOperator<ScoreSequencesRequest> tokenChangedUnderItsChecksum(int vocabularySize) {
        return onSequence(sequence -> changeToken(sequence, vocabularySize));
    }

    /** All positions but the first, where all were asked for. */
    public static UnaryOperator<ScoreSequencesRequest> positionsOffByOne(int tokens) {
        return onSequence(sequence -> {
            sequence.setPositions(0, PositionRange.newBuilder().setFirst(1).setCount(tokens - 2));
            if (sequence.getChosenCount() > 0) {
                sequence.removeChosen(0);
            }
        });
    }

    /** Another token amid those that the student chose. */
    static UnaryOperator<ScoreSequencesRequest> chosenTokenChanged(int vocabularySize) {
        return onSequence(sequence -> {
            ChosenTokens.Builder tokens = sequence.getChosen(4).toBuilder();
            int token = tokens.getTokenIds(0);
            do {
                token = (token + 1) % vocabularySize;
            } while (tokens.getTokenIdsList().contains(token));
            sequence.setChosen(4, tokens.setTokenIds(0, token));
        });
    }

    /** Blocks that name another teacher. */
    public static Function<ScoreSequencesResponse, List<ScoreSequencesResponse>> anotherTeacher() {
        return onHeaders(header -> {
            byte[] digest = header.teacherDigest().clone();
            digest[0] ^= 1;
            return changed(header, digest, header.positions());
        });
    }

    /** Blocks whose last position is one further on. */
    static Function<ScoreSequencesResponse, List<ScoreSequencesResponse>> lastPositionLater() {
        return onHeaders(header -> {
            int[] later = header.positions().clone();
            later[later.length - 1]++;
            return changed(header, header.teacherDigest(), later);
        });
    }

    /** A stream of another selection. */
    public static UnaryOperator<ScoreSequencesRequest> anotherSelection(Selection other, boolean rawLogits) {
        return onOpen(open -> open.setSelection(other.toMessage().toBuilder().setRawLogits(rawLogits)));
    }

    /** A stream of another precision. */
    public static UnaryOperator<ScoreSequencesRequest> anotherPrecision(Precision other) {
        return onOpen(open -> open.setPrecision(other.toMessage()));
    }

    static UnaryOperator<ScoreSequencesRequest> onOpen(UnaryOperator<OpenStream.Builder> change) {
        return message -> message.hasOpen()
                ? message.toBuilder()
                        .setOpen(change.apply(message.getOpen().toBuilder()))
                        .build()
                : message;
    }

    static Function<ScoreSequencesResponse, List<ScoreSequencesResponse>> onRows(UnaryOperator<Rows.Builder> change) {
        return message -> List.of(
                message.hasRows()
                        ? message.toBuilder()
                                .setRows(change.apply(message.getRows().toBuilder()))
                                .build()
                        : message);
    }

    private static Function<ScoreSequencesResponse, List<ScoreSequencesResponse>> onHeaders(
            UnaryOperator<BlockHeader> change) {
        return onRows(rows -> rows.setBlock(ChangedBlocks.withHeader(rows.getBlock(), change)));
    }

    private static UnaryOperator<ScoreSequencesRequest> onSequence(Consumer<Sequence.Builder> change) {
        return message -> {
            if (!message.hasSequence()) {
                return message;
            }
            Sequence.Builder sequence = message.getSequence().toBuilder();
            change.accept(sequence);
            return message.toBuilder().setSequence(sequence).build();
        };
    }

    private static void changeToken(Sequence.Builder sequence, int vocabularySize) {
        sequence.setTokenIds(20, (sequence.getTokenIds(20) + 1) % vocabularySize);
    }

    private static BlockHeader changed(BlockHeader header, byte[] teacher, int[] positions) {
        return new BlockHeader(
                header.vocabularySize(),
                header.selection(),
                header.precision(),
                header.rawLogits(),
                teacher,
                header.fingerprintDigest(),
                header.rowsDigest(),
                positions);
    }
}
