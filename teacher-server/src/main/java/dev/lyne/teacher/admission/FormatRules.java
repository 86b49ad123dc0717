package dev.lyne.teacher.admission;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.v1.OpenStream;
import dev.lyne.wire.RowFormat;

/** Rules for the rows that may be asked for: an opening's selection, precision and raw logits. */
final class FormatRules {
    private FormatRules() {}

    /** @throws IllegalArgumentException with the value and the expectation */
    static RowFormat check(OpenStream open, TeacherDescription teacher, ServerLimits limits) {
        int temperatures = open.getSelection().getTemperaturesCount();
        if (temperatures > limits.maxTemperatures()) {
            throw new IllegalArgumentException(
                    "temperatures: " + temperatures + " (expected: at most " + limits.maxTemperatures() + ")");
        }
        Selection selection = Selection.of(open.getSelection());
        Precision precision = precision(open);
        RowFormat format =
                new RowFormat(selection, precision, open.getSelection().getRawLogits());
        selection.checkFits(teacher.vocabularySize());
        checkEntries(format, teacher, limits);
        return format;
    }

    private static Precision precision(OpenStream open) {
        return switch (open.getPrecision()) {
            case PRECISION_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalArgumentException(
                        "precision: " + open.getPrecisionValue() + " (expected: exact, half or compact)");
            default -> Precision.of(open.getPrecision());
        };
    }

    private static void checkEntries(RowFormat format, TeacherDescription teacher, ServerLimits limits) {
        int k = format.selection().mostEntries(teacher.vocabularySize());
        if (k > limits.maxK()) {
            throw new IllegalArgumentException("k: " + k + " (expected: 1.." + limits.maxK() + ")");
        }
        int rowBytes = format.maxRowBytes(teacher.vocabularySize());
        if (rowBytes > limits.maxBlockBytes()) {
            throw new IllegalArgumentException("selection: rows of up to " + rowBytes
                    + " bytes (expected: rows that fit into a block of " + limits.maxBlockBytes() + ")");
        }
        int mostChosen = RequestSize.mostChosen(teacher.contextLength());
        if (format.selection().keepsChosen() && k > mostChosen) {
            throw new IllegalArgumentException("chosen.k: " + k + " (expected: at most " + mostChosen
                    + ", so that a sequence of context_length fits into a request)");
        }
    }
}
