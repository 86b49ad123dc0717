package dev.lyne.wire.capture;

import dev.lyne.wire.Selection;
import java.util.List;

/** Selections that differ by their temperatures alone. */
final class Selections {
    private Selections() {}

    static Selection withTemperatures(Selection selection, List<Float> temperatures) {
        if (selection instanceof Selection.TopK rule) {
            return new Selection.TopK(rule.k(), temperatures);
        } else if (selection instanceof Selection.TopPK rule) {
            return new Selection.TopPK(rule.p(), rule.k(), rule.truncationTemperature(), temperatures);
        } else if (selection instanceof Selection.TopFraction rule) {
            return new Selection.TopFraction(rule.fraction(), temperatures);
        } else if (selection instanceof Selection.Draws rule) {
            return new Selection.Draws(rule.draws(), rule.head(), rule.seed(), temperatures);
        } else if (selection instanceof Selection.Chosen rule) {
            return new Selection.Chosen(rule.k(), temperatures);
        }
        return new Selection.LabelOnly(temperatures);
    }
}
