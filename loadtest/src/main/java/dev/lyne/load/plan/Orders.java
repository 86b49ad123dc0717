package dev.lyne.load.plan;

/** Orders of a corpus without a table: a step that shares no factor with its size, and a start. */
final class Orders {
    private Orders() {}

    /** The sequence at a place of an order, for sizes up to 2^31. */
    static long place(long at, long size, long order) {
        long hash = order * 0x9e3779b97f4a7c15L;
        hash = (hash ^ hash >>> 31) * 0xbf58476d1ce4e5b9L;
        long stride = Math.max(1, Long.remainderUnsigned(hash ^ hash >>> 29, size));
        while (gcd(stride, size) != 1) {
            stride = stride % size + 1;
        }
        long start = Long.remainderUnsigned(hash * 0x94d049bb133111ebL, size);
        return (at * stride + start) % size;
    }

    private static long gcd(long a, long b) {
        return b == 0 ? a : gcd(b, a % b);
    }
}
