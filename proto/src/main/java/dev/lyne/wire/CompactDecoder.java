package dev.lyne.wire;

import dev.lyne.row.Selection;

/**
 * Reads the two bit streams of a compact block. What it allocates is bounded by the rows, which the header bounds, and the streams: an
 * entry takes at least one bit, and the number of entries is known to be possible before arrays of that size are made. The streams
 * are read side by side, because reading a number has to wait for the one before it in the same stream.
 */
final class CompactDecoder {
    private static final int MAX_ORDER = 20;

    /** The first stream, and the second. */
    private final BitReader ids;

    private final BitReader heights;
    private final DecodingTables codes;
    private final int vocabularySize;
    private final int most;
    private final boolean drawn;
    private final int[] offsets;
    private final int[] floors;
    private final int[] tails;
    private final int[] label;
    private final int[] tempered;
    private final Scratch scratch;
    private int entries;

    /** Arrays that are of use for one block after another; owned by one thread. */
    static final class Scratch {
        /** Entries row after row; more than there are. */
        private long[] entries = new long[0];

        /** Places of the entries, in order of id, then row; for draw counts alone. */
        private int[] places = new int[0];

        /** Place of the next entry of each row. */
        private int[] next = new int[0];

        private void reserve(int entryCount, boolean drawn) {
            if (entries.length < entryCount) {
                entries = new long[entryCount];
            }
            if (drawn && places.length < entryCount) {
                places = new int[entryCount];
            }
        }
    }

    /**
     * Reads all codes.
     *
     * @param bytes both streams, then whatever comes, as many bytes at least as a {@link BitReader} wants
     * @param firstBytes how many of them are the first stream
     * @param bothBytes how many are both
     * @param most entries that a row may keep
     * @param scratch holds the entries until its next use
     */
    CompactDecoder(byte[] bytes, int firstBytes, int bothBytes, BlockHeader header, Scratch scratch) {
        ids = new BitReader(bytes, 0, firstBytes);
        heights = new BitReader(bytes, firstBytes, bothBytes);
        Selection selection = header.selection();
        vocabularySize = header.vocabularySize();
        most = selection.mostEntries(vocabularySize);
        drawn = selection.keepsDraws();
        int rows = header.rows();
        offsets = new int[rows + 1];
        floors = new int[rows];
        tails = new int[rows];
        label = new int[rows];
        tempered = new int[rows * selection.temperatures().size()];
        if (scratch.next.length < rows) {
            scratch.next = new int[rows];
        }
        this.scratch = scratch;
        codes = new DecodingTables(heights);
    }

    /**
     * Reads all rows.
     *
     * @param labelledRows rows that have a label
     * @param uniform entries of every row, or 0 where rows differ
     */
    CodedRows decode(int labelledRows, int uniform) {
        readRows(labelledRows, uniform);
        readEntries();
        if (drawn) {
            readDraws();
        }
        ids.finish();
        heights.finish();
        return new CodedRows(offsets, scratch.entries, floors, tails, label, tempered);
    }

    private void readRows(int labelledRows, int uniform) {
        int temperatures = tempered.length / floors.length;
        long total = 0;
        long possible = 8L * Math.min(ids.size(), heights.size());
        int floor = 0;
        for (int row = 0; row < floors.length; row++) {
            int count = uniform == 0 ? codes.read(heights, CodeTables.COUNT) : uniform;
            if (count > most) {
                throw new MalformedBlockException(
                        "row " + row + " keeps " + count + " entries (expected: 0.." + most + ")");
            }
            tails[row] = codes.read(heights, CodeTables.TAIL) - 1;
            label[row] = row < labelledRows ? codes.read(heights, CodeTables.LABEL) : QuantizedRows.NOTHING;
            for (int i = row * temperatures; i < (row + 1) * temperatures; i++) {
                tempered[i] = codes.read(heights, CodeTables.TEMPERED) - 1;
                requireDepth(row, tempered[i]);
            }
            if (count > 0) {
                int zigzag = codes.read(heights, CodeTables.FLOOR);
                floor += (zigzag >>> 1) ^ -(zigzag & 1);
            }
            requireDepth(row, Math.max(floor, Math.max(tails[row], label[row])));
            requireDepth(row, floor);
            floors[row] = floor;
            scratch.next[row] = (int) total;
            total += count;
            if (total > possible) {
                throw new MalformedBlockException(
                        total + " entries (expected: at most " + possible + ", a bit of each stream for each)");
            }
            offsets[row + 1] = (int) total;
        }
        entries = (int) total;
        scratch.reserve(entries, drawn);
    }

    /** Reads which ids occur, in which rows each does, and how high it stands there. */
    private void readEntries() {
        int rows = floors.length;
        byte[] riceBits = RiceCodes.parameters(rows);
        int order = ids.bits(5);
        if (order > MAX_ORDER) {
            throw new MalformedBlockException("gaps of order " + order + " (expected: 0.." + MAX_ORDER + ")");
        }
        // A row beyond the last one fails by the array's own check; one that gets more than its entries is found at the
        // end, because then another has fewer.
        byte[] bytes = ids.bytes();
        int[] nextOf = scratch.next;
        int[] shortHeights = codes.shortNumbers(CodeTables.HEIGHT);
        long[] target = scratch.entries;
        int at = ids.at();
        int heightAt = heights.at();
        int read = 0;
        int id = -1;
        while (read < entries) {
            long bits = BitReader.peek(bytes, at);
            int zeros = Long.numberOfTrailingZeros(bits);
            int rest = zeros + order;
            if (rest > MAX_ORDER) {
                throw new MalformedBlockException(
                        "a gap between ids of " + rest + " bits (expected: at most " + MAX_ORDER + ")");
            }
            at += zeros + 1 + rest;
            id += 1 + ((int) (bits >>> (zeros + 1)) & ((1 << rest) - 1) | 1 << rest) - (1 << order);
            if (id >= vocabularySize) {
                throw new MalformedBlockException("token id " + id + " (expected: 0.." + (vocabularySize - 1) + ")");
            }
            bits = BitReader.peek(bytes, at);
            zeros = Math.min(MAX_ORDER, Long.numberOfTrailingZeros(bits));
            at += 2 * zeros + 1;
            int count = (int) (bits >>> (zeros + 1)) & ((1 << zeros) - 1) | 1 << zeros;
            int most = Math.min(entries - read, rows);
            if (count > most) {
                throw new MalformedBlockException(
                        "token id " + id + " in " + count + " rows (expected: 1.." + most + ")");
            }
            int rice = riceBits[count];
            int riceMask = (1 << rice) - 1;
            int row = -1;
            for (int end = read + count; read < end; read++) {
                bits = BitReader.peek(bytes, at);
                zeros = Long.numberOfTrailingZeros(bits);
                if (zeros < RiceCodes.ESCAPE) {
                    row += 1 + (zeros << rice) + ((int) (bits >>> (zeros + 1)) & riceMask);
                    at += zeros + 1 + rice;
                } else {
                    row += 1 + ((int) (bits >>> RiceCodes.ESCAPE) & ((1 << RiceCodes.ESCAPED_BITS) - 1));
                    at += RiceCodes.ESCAPE + RiceCodes.ESCAPED_BITS;
                }
                bits = BitReader.peek(bytes, heightAt);
                int coded = shortHeights[(int) bits & DecodingTables.SHORT_MASK];
                if (coded == 0) {
                    coded = codes.longNumber(CodeTables.HEIGHT, bits);
                }
                heightAt += DecodingTables.total(coded);
                int place = nextOf[row]++;
                target[place] = CodedRows.entry(id, coded >>> DecodingTables.NUMBER_SHIFT);
                if (drawn) {
                    scratch.places[read] = place;
                }
            }
        }
        ids.moveTo(at);
        heights.moveTo(heightAt);
        for (int row = 0; row < rows; row++) {
            if (nextOf[row] != offsets[row + 1]) {
                throw new MalformedBlockException("row " + row + " has " + (nextOf[row] - offsets[row])
                        + " entries (expected: " + (offsets[row + 1] - offsets[row]) + " as stated)");
            }
        }
    }

    /** Adds how often each entry was drawn. */
    private void readDraws() {
        for (int i = 0; i < entries; i++) {
            scratch.entries[scratch.places[i]] |= readDrawCount();
        }
    }

    private int readDrawCount() {
        int draws = codes.read(heights, CodeTables.DRAWS);
        if (draws > Selection.MAX_DRAWS) {
            throw new MalformedBlockException(draws + " draws of a token (expected: 0.." + Selection.MAX_DRAWS + ")");
        }
        return draws;
    }

    private static void requireDepth(int row, int depth) {
        if (depth < QuantizedRows.NOTHING || depth > LevelGrid.MAX_DEPTH) {
            throw new MalformedBlockException(
                    "row " + row + ": depth " + depth + " (expected: 0.." + LevelGrid.MAX_DEPTH + ")");
        }
    }
}
