package dev.lyne.wire;

import java.util.Arrays;

/**
 * Reads the bit stream of a compact block. What it allocates is bounded by the stream: an entry takes at least one bit, and the
 * number of entries is known to be possible before arrays of that size are made.
 */
final class CompactDecoder {
    private final BitReader in;
    private final DecodingTables codes;
    private final RowOrder order = new RowOrder();
    private final int vocabularySize;
    private final int vocabularyZeros;
    private final int most;
    private final boolean drawn;

    /** Entries of all rows so far in coding order, to which later rows refer, and the depth of each row's least probable one. */
    private int[] codedIds = new int[0];

    private int[] codedHeights = new int[0];
    private int[] codedDraws = new int[0];
    private final int[] floors;

    /** Entries of all rows so far in descending order. */
    private int[] ids = new int[0];

    private int[] depths = new int[0];
    private int[] draws = new int[0];

    /** Places of the reference row's entries that are kept again, with room for what a last group of four may add. */
    private int[] keptPlaces = new int[64];

    /** @param most entries that a row may keep */
    CompactDecoder(BitReader in, int vocabularySize, int most, boolean drawn, int rows) {
        this.in = in;
        this.vocabularySize = vocabularySize;
        vocabularyZeros = Integer.numberOfLeadingZeros(vocabularySize);
        this.most = most;
        this.drawn = drawn;
        floors = new int[rows];
        codes = new DecodingTables(in);
    }

    /**
     * Reads all rows.
     *
     * @param dataRows rows that have a data token
     * @param uniform entries of every row, or 0 where rows differ
     */
    QuantizedRows decode(LevelGrid grid, int dataRows, int uniform, float[] temperatureOffsets) {
        int rows = floors.length;
        int[] offsets = new int[rows + 1];
        int[] tails = new int[rows];
        int[] data = new int[rows];
        ensureEntries((long) rows * uniform);
        for (int row = 0; row < rows; row++) {
            int distance = codes.read(in, CodeTables.REFERENCE);
            if (distance > row || distance >= ReferenceSearch.WINDOW) {
                throw new MalformedBlockException("row " + row + " refers " + distance + " rows back");
            }
            int count = uniform == 0 ? codes.read(in, CodeTables.COUNT) : uniform;
            if (count > most) {
                throw new MalformedBlockException(
                        "row " + row + " keeps " + count + " entries (expected: 0.." + most + ")");
            }
            tails[row] = codes.read(in, CodeTables.TAIL) - 1;
            data[row] = row < dataRows ? codes.read(in, CodeTables.DATA) : QuantizedRows.NOTHING;
            requireDepth(row, Math.max(tails[row], data[row]));
            int from = offsets[row];
            offsets[row + 1] = from + count;
            if (count > 0) {
                ensureEntries(from + (long) count);
                readRow(row, distance, from, count, offsets);
            }
        }
        in.finish();
        int entries = offsets[rows];
        return new QuantizedRows(
                grid,
                grid.forTails(),
                offsets,
                trimmed(ids, entries),
                trimmed(depths, entries),
                tails,
                data,
                drawn ? trimmed(draws, entries) : draws,
                temperatureOffsets);
    }

    private void readRow(int row, int distance, int from, int count, int[] offsets) {
        int zigzag = codes.read(in, CodeTables.FLOOR);
        int expected = row == 0 ? 0 : floors[row - Math.max(1, distance)];
        int floor = expected + ((zigzag >>> 1) ^ -(zigzag & 1));
        requireDepth(row, floor);
        floors[row] = floor;
        int again = distance == 0
                ? 0
                : readKeptAgain(row, from, count, offsets[row - distance], offsets[row - distance + 1]);
        readNew(row, from + again, from + count);
        if (drawn) {
            for (int i = from; i < from + count; i++) {
                codedDraws[i] = codes.read(in, CodeTables.DRAWS);
            }
            order.arrange(codedDraws, codedHeights, from, count, floor, draws, depths);
        }
        order.arrange(codedIds, codedHeights, from, count, floor, ids, depths);
        if (depths[from] < 0) {
            throw new MalformedBlockException("row " + row + " rises " + -depths[from] + " levels above the grid");
        }
    }

    /** Reads which entries [begin, end) of the reference row are kept again, and their heights; returns how many are. */
    private int readKeptAgain(int row, int from, int count, int begin, int end) {
        byte[] bytes = in.bytes();
        int at = in.at();
        short[] entries = codes.entries;
        int[] start = codes.start;
        int[] mask = codes.mask;
        int[] places = keptPlaces(count + 4);
        int last = 2;
        int secondLast = 2;
        int kept = 0;
        for (int i = begin; i < end; i += 4) {
            int code = CodeTables.KEPT_AGAIN + last + secondLast;
            int entry = entries[start[code] + ((int) BitReader.peek(bytes, at) & mask[code])];
            at += DecodingTables.total(entry);
            int four = DecodingTables.symbol(entry);
            secondLast = last;
            last = Integer.bitCount(four);
            if (four > 15 || kept + last > count || (i + 4 > end && four >>> (end - i) != 0)) {
                throw new MalformedBlockException("row " + row + " keeps entries again that are not there");
            }
            for (int j = 0; j < 4; j++) { // places past the last one kept are written over by the next four
                places[kept + j] = i + Integer.numberOfTrailingZeros(four);
                four &= four - 1;
            }
            kept += last;
        }
        for (int i = 0; i < kept; i++) {
            int place = places[i];
            int code = CodeTables.heightAgain(codedHeights[place]);
            long bits = BitReader.peek(bytes, at);
            int entry = entries[start[code] + ((int) bits & mask[code])];
            at += DecodingTables.total(entry);
            codedIds[from + i] = codedIds[place];
            codedHeights[from + i] = DecodingTables.number(entry, bits);
        }
        in.moveTo(at);
        return kept;
    }

    /** Reads entries [from, to) of the row, which are new, in ascending order of id. */
    private void readNew(int row, int from, int to) {
        byte[] bytes = in.bytes();
        int at = in.at();
        int kind = CodeTables.newClass(to - from);
        short[] entries = codes.entries;
        int heightStart = codes.start[CodeTables.HEIGHT_NEW + kind];
        int heightMask = codes.mask[CodeTables.HEIGHT_NEW + kind];
        int previous = -1;
        for (int i = from; i < to; i++) {
            int code = CodeTables.gap(kind, previous, vocabularyZeros);
            long bits = BitReader.peek(bytes, at);
            int entry = entries[codes.start[code] + ((int) bits & codes.mask[code])];
            int length = DecodingTables.total(entry);
            previous += 1 + DecodingTables.number(entry, bits);
            if (previous >= vocabularySize) {
                throw new MalformedBlockException(
                        "row " + row + ": token id " + previous + " (expected: 0.." + (vocabularySize - 1) + ")");
            }
            codedIds[i] = previous;
            bits >>>= length; // at least 30 bits are left, and a height takes 27 at most
            entry = entries[heightStart + ((int) bits & heightMask)];
            at += length + DecodingTables.total(entry);
            codedHeights[i] = DecodingTables.number(entry, bits);
        }
        in.moveTo(at);
    }

    private int[] keptPlaces(int size) {
        if (keptPlaces.length < size) {
            keptPlaces = new int[size];
        }
        return keptPlaces;
    }

    private static void requireDepth(int row, int depth) {
        if (depth < QuantizedRows.NOTHING || depth > LevelGrid.MAX_DEPTH) {
            throw new MalformedBlockException(
                    "row " + row + ": depth " + depth + " (expected: 0.." + LevelGrid.MAX_DEPTH + ")");
        }
    }

    private void ensureEntries(long entries) {
        long possible = 8L * in.bytes().length;
        if (entries > possible) {
            throw new MalformedBlockException(
                    entries + " entries in " + in.bytes().length + " bytes (expected: at least a bit for each)");
        }
        if (entries > ids.length) {
            int room = (int) Math.min(possible, Math.max(entries, 2L * ids.length));
            codedIds = Arrays.copyOf(codedIds, room);
            codedHeights = Arrays.copyOf(codedHeights, room);
            ids = Arrays.copyOf(ids, room);
            depths = Arrays.copyOf(depths, room);
            if (drawn) {
                codedDraws = Arrays.copyOf(codedDraws, room);
                draws = Arrays.copyOf(draws, room);
            }
        }
    }

    private static int[] trimmed(int[] values, int length) {
        return values.length == length ? values : Arrays.copyOf(values, length);
    }
}
