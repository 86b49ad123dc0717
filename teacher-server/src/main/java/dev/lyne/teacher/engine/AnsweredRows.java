package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * Rows out of an engine's answer, one position at a time as it arrives: entry i of a prompt's log-probabilities is the distribution of token
 * i given those before, Lyne's position i − 1. Every position is checked, wanted or not; nothing missing is filled in. Owned by one
 * connection's event loop.
 *
 * <p>Engines send the k best and the actual token, in an order of their own, and neither the mass that is left nor a log-sum-exp. So the k
 * best are sorted out here (by probability, ties to the lower id), and the tail is log(max(1 − Σ, label, 1e-9)), the label's probability
 * counting where it is not kept, at most (V − k) · p_k, in float64. Where all of the vocabulary was asked for, nothing is left, and a {@link WholeRow}
 * cuts it to what is wanted.
 */
final class AnsweredRows {
    /** Below it a sum of probabilities that were rounded to float32 tells nothing about what is left. */
    private static final double LEAST_TAIL = 1e-9;

    /** Bound of a whole distribution's distance from 1, as students allow. */
    private static final double MASS = 1e-4;

    /** Value that engines write for −∞. */
    private static final float MINUS_INFINITY = -9999f;

    private final RowsRequest request;
    private final int promptK;
    private final Optional<WholeRow> cut;
    private final RowColumns rows;
    private int nextRow;
    private int nextIndex;
    private int lastRows;
    private boolean inPosition;
    private boolean last;

    private final int[] ids;
    private final float[] logProbabilities;
    private int entries;

    /** Place of the actual token among the entries, wherever the engine puts it; of the first one in the row after the last token; −1: not seen. */
    private int labelPlace;

    /** @param promptK entries that rows of the prompt have, 0 where only the one after it is wanted */
    AnsweredRows(RowsRequest request, int promptK) {
        this.request = request;
        this.promptK = promptK;
        int count = request.item().positions().length;
        int k = request.k();
        this.cut = request.cut().map(content -> new WholeRow(request.item(), content, request.vocabularySize()));
        this.rows = cut.isPresent()
                ? cut.get().columns()
                : new RowColumns(
                        k,
                        new int[count],
                        new int[count * k],
                        new float[count * k],
                        new float[count],
                        new float[count]);
        Arrays.fill(rows.counts(), k);
        this.ids = new int[Math.max(k, promptK) + 2];
        this.logProbabilities = new float[Math.max(k, promptK) + 2];
    }

    /** The first token, which nothing comes before. */
    void nothing() throws EngineException {
        if (nextIndex != 0) {
            throw strange("no row for token " + nextIndex, "one for each token but the first");
        }
        nextIndex = 1;
    }

    /** The next token's distribution begins. */
    void begin() throws EngineException {
        if (nextIndex == 0) {
            throw strange("a row for the first token", "none");
        }
        if (nextIndex >= request.length()) {
            throw strange("rows for more than " + request.length() + " tokens", "one for each token but the first");
        }
        inPosition = true;
        entries = 0;
        labelPlace = -1;
    }

    /** The distribution after the last token begins. */
    void beginLast() throws EngineException {
        if (lastRows > 0 || !request.wantsLast()) {
            throw strange("a row after the last token", request.wantsLast() ? "one" : "none");
        }
        inPosition = true;
        last = true;
        entries = 0;
        labelPlace = -1;
    }

    /** An entry of it, in any order; the actual token may come again by its rank. */
    void entry(int id, float logProbability) throws EngineException {
        if (!inPosition) {
            throw strange("an entry outside of a row", "rows of entries");
        }
        if (id < 0 || id >= request.vocabularySize()) {
            throw strange("token " + id + where(), "below vocabulary_size=" + request.vocabularySize());
        }
        requireLogProbability(logProbability, id, where());
        if (labelPlace < 0 && (last || id == actual())) {
            labelPlace = entries;
        } else if (labelPlace >= 0 && ids[labelPlace] == id && logProbabilities[labelPlace] == logProbability) {
            return; // the actual token, and again by its rank
        }
        if (entries == ids.length) {
            throw strange("more than " + (request.k() + 1) + " tokens" + where(), expectedEntries());
        }
        ids[entries] = id;
        logProbabilities[entries++] = logProbability;
    }

    /**
     * Refuses what is no log-probability.
     *
     * @param where of the token, behind it
     */
    static float requireLogProbability(float logProbability, int id, String where) throws EngineException {
        if (logProbability == MINUS_INFINITY || !Float.isFinite(logProbability)) {
            throw new EngineException(
                    EngineException.Kind.NOT_FINITE,
                    "log-probability " + logProbability + " of token " + id + where + " (expected: a finite number)");
        }
        if (logProbability > MASS) {
            throw strange("log-probability " + logProbability + " of token " + id + where, "at most 0");
        }
        return logProbability;
    }

    /** The distribution is whole. */
    void end() throws EngineException {
        inPosition = false;
        if (!last) {
            requireActual();
        }
        requireDistinct();
        int[] wanted = request.item().positions();
        if (last) {
            fill(wanted.length - 1, best(false));
            lastRows++;
            last = false;
            return;
        }
        int[] best = best(true);
        if (nextRow < wanted.length && wanted[nextRow] == nextIndex - 1) {
            fill(nextRow++, best);
        }
        nextIndex++;
    }

    private void requireDistinct() throws EngineException {
        int[] sorted = Arrays.copyOf(ids, entries);
        Arrays.sort(sorted);
        for (int i = 1; i < entries; i++) {
            if (sorted[i] == sorted[i - 1]) {
                throw strange("token " + sorted[i] + " twice" + where(), "distinct tokens");
            }
        }
    }

    private int actual() {
        return request.item().tokens()[nextIndex];
    }

    private void requireActual() throws EngineException {
        if (labelPlace < 0) {
            throw strange(
                    "none of " + entries + " tokens as the actual one" + where(),
                    "token " + actual() + ", which was sent");
        }
    }

    /** Places of the k best among the entries, the best first. */
    private int[] best(boolean hasActual) throws EngineException {
        int k = hasActual ? promptK : request.k();
        if (entries != k && entries != k + 1) {
            throw strange(entries + " tokens" + where(), expectedEntries());
        }
        int[] places = sorted();
        if (hasActual && entries == k + 1) {
            if (k > 0 && logProbabilities[labelPlace] > logProbabilities[places[k]]) {
                throw strange(
                        "token " + ids[labelPlace] + " beside the " + k + " best with " + logProbabilities[labelPlace]
                                + " above "
                                + logProbabilities[places[k]] + where(),
                        "none better than the k best");
            }
            int next = 0;
            for (int place : places) {
                if (place != labelPlace) {
                    places[next++] = place;
                }
            }
        }
        return Arrays.copyOf(places, k);
    }

    /** Places by probability; insertion, since all but the first come nearly so. */
    private int[] sorted() {
        int[] places = new int[entries];
        for (int i = 0; i < entries; i++) {
            int at = i;
            while (at > 0 && isBetter(i, places[at - 1])) {
                places[at] = places[at - 1];
                at--;
            }
            places[at] = i;
        }
        return places;
    }

    private boolean isBetter(int place, int other) {
        int byProbability = Float.compare(logProbabilities[place], logProbabilities[other]);
        return byProbability != 0 ? byProbability > 0 : ids[place] < ids[other];
    }

    private void fill(int row, int[] best) throws EngineException {
        int k = request.k();
        int label = last ? -1 : labelPlace;
        double mass = 0;
        boolean labelKept = false;
        int[] bestIds = new int[k];
        float[] bestLogProbabilities = new float[k];
        for (int i = 0; i < k; i++) {
            int place = best[i];
            bestIds[i] = ids[place];
            bestLogProbabilities[i] = logProbabilities[place];
            mass += Math.exp(logProbabilities[place]);
            labelKept |= place == label;
        }
        if (mass > 1 + MASS) {
            throw strange("kept mass " + mass + where(), "at most 1");
        }
        rows.labelLogProbability()[row] = label < 0 ? Float.NaN : logProbabilities[label];
        if (cut.isPresent()) {
            if (mass < 1 - MASS) {
                throw strange("mass " + mass + " of the whole vocabulary" + where(), "1");
            }
            cut.get().fill(rows, row, bestIds, bestLogProbabilities);
            return;
        }
        System.arraycopy(bestIds, 0, rows.ids(), row * k, k);
        System.arraycopy(bestLogProbabilities, 0, rows.logProbabilities(), row * k, k);
        double labelMass = label < 0 || labelKept ? 0 : Math.exp(logProbabilities[label]);
        double tail = k == 0 ? 1 : tail(mass, labelMass, logProbabilities[best[k - 1]]);
        if (Math.abs(mass + tail - 1) > MASS) {
            throw strange(
                    String.format(Locale.ROOT, "kept mass %.6f and at most %.6f left", mass, tail) + where(),
                    "1 in all: the k best are not all there");
        }
        rows.logTailMass()[row] = tail == 0 ? Float.NEGATIVE_INFINITY : (float) Math.log(tail);
    }

    private double tail(double mass, double labelMass, float smallest) {
        double most = (double) (request.vocabularySize() - request.k()) * Math.exp(smallest);
        return Math.min(Math.max(Math.max(1 - mass, labelMass), LEAST_TAIL), most);
    }

    /** The rows, once the answer has ended. */
    RowColumns whole() throws EngineException {
        if (nextIndex != request.length()) {
            throw strange("rows for " + nextIndex + " tokens", "" + request.length() + ", as many as were sent");
        }
        if (nextRow + lastRows != request.item().positions().length) {
            throw strange(
                    "rows for " + (nextRow + lastRows) + " positions",
                    "" + request.item().positions().length + ", those asked for");
        }
        return rows;
    }

    private String expectedEntries() {
        return last
                ? "the " + request.k() + " best and the one that was drawn"
                : "the " + promptK + " best, and the actual one where it is none of them";
    }

    private String where() {
        return last ? " after the last token" : " at token " + nextIndex;
    }

    private static EngineException strange(String found, String expected) {
        return EngineException.strange(found + " (expected: " + expected + ")");
    }
}
