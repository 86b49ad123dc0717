package dev.lyne.client;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Every kind of rows that a student can ask for, and sequences to ask for them. */
final class RequestedRows {
    static final int CHOSEN = 5;

    /** Selections, one of each kind. */
    static final List<Selection> SELECTIONS = List.of(
            new Selection.TopK(8, List.of(0.5f, 2f)),
            new Selection.TopPK(0.8, 30, 1f, List.of(2f)),
            new Selection.TopFraction(0.15, List.of()),
            new Selection.Draws(40, 0, 7, List.of()),
            new Selection.Draws(20, 4, 8, List.of(2f)),
            new Selection.Chosen(CHOSEN, List.of(0.5f)),
            new Selection.LabelOnly(List.of(2f)));

    private RequestedRows() {}

    /** Every selection in every precision, with raw logits where the precision has them. */
    static Stream<TargetRequest> requests() {
        return SELECTIONS.stream()
                .flatMap(selection -> Stream.of(
                        new TargetRequest(selection, Precision.EXACT, false, TeacherExpectation.any()),
                        new TargetRequest(selection, Precision.EXACT, true, TeacherExpectation.any()),
                        new TargetRequest(selection, Precision.HALF, false, TeacherExpectation.any()),
                        new TargetRequest(selection, Precision.HALF, true, TeacherExpectation.any()),
                        new TargetRequest(selection, Precision.COMPACT, false, TeacherExpectation.any())));
    }

    /** Returns the requests whose rows keep entries. */
    static Stream<TargetRequest> requestsWithEntries() {
        return requests().filter(request -> !(request.selection() instanceof Selection.LabelOnly));
    }

    /** A sequence whose labels are likely ones, as in text that a teacher is good at; chosen tokens are likely ones too. */
    static TargetSequence sequence(
            long id, int tokenCount, RandomLogits model, Selection selection, SplittableRandom random) {
        Selection likely = new Selection.TopK(8, List.of());
        int[] tokens = new int[tokenCount];
        int[][] chosen = new int[tokenCount - 1][];
        tokens[0] = random.nextInt(model.vocabularySize());
        for (int t = 1; t < tokens.length; t++) {
            RowColumns row = model.columns(Arrays.copyOf(tokens, t), new int[] {t - 1}, new int[0][], likely);
            tokens[t] = random.nextInt(4) == 0
                    ? random.nextInt(model.vocabularySize())
                    : row.ids()[random.nextInt(row.stride())];
            chosen[t - 1] = Arrays.copyOf(row.ids(), random.nextInt(1, CHOSEN + 1));
        }
        int[] positions = IntStream.range(0, tokenCount - 1).toArray();
        return new TargetSequence(id, tokens, positions, selection instanceof Selection.Chosen ? chosen : new int[0][]);
    }

    static BlockIdentity identity(TargetRequest request, int vocabularySize, byte[] teacher, byte[] fingerprint) {
        return new BlockIdentity(
                request.selection(), request.precision(), request.rawLogits(), vocabularySize, teacher, fingerprint);
    }
}
