package dev.lyne.wire;

/**
 * Turns quantized rows into the two bit streams of a compact block. Entries are put in order of id first, by counting: of each id
 * the rows that have it make a short list, whose gaps are small where the id is frequent, and go into the first stream; how high it
 * stands in each goes into the second. Keeps its scratch between blocks; owned by one thread.
 */
final class CompactEncoder {
    /** Fields of an entry: height, row, draw count. */
    private static final int ROW_SHIFT = 20;

    private static final int DRAWS_SHIFT = 36;
    private static final int HEIGHT_MASK = (1 << ROW_SHIFT) - 1;

    private final FittedCodes codes = new FittedCodes();

    /** Slots of each id: how many entries it has, then where its next one goes. All 0 between blocks. */
    private int[] slots = new int[0];

    /** The ids that occur, as bits; all 0 between blocks. */
    private long[] occurring = new long[0];

    private int[] distinct = new int[0];
    private int distinctIds;

    /** Entries in order of id, then row. */
    private long[] entries = new long[0];

    private int[] floors = new int[0];

    /** Tokens of what rows have once. */
    private int[] rowTokens = new int[0];

    private int rowTokensUsed;

    /** Appends both streams; returns the bytes of the first. {@code uniform}: entries of every row, or 0 where rows differ. */
    int encode(QuantizedRows rows, int vocabularySize, int uniform, BitWriter out) {
        prepare(rows, vocabularySize);
        int start = out.size();
        int firstBytes;
        try {
            addRows(rows, uniform == 0);
            countIds(rows, vocabularySize);
            listIds(vocabularySize);
            sortEntries(rows);
            putIds(rows.rows(), vocabularySize, out);
            out.fillByte();
            firstBytes = out.size() - start;
        } finally {
            forget(vocabularySize);
        }
        codes.write(out);
        out.putNumbers(rowTokens, rowTokensUsed, codes);
        out.putHeights(entries, rows.entries(), HEIGHT_MASK, codes);
        if (rows.drawCounts().length > 0) {
            putDraws(rows.entries(), out);
        }
        return firstBytes;
    }

    private void prepare(QuantizedRows rows, int vocabularySize) {
        int entryCount = rows.entries();
        if (slots.length < vocabularySize) {
            slots = new int[vocabularySize];
            occurring = new long[(vocabularySize + 63) >> 6];
        }
        if (entries.length < entryCount) {
            entries = new long[entryCount];
            distinct = new int[entryCount];
        }
        if (floors.length < rows.rows()) {
            floors = new int[rows.rows()];
        }
        if (rowTokens.length < (4 + rows.temperatures()) * rows.rows()) {
            rowTokens = new int[(4 + rows.temperatures()) * rows.rows()];
        }
        codes.clear();
        rowTokensUsed = 0;
    }

    /**
     * Adds what a row has once: its number of entries, tail, label log-probability, tails at other temperatures, and
     * floor.
     */
    private void addRows(QuantizedRows rows, boolean withCounts) {
        int[] depths = rows.depths();
        int temperatures = rows.temperatures();
        int floor = 0;
        for (int row = 0; row < rows.rows(); row++) {
            int from = rows.offsets()[row];
            int to = rows.offsets()[row + 1];
            if (withCounts) {
                addRow(CodeTables.COUNT, to - from);
            }
            addRow(CodeTables.TAIL, rows.tailDepths()[row] + 1);
            if (rows.labelDepths()[row] != QuantizedRows.NOTHING) {
                addRow(CodeTables.LABEL, rows.labelDepths()[row]);
            }
            for (int i = row * temperatures; i < (row + 1) * temperatures; i++) {
                addRow(CodeTables.TEMPERED, rows.temperedDepths()[i] + 1);
            }
            if (from < to) {
                int deepest = depths[to - 1];
                int difference = deepest - floor;
                addRow(CodeTables.FLOOR, (difference << 1) ^ (difference >> 31));
                floor = deepest;
            }
            floors[row] = floor;
        }
    }

    private void addRow(int code, int number) {
        rowTokens[rowTokensUsed++] = codes.count(code, number);
    }

    private void countIds(QuantizedRows rows, int vocabularySize) {
        int[] ids = rows.ids();
        int[] counts = slots;
        long[] bits = occurring;
        for (int row = 0; row < rows.rows(); row++) {
            int start = rows.starts()[row];
            int end = start + rows.offsets()[row + 1] - rows.offsets()[row];
            for (int i = start; i < end; i++) {
                int id = ids[i];
                if (Integer.compareUnsigned(id, vocabularySize) >= 0) {
                    throw new IllegalArgumentException(
                            "token id " + id + " (expected: 0.." + (vocabularySize - 1) + ")");
                }
                counts[id]++;
                bits[id >> 6] |= 1L << id;
            }
        }
    }

    /** Turns counts into the places where the entries of each id start. */
    private void listIds(int vocabularySize) {
        int used = 0;
        int place = 0;
        for (int word = 0; word <= (vocabularySize - 1) >> 6; word++) {
            for (long bits = occurring[word]; bits != 0; bits &= bits - 1) {
                int id = (word << 6) + Long.numberOfTrailingZeros(bits);
                distinct[used++] = id;
                int count = slots[id];
                slots[id] = place;
                place += count;
            }
        }
        distinctIds = used;
    }

    private void sortEntries(QuantizedRows rows) {
        int[] ids = rows.ids();
        int[] depths = rows.depths();
        int[] draws = rows.drawCounts();
        int[] next = slots;
        long[] sorted = entries;
        boolean drawn = draws.length > 0;
        for (int row = 0; row < rows.rows(); row++) {
            int to = rows.offsets()[row + 1];
            int shift = rows.starts()[row] - rows.offsets()[row];
            long base = ((long) row << ROW_SHIFT) + floors[row];
            for (int i = rows.offsets()[row]; i < to; i++) {
                long entry = base - depths[i];
                codes.count(CodeTables.HEIGHT, (int) entry & HEIGHT_MASK);
                if (drawn) {
                    entry |= (long) draws[i + shift] << DRAWS_SHIFT;
                    codes.count(CodeTables.DRAWS, draws[i + shift]);
                }
                sorted[next[ids[i + shift]]++] = entry;
            }
        }
    }

    /** The first stream: ids that occur, in ascending order, and the rows that have each. */
    private void putIds(int rows, int vocabularySize, BitWriter out) {
        int order =
                Math.max(0, 30 - Integer.numberOfLeadingZeros(Math.max(1, vocabularySize / Math.max(1, distinctIds))));
        out.put(order, 5);
        int twice = out.putIds(distinct, distinctIds, order, slots, entries, ROW_SHIFT, RiceCodes.parameters(rows));
        if (twice >= 0) {
            throw new IllegalArgumentException("token id " + twice + " twice in a row (expected: distinct ids)");
        }
    }

    private void putDraws(int count, BitWriter out) {
        for (int i = 0; i < count; i++) {
            out.ensure(Long.BYTES);
            codes.put(CodeTables.DRAWS, (int) (entries[i] >>> DRAWS_SHIFT), out);
        }
    }

    /** Leaves the scratch clean for the next block. */
    private void forget(int vocabularySize) {
        for (int word = 0; word <= (vocabularySize - 1) >> 6; word++) {
            for (long bits = occurring[word]; bits != 0; bits &= bits - 1) {
                slots[(word << 6) + Long.numberOfTrailingZeros(bits)] = 0;
            }
            occurring[word] = 0;
        }
    }
}
