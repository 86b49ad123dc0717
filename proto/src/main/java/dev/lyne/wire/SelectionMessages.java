package dev.lyne.wire;

import dev.lyne.v1.TopK;
import dev.lyne.v1.TopPK;

/** Selections as messages of the contract, there and back. */
public final class SelectionMessages {
    private SelectionMessages() {}

    /** The selection of a message; refuses one out of range, or without a rule, with the value and the expectation. */
    public static Selection from(dev.lyne.v1.Selection message) {
        return switch (message.getRuleCase()) {
            case TOP_K -> new Selection.TopK(message.getTopK().getK(), message.getTemperaturesList());
            case TOP_P_K -> {
                TopPK rule = message.getTopPK();
                float temperature = rule.getTruncationTemperature() == 0 ? 1f : rule.getTruncationTemperature();
                yield new Selection.TopPK(rule.getP(), rule.getK(), temperature, message.getTemperaturesList());
            }
            case RULE_NOT_SET -> throw new IllegalArgumentException("selection: no rule (expected: top_k or top_p_k)");
        };
    }

    /** The message of a selection. */
    public static dev.lyne.v1.Selection toMessage(Selection selection) {
        var message = dev.lyne.v1.Selection.newBuilder().addAllTemperatures(selection.temperatures());
        if (selection instanceof Selection.TopPK rule) {
            message.setTopPK(TopPK.newBuilder()
                    .setP(rule.p())
                    .setK(rule.k())
                    .setTruncationTemperature(rule.truncationTemperature()));
        } else {
            message.setTopK(TopK.newBuilder().setK(selection.k()));
        }
        return message.build();
    }
}
