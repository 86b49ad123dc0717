package dev.lyne.teacher.admission;

/** How long a request may be. */
public final class RequestSize {
    /** Limit of gRPC by default: room for chosen ids. */
    private static final int LEAST_MAX_BYTES = 4 << 20;

    private static final int OPENING_BYTES = 1 << 16;

    /** Most bytes a token beside chosen ids: an id takes 3 below 2^20, a position range 16 for every other token. */
    private static final int TOKEN_BYTES = 16;

    /** Most bytes of an id in a list of chosen ones. */
    private static final int ID_BYTES = 3;

    /** Tokens of the longest sequence that a request of the usual size can carry. */
    public static final int LONGEST_USUAL_CONTEXT = (LEAST_MAX_BYTES - OPENING_BYTES) / TOKEN_BYTES;

    private RequestSize() {}

    /** Most bytes of a request. */
    public static int maxBytes(int contextLength) {
        return Math.max(LEAST_MAX_BYTES, Math.addExact(OPENING_BYTES, Math.multiplyExact(TOKEN_BYTES, contextLength)));
    }

    /** Most ids that a sequence of full length may choose for each position. */
    public static int mostChosen(int contextLength) {
        int listBytes = 8; // tags and lengths
        int left = maxBytes(contextLength) - OPENING_BYTES - (TOKEN_BYTES + listBytes) * contextLength;
        return Math.max(1, left / contextLength / ID_BYTES);
    }
}
