package dev.lyne.client;

import dev.lyne.row.Selection;
import dev.lyne.wire.FastExp;
import dev.lyne.wire.TargetBlock;
import java.util.Arrays;

/**
 * The alignment check of single rows: a row that was shifted, swapped or altered contradicts the label that it comes
 * with, what was asked, or itself. Owned by the callbacks of one call, because it keeps a mark for each token id.
 */
final class RowCheck {
    private final BlockIdentity identity;
    private final Selection selection;
    private final RowTolerance tolerance;
    private final int[] lastRowWithId;
    private int rowNumber;

    RowCheck(BlockIdentity identity) {
        this.identity = identity;
        this.selection = identity.selection();
        this.tolerance = RowTolerance.of(identity.precision());
        this.lastRowWithId = new int[identity.vocabularySize()];
    }

    /**
     * Throws unless a row is part of a distribution, keeps what its selection says, and agrees with the label after its
     * position.
     *
     * @param index place of the row among the sequence's positions
     * @param row place of the row in the block, whose header has been checked
     */
    void requireConsistent(TargetSequence sequence, int index, TargetBlock block, int row) {
        Row found = new Row(sequence, index, block, row);
        requireDistinctDescending(found);
        requireKept(found);
        requireMass(found);
        requireLabel(found);
        requireOffsets(found);
        if (identity.rawLogits()) {
            requireLogits(found);
        }
    }

    /** A row and where it stands. */
    private record Row(TargetSequence sequence, int index, TargetBlock block, int row) {
        int position() {
            return sequence.positions()[index];
        }

        int from() {
            return block.offsets()[row];
        }

        int to() {
            return block.offsets()[row + 1];
        }

        int id(int entry) {
            return block.ids()[entry];
        }

        float logProbability(int entry) {
            return block.logProbabilities()[entry];
        }

        float logTail() {
            return block.logTailMass()[row];
        }

        MisalignedTargetsException misaligned(String found, String expected) {
            return new MisalignedTargetsException(sequence.id(), position(), found, expected);
        }
    }

    private void requireDistinctDescending(Row row) {
        rowNumber = nextRowNumber();
        float above = (float) RowTolerance.MASS;
        for (int i = row.from(); i < row.to(); i++) {
            int id = row.id(i);
            float logProbability = row.logProbability(i);
            if (!(logProbability <= above) || Float.isInfinite(logProbability)) {
                throw row.misaligned(
                        "log-probability " + logProbability + " of token " + id, "finite, at most " + above);
            }
            if (isKept(id)) {
                throw row.misaligned("token " + id + " twice", "distinct tokens");
            }
            lastRowWithId[id] = rowNumber;
            above = logProbability;
        }
    }

    private boolean isKept(int id) {
        return lastRowWithId[id] == rowNumber;
    }

    /** Refuses a row of other entries than the selection says; chosen ones are those that were asked for. */
    private void requireKept(Row row) {
        int count = row.to() - row.from();
        int most = selection.mostEntries(identity.vocabularySize());
        if (selection.keepsChosen()) {
            requireChosen(row, count);
        } else if (selection instanceof Selection.Draws rule) {
            requireDrawn(row, rule);
        } else if (selection.keepsAlways() ? count != most : count < 1 || count > most) {
            throw row.misaligned(count + " entries", selection.keepsAlways() ? "" + most : "1.." + most);
        }
    }

    private void requireChosen(Row row, int count) {
        int[] chosen = row.sequence().chosen()[row.index()];
        for (int id : chosen) {
            if (!isKept(id)) {
                throw row.misaligned("token " + id + " not kept", "every token that was chosen");
            }
        }
        if (count != chosen.length) {
            throw row.misaligned(count + " entries", chosen.length + ", as many as were chosen");
        }
    }

    private static void requireDrawn(Row row, Selection.Draws rule) {
        int head = 0;
        long draws = 0;
        for (int i = row.from(); i < row.to(); i++) {
            int drawn = row.block().drawCounts()[i];
            head += drawn == 0 ? 1 : 0;
            draws += drawn;
        }
        if (head != rule.head()) {
            throw row.misaligned(head + " entries that were not drawn", rule.head() + ", the exact head");
        }
        boolean nothingToDraw = rule.head() > 0 && draws == 0 && row.logTail() == Float.NEGATIVE_INFINITY;
        if (draws != rule.draws() && !nothingToDraw) {
            throw row.misaligned(draws + " draws", "" + rule.draws());
        }
    }

    private void requireMass(Row row) {
        double tail = Math.exp(row.logTail());
        double kept = 0;
        double nats = tail > 0 ? -tail * row.logTail() : 0;
        for (int i = row.from(); i < row.to(); i++) {
            double mass = FastExp.exp(row.logProbability(i)); // a number, as has been checked
            kept += mass;
            nats -= mass * row.logProbability(i);
        }
        double allowed = tolerance.mass(nats) + identity.tailError();
        if (!(Math.abs(kept + tail - 1) <= allowed)) {
            throw row.misaligned("kept mass " + kept + " and tail mass " + tail, "1 in all, within " + allowed);
        }
    }

    private void requireLabel(Row row) {
        boolean hasLabel = row.position() + 1 < row.sequence().tokens().length;
        float label = row.block().labelLogProbability()[row.row()];
        if (hasLabel != Float.isFinite(label)) {
            throw row.misaligned("label log-probability " + label, hasLabel ? "finite" : "none past the last token");
        }
        if (hasLabel) {
            int token = row.sequence().tokens()[row.position() + 1];
            if (isKept(token)) {
                requireEntry(row, token, label);
            } else {
                requireLeftOut(row, token, label);
            }
        }
    }

    private static void requireEntry(Row row, int token, float label) {
        for (int i = row.from(); i < row.to(); i++) {
            float entry = row.logProbability(i);
            if (row.id(i) == token && Float.floatToIntBits(entry) != Float.floatToIntBits(label)) {
                throw row.misaligned(
                        "label log-probability " + label, entry + ", that of its token " + token + " in the row");
            }
        }
    }

    private void requireLeftOut(Row row, int token, float label) {
        float smallest = smallestOfThePrefix(row);
        if (label > smallest) {
            throw leftOut(row, token, label, "at most the smallest kept, " + smallest);
        }
        if (!tolerance.isWithin(label, row.logTail(), identity.tailError())) {
            throw leftOut(row, token, label, "at most the log tail mass, " + row.logTail());
        }
    }

    private static MisalignedTargetsException leftOut(Row row, int token, float label, String expected) {
        return row.misaligned(
                "label log-probability " + label + " of token " + token + ", which is not kept", expected);
    }

    /** Returns the bound of a token left out: the least probable of the most probable ones that a row keeps. */
    private float smallestOfThePrefix(Row row) {
        if (selection.keepsDraws()) {
            float smallest = Float.POSITIVE_INFINITY;
            for (int i = row.from(); i < row.to(); i++) {
                smallest = row.block().drawCounts()[i] == 0 ? row.logProbability(i) : smallest;
            }
            return smallest;
        }
        boolean prefix = selection.keepsPrefix() && row.to() > row.from();
        return prefix ? row.logProbability(row.to() - 1) : Float.POSITIVE_INFINITY;
    }

    /** exp(lp/τ + c_τ) over the kept tokens and the tail at τ are a whole distribution. */
    private void requireOffsets(Row row) {
        int temperatures = selection.temperatures().size();
        boolean top = row.to() > row.from() && keepsTheMostProbable();
        for (int i = 0; i < temperatures; i++) {
            float temperature = selection.temperatures().get(i);
            float offset = row.block().temperatureOffsets()[row.row() * temperatures + i];
            float logTail = row.block().temperedLogTails()[row.row() * temperatures + i];
            double tail = Math.exp(logTail);
            double mass = 0;
            double nats = tail > 0 ? -tail * logTail * temperature : 0;
            for (int entry = row.from(); entry < row.to(); entry++) {
                double share = Math.exp((double) row.logProbability(entry) / temperature + offset);
                mass += share;
                nats -= share * row.logProbability(entry);
            }
            double allowed = tolerance.temperedMass(mass + tail, nats, temperature);
            // The most probable token keeps some mass however cold the temperature.
            if (!(Math.abs(mass + tail - 1) <= allowed) || (top && !(mass > 0))) {
                throw row.misaligned(
                        "c_τ " + offset + " at temperature " + temperature + ", which gives the kept tokens mass "
                                + mass + " beside a tail mass of " + tail,
                        top && !(mass > 0) ? "above 0" : "1 in all, within " + allowed);
            }
        }
    }

    private boolean keepsTheMostProbable() {
        return selection instanceof Selection.Draws rule ? rule.head() > 0 : selection.keepsPrefix();
    }

    /** A logit less the log-sum-exp is the log-probability. */
    private void requireLogits(Row row) {
        float logSumExp = row.block().logSumExp()[row.row()];
        for (int i = row.from(); i < row.to(); i++) {
            float logit = row.block().logits()[i];
            double difference = (double) logit - logSumExp - row.logProbability(i);
            double allowed = tolerance.logit(logit, logSumExp, row.logProbability(i));
            if (!(Math.abs(difference) <= allowed)) {
                throw row.misaligned(
                        "logit " + logit + " of token " + row.id(i) + " and log-sum-exp " + logSumExp,
                        "a difference of " + row.logProbability(i) + ", its log-probability, within " + allowed);
            }
        }
    }

    private int nextRowNumber() {
        if (rowNumber == Integer.MAX_VALUE) {
            Arrays.fill(lastRowWithId, 0);
            return 1;
        }
        return rowNumber + 1;
    }
}
