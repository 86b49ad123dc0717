package dev.lyne.load.proxy;

import java.util.concurrent.atomic.AtomicLong;

/** Counters of what a proxy did to connections so far: its event loop counts, anyone reads. */
final class ProxyCounters {
    final AtomicLong standing = new AtomicLong();
    final AtomicLong ended = new AtomicLong();
    final AtomicLong cut = new AtomicLong();
    final AtomicLong changed = new AtomicLong();
    final AtomicLong swallowed = new AtomicLong();
}
