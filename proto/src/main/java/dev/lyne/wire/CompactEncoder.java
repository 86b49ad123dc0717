package dev.lyne.wire;

import java.util.Arrays;

/**
 * Turns quantized rows into the bit stream of a compact block. Rows become numbers first, each with the code that it will be written
 * in; then the codes are fitted to the numbers; then all is written. Keeps its scratch between blocks; owned by one thread.
 */
final class CompactEncoder {
    private final ReferenceSearch search = new ReferenceSearch();
    private final IdSet ids = new IdSet();
    private final NumberStream stream = new NumberStream();

    /** Dense number plus one of each id that occurred in the block; 0 for others. */
    private int[] numberOf = new int[0];

    /** Ids of the dense numbers. */
    private int[] idOf = new int[1 << 10];

    private int numbersUsed;
    private int vocabularySize;

    /** Of each dense number: its place in the current row plus one, or 0. */
    private int[] placeOf = new int[1 << 10];

    /** All rows so far: dense numbers and heights in coding order, and the depth of each row's least probable entry. */
    private int[] rowNumbers = new int[0];

    private int[] rowHeights = new int[0];
    private int[] floors = new int[0];

    /** The current row: dense numbers as given; in coding order, places as given plus one, and heights in the reference row. */
    private int[] numbers = new int[0];

    private int[] codedPlaces = new int[0];
    private int[] referenceHeights = new int[0];

    /** Appends codes and rows. {@code uniform}: entries of every row, or 0 where rows differ. */
    void encode(QuantizedRows rows, int vocabularySize, int uniform, BitWriter out) {
        prepare(rows, vocabularySize);
        int zeros = Integer.numberOfLeadingZeros(vocabularySize);
        for (int row = 0; row < rows.rows(); row++) {
            encodeRow(rows, row, zeros, uniform == 0);
        }
        forget();
        stream.write(out);
    }

    private void prepare(QuantizedRows rows, int vocabularySize) {
        int entries = rows.ids().length;
        int widest = 0;
        for (int row = 0; row < rows.rows(); row++) {
            widest = Math.max(widest, rows.offsets()[row + 1] - rows.offsets()[row]);
        }
        if (numberOf.length < vocabularySize) {
            numberOf = new int[vocabularySize];
        }
        ids.ensure(vocabularySize);
        if (rowNumbers.length <= entries) {
            rowNumbers = new int[entries + 1];
            rowHeights = new int[entries + 1];
        }
        if (floors.length < rows.rows()) {
            floors = new int[rows.rows()];
        }
        if (numbers.length <= widest) {
            numbers = new int[widest + 1];
            codedPlaces = new int[widest + 1];
            referenceHeights = new int[widest + 1];
        }
        this.vocabularySize = vocabularySize;
        numbersUsed = 0;
        stream.clear();
    }

    private void encodeRow(QuantizedRows rows, int row, int vocabularyZeros, boolean withCount) {
        int from = rows.offsets()[row];
        int count = rows.offsets()[row + 1] - from;
        // a row makes at most: its scalars, half a number an entry of the reference, two an entry, and one for its
        // draws
        stream.reserve(8 + numbers.length + 3 * count);
        int floor = readRow(rows, from, count);
        int expired = row - ReferenceSearch.WINDOW;
        if (expired >= 0) {
            search.remove(expired, rowNumbers, rows.offsets()[expired], rows.offsets()[expired + 1]);
        }
        int distance = search.distance(row, numbers, count);
        if (8 * search.overlap() < count) {
            distance = 0; // naming the entries kept again would cost more than they save
        }
        stream.add(CodeTables.REFERENCE, distance);
        if (withCount) {
            stream.add(CodeTables.COUNT, count);
        }
        stream.add(CodeTables.TAIL, rows.tailDepths()[row] + 1);
        if (rows.dataDepths()[row] != QuantizedRows.NOTHING) {
            stream.add(CodeTables.DATA, rows.dataDepths()[row]);
        }
        if (count > 0) {
            int expected = row == 0 ? 0 : floors[row - Math.max(1, distance)];
            int difference = floor - expected;
            stream.add(CodeTables.FLOOR, (difference << 1) ^ (difference >> 31));
            int again = distance == 0 ? 0 : codeKeptAgain(rows, from, floor, row - distance);
            codeNew(rows, from, floor, again, count, vocabularyZeros);
            if (rows.drawCounts().length > 0) {
                for (int i = 0; i < count; i++) {
                    stream.add(CodeTables.DRAWS, rows.drawCounts()[from + codedPlaces[i] - 1]);
                }
            }
        }
        floors[row] = floor;
        search.add(row, rowNumbers, from, from + count);
    }

    /** Gives the row's ids dense numbers and marks their places; returns the depth of its least probable entry. */
    private int readRow(QuantizedRows rows, int from, int count) {
        int floor = 0;
        for (int i = from; i < from + count; i++) {
            floor = Math.max(floor, rows.depths()[i]);
        }
        int[] rowIds = rows.ids();
        for (int i = 0; i < count; i++) {
            int id = rowIds[from + i];
            if (Integer.compareUnsigned(id, vocabularySize) >= 0) {
                forget();
                throw new IllegalArgumentException("token id " + id + " (expected: 0.." + (vocabularySize - 1) + ")");
            }
            int number = numberOf[id] - 1;
            if (number < 0) {
                number = newNumber(id);
            }
            numbers[i] = number;
            if (placeOf[number] != 0) {
                forget();
                throw new IllegalArgumentException("token id " + id + " twice in a row (expected: distinct ids)");
            }
            placeOf[number] = i + 1;
        }
        return floor;
    }

    /** Leaves the scratch clean for the next block. */
    private void forget() {
        Arrays.fill(placeOf, 0, Math.min(numbersUsed, placeOf.length), 0);
        for (int number = 0; number < numbersUsed; number++) {
            numberOf[idOf[number]] = 0;
        }
        search.clear(numbersUsed);
    }

    private int newNumber(int id) {
        int number = numbersUsed++;
        if (number == idOf.length) {
            idOf = Arrays.copyOf(idOf, 2 * number);
            placeOf = Arrays.copyOf(placeOf, 2 * number);
        }
        idOf[number] = id;
        numberOf[id] = number + 1;
        search.ensure(number);
        return number;
    }

    /** Codes which entries of the reference row are kept again, then their heights; returns how many are. */
    private int codeKeptAgain(QuantizedRows rows, int from, int floor, int reference) {
        int[] depths = rows.depths();
        int to = rows.offsets()[reference + 1];
        int[] tokens = stream.reserve(0);
        int size = stream.size();
        int again = 0;
        int last = 2;
        int secondLast = 2;
        for (int i = rows.offsets()[reference]; i < to; i += 4) {
            int before = again;
            int kept = 0;
            int quad = Math.min(4, to - i);
            for (int j = 0; j < quad; j++) {
                int number = rowNumbers[i + j];
                int place = placeOf[number];
                placeOf[number] = 0;
                rowNumbers[from + again] = number;
                codedPlaces[again] = place;
                referenceHeights[again] = rowHeights[i + j];
                int hit = -place >>> 31;
                kept |= hit << j;
                again += hit; // an entry that is not kept again is written over by the next
            }
            tokens[size++] = NumberStream.token(CodeTables.KEPT_AGAIN + last + secondLast, kept);
            secondLast = last;
            last = again - before;
        }
        for (int i = 0; i < again; i++) {
            int height = floor - depths[from + codedPlaces[i] - 1];
            rowHeights[from + i] = height;
            tokens[size++] = NumberStream.token(CodeTables.heightAgain(referenceHeights[i]), height);
        }
        stream.resize(size);
        return again;
    }

    /** Codes gap and height of the entries still marked, in order of id. */
    private void codeNew(QuantizedRows rows, int from, int floor, int again, int count, int vocabularyZeros) {
        int[] depths = rows.depths();
        int missing = count - again;
        int[] tokens = stream.reserve(0);
        int size = stream.size();
        for (int i = 0, at = again; at < count; i++) {
            int number = numbers[i];
            rowNumbers[from + at] = number;
            at += -placeOf[number] >>> 31;
        }
        for (int i = again; i < count; i++) {
            ids.add(idOf[rowNumbers[from + i]]);
        }
        int kind = CodeTables.newClass(missing);
        int previous = -1;
        for (int i = again; i < count; i++) {
            int id = ids.removeFirst();
            int number = numberOf[id] - 1;
            int place = placeOf[number];
            placeOf[number] = 0;
            rowNumbers[from + i] = number;
            codedPlaces[i] = place;
            int height = floor - depths[from + place - 1];
            rowHeights[from + i] = height;
            tokens[size++] = NumberStream.token(CodeTables.gap(kind, previous, vocabularyZeros), id - previous - 1);
            tokens[size++] = NumberStream.token(CodeTables.HEIGHT_NEW + kind, height);
            previous = id;
        }
        stream.resize(size);
    }
}
