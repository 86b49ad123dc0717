package dev.lyne.load.fault;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Kind of fault. */
public enum FaultKind {
    /** Bytes arrive late. */
    DELAY(Strikes.NETWORK),
    /** Bytes arrive slowly. */
    THROTTLE(Strikes.NETWORK),
    /** Nothing arrives any more on the connections that stand, and nobody is told. */
    DROP(Strikes.NETWORK),
    /** The connections that stand are reset. */
    RESET(Strikes.NETWORK),
    /** Connections end within a piece. */
    TRUNCATE(Strikes.NETWORK),
    /** A bit of a piece is turned over. */
    CORRUPT(Strikes.NETWORK),
    /** The proxy itself ends, with all its connections, and starts again. */
    PROXY_RESTART(Strikes.NETWORK),
    /** A server is killed, and started again. */
    KILL_SERVER(Strikes.SERVER),
    /** A server is stopped where it stands, and continued. */
    STOP_SERVER(Strikes.SERVER),
    /** No file of a server may grow. */
    SERVER_DISK_FULL(Strikes.SERVER),
    /** A student is killed, and started again with {@code --resume}. */
    KILL_STUDENT(Strikes.STUDENT),
    /** A student is stopped where it stands, and continued. */
    STOP_STUDENT(Strikes.STUDENT),
    /** No file of a student may grow. */
    STUDENT_DISK_FULL(Strikes.STUDENT),
    /** Redis is killed, and started again, empty. */
    REDIS_GONE(Strikes.REDIS),
    /** Redis is stopped where it stands, and continued. */
    REDIS_FROZEN(Strikes.REDIS);

    /** Part that a fault strikes. */
    enum Strikes {
        NETWORK,
        SERVER,
        STUDENT,
        REDIS
    }

    private final Strikes strikes;

    FaultKind(Strikes strikes) {
        this.strikes = strikes;
    }

    Strikes strikes() {
        return strikes;
    }

    /** Whether a process is killed. */
    boolean kills() {
        return this == KILL_SERVER || this == KILL_STUDENT || this == REDIS_GONE;
    }

    /** Returns the name in reports. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** All kinds of the network, or all of the others. */
    static List<FaultKind> all(boolean network) {
        return Arrays.stream(values())
                .filter(kind -> network == (kind.strikes == Strikes.NETWORK))
                .toList();
    }
}
