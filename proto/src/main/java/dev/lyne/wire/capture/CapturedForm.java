package dev.lyne.wire.capture;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.wire.Containment;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;

/**
 * The form of rows: which entries are kept, how they are coded.
 *
 * @param rawLogits whether rows carry raw logits beside the log-probabilities
 */
public record CapturedForm(Selection selection, Precision precision, boolean rawLogits) {
    public CapturedForm {
        if (selection.keepsChosen()) {
            throw new IllegalArgumentException("selection: " + selection
                    + " (expected: one that the student has no part in; chosen ids change as it learns)");
        }
    }

    /**
     * Why rows of this form do not answer requests for another, where they do not. Whether single rows do may still depend on what
     * they hold.
     *
     * @param narrowing whether entries may be cut out of wider rows; temperatures may be left out in any case
     */
    public Optional<String> refusal(CapturedForm wanted, int vocabularySize, boolean narrowing) {
        if (precision != wanted.precision || rawLogits != wanted.rawLogits) {
            return Optional.of(wanted + " (expected: " + this + ", as it was captured)");
        }
        if (!Containment.answers(selection, wanted.selection, precision, vocabularySize, 0)) {
            return Optional.of(wanted.selection + " (expected: one that the captured " + selection + " contains)");
        }
        if (!narrowing && !sameEntries(wanted.selection, vocabularySize)) {
            return Optional.of(wanted.selection + " (expected: " + selection
                    + ", as it was captured: a deterministic teacher's rows are not cut)");
        }
        return Optional.empty();
    }

    /** Each contains the other but for temperatures, so that they keep the same entries. */
    private boolean sameEntries(Selection wanted, int vocabularySize) {
        return wanted.equals(selection)
                || wanted.withTemperatures(selection.temperatures()).contains(selection, vocabularySize, 0);
    }

    void putIdentity(SortedMap<String, String> identity) {
        identity.put("rows.selection", selection.toString());
        identity.put("rows.precision", precision.toString());
        identity.put("rows.raw_logits", Boolean.toString(rawLogits));
    }

    @Override
    public String toString() {
        return selection + " in " + precision.name().toLowerCase(Locale.ROOT) + (rawLogits ? " with raw logits" : "");
    }
}
