package dev.lyne.teacher.rpc;

/** Messages that wait for their reader, made when they are sent. Owned by whoever pumps the sender. */
interface Outgoing<A> {
    /** Bytes that wait and were not sent yet. */
    long unsentBytes();

    boolean hasNext();

    /** The next message. */
    A next();

    /** To be called when the last message has been taken and has not left yet. */
    void leaving();

    /** Returns a message that holds nothing to speak of. */
    static <A> Outgoing<A> message(A message, Runnable whenLeaving) {
        return message(message, 0, whenLeaving);
    }

    /** Returns a message of so many bytes. */
    static <A> Outgoing<A> message(A message, long bytes, Runnable whenLeaving) {
        return new Outgoing<>() {
            private boolean sent;

            @Override
            public long unsentBytes() {
                return sent ? 0 : bytes;
            }

            @Override
            public boolean hasNext() {
                return !sent;
            }

            @Override
            public A next() {
                sent = true;
                return message;
            }

            @Override
            public void leaving() {
                whenLeaving.run();
            }
        };
    }
}
