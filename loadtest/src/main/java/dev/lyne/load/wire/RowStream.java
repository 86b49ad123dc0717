package dev.lyne.load.wire;

/** The sending half of a stream. One thread at a time calls it. */
public interface RowStream {
    /**
     * Asks for a sequence.
     *
     * @param body the contract's {@code Sequence} without its id
     */
    void ask(long id, byte[] body);

    /** Lets so many more messages in. */
    void read(int messages);

    /** Says that nothing more is asked for; the server ends the stream. */
    void finish();

    /** Drops the stream; no event comes that was not under way. */
    void drop();
}
