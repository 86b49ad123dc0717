package dev.lyne.wire;

import dev.lyne.v1.Chosen;
import dev.lyne.v1.Draws;
import dev.lyne.v1.LabelOnly;
import dev.lyne.v1.SelectionKind;
import dev.lyne.v1.TopFraction;
import dev.lyne.v1.TopK;
import dev.lyne.v1.TopPK;
import java.util.List;

/** Selections and precisions as messages of the contract, there and back. */
public final class SelectionMessages {
    private SelectionMessages() {}

    /** The selection of a message; refuses one out of range, or without a rule, with the value and the expectation. */
    public static Selection from(dev.lyne.v1.Selection message) {
        List<Float> temperatures = message.getTemperaturesList();
        return switch (message.getRuleCase()) {
            case TOP_K -> new Selection.TopK(count("top_k.k", message.getTopK().getK()), temperatures);
            case TOP_P_K -> {
                TopPK rule = message.getTopPK();
                float temperature = rule.getTruncationTemperature() == 0 ? 1f : rule.getTruncationTemperature();
                yield new Selection.TopPK(rule.getP(), count("top_p_k.k", rule.getK()), temperature, temperatures);
            }
            case TOP_FRACTION ->
                new Selection.TopFraction(message.getTopFraction().getFraction(), temperatures);
            case DRAWS -> {
                Draws rule = message.getDraws();
                yield new Selection.Draws(
                        count("draws.draws", rule.getDraws()),
                        count("draws.head", rule.getHead()),
                        rule.getSeed(),
                        temperatures);
            }
            case CHOSEN ->
                new Selection.Chosen(count("chosen.k", message.getChosen().getK()), temperatures);
            case LABEL_ONLY -> new Selection.LabelOnly(temperatures);
            case RULE_NOT_SET ->
                throw new IllegalArgumentException(
                        "selection: no rule (expected: top_k, top_p_k, top_fraction, draws, chosen or label_only)");
        };
    }

    /** A number that the contract has as an unsigned one, which Java has not. */
    private static int count(String name, int value) {
        if (value < 0) {
            throw new IllegalArgumentException(
                    name + ": " + Integer.toUnsignedString(value) + " (expected: at most " + Integer.MAX_VALUE + ")");
        }
        return value;
    }

    /** The message of a selection. */
    public static dev.lyne.v1.Selection toMessage(Selection selection) {
        var message = dev.lyne.v1.Selection.newBuilder().addAllTemperatures(selection.temperatures());
        if (selection instanceof Selection.TopK rule) {
            message.setTopK(TopK.newBuilder().setK(rule.k()));
        } else if (selection instanceof Selection.TopPK rule) {
            message.setTopPK(TopPK.newBuilder()
                    .setP(rule.p())
                    .setK(rule.k())
                    .setTruncationTemperature(rule.truncationTemperature()));
        } else if (selection instanceof Selection.TopFraction rule) {
            message.setTopFraction(TopFraction.newBuilder().setFraction(rule.fraction()));
        } else if (selection instanceof Selection.Draws rule) {
            message.setDraws(Draws.newBuilder()
                    .setDraws(rule.draws())
                    .setHead(rule.head())
                    .setSeed(rule.seed()));
        } else if (selection instanceof Selection.Chosen rule) {
            message.setChosen(Chosen.newBuilder().setK(rule.k()));
        } else {
            message.setLabelOnly(LabelOnly.getDefaultInstance());
        }
        return message.build();
    }

    /** The kind of a selection, as teachers list those that they answer. */
    public static SelectionKind kind(Selection selection) {
        return switch (toMessage(selection).getRuleCase()) {
            case TOP_K -> SelectionKind.SELECTION_KIND_TOP_K;
            case TOP_P_K -> SelectionKind.SELECTION_KIND_TOP_P_K;
            case TOP_FRACTION -> SelectionKind.SELECTION_KIND_TOP_FRACTION;
            case DRAWS -> SelectionKind.SELECTION_KIND_DRAWS;
            case CHOSEN -> SelectionKind.SELECTION_KIND_CHOSEN;
            case LABEL_ONLY -> SelectionKind.SELECTION_KIND_LABEL_ONLY;
            case RULE_NOT_SET -> SelectionKind.SELECTION_KIND_UNSPECIFIED;
        };
    }

    /** The precision of a message; refuses one that is not stated or not known. */
    public static Precision precision(dev.lyne.v1.Precision message) {
        return switch (message) {
            case PRECISION_EXACT -> Precision.EXACT;
            case PRECISION_HALF -> Precision.HALF;
            case PRECISION_COMPACT -> Precision.COMPACT;
            case PRECISION_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalArgumentException("precision: " + message + " (expected: exact, half or compact)");
        };
    }

    /** The message of a precision. */
    public static dev.lyne.v1.Precision toMessage(Precision precision) {
        return switch (precision) {
            case EXACT -> dev.lyne.v1.Precision.PRECISION_EXACT;
            case HALF -> dev.lyne.v1.Precision.PRECISION_HALF;
            case COMPACT -> dev.lyne.v1.Precision.PRECISION_COMPACT;
        };
    }
}
