package dev.lyne.teacher.engine;

/** Why an engine's answer is none, in one line. */
final class EngineException extends Exception {
    private static final long serialVersionUID = 1;

    /** Kind of failure, which says what it means for the address and for the sequence. */
    enum Kind {
        /** No connection, or one that broke: another address may answer, this one is not to be trusted before a probe. */
        GONE,
        /** The connection had ended before anything was sent over it: another may do. */
        STALE,
        /** No answer within its time: the engine may have too much to do, or be stuck. */
        LATE,
        /** The engine says that it cannot now: another address may. */
        BUSY,
        /**
         * The engine's certificate is not to be believed, or it does not know our key: it is not asked before that
         * changes.
         */
        UNTRUSTED,
        /** The engine had a fault of its own: it may answer when asked again. */
        FAULT,
        /** The engine refuses the request, and would refuse it elsewhere. */
        REFUSED,
        /** An answer that is no row. */
        STRANGE,
        /** An answer with numbers that are not finite. */
        NOT_FINITE,
        /** The connection was ended here, because of what another one showed of the address: it says nothing of the sequence. */
        LEFT,
        /** Nobody waits for the answer any more. */
        WITHDRAWN,
        /** The rows of the probe are other ones. */
        OTHER_WEIGHTS
    }

    private final Kind kind;
    private final String line;

    EngineException(Kind kind, String line) {
        super(line, null, false, false);
        this.kind = kind;
        this.line = line;
    }

    Kind kind() {
        return kind;
    }

    String line() {
        return line;
    }

    static EngineException strange(String line) {
        return new EngineException(Kind.STRANGE, line);
    }
}
