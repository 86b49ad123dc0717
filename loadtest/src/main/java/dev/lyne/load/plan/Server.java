package dev.lyne.load.plan;

/** Something that serves one thing after the other, in order. */
final class Server {
    private double freeAt;
    private double busy;

    /** Returns the moment at which something is done that comes now and takes so long. */
    double serve(double now, double seconds) {
        freeAt = Math.max(now, freeAt) + seconds;
        busy += seconds;
        return freeAt;
    }

    /** Time spent serving so far, what is promised included. */
    double busySeconds() {
        return busy;
    }
}
