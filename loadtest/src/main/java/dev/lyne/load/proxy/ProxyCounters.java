package dev.lyne.load.proxy;

import java.util.concurrent.atomic.AtomicLong;

/** What a proxy did to connections so far, counted by its event loop and read by anyone. */
final class ProxyCounters {
    final AtomicLong standing = new AtomicLong();
    final AtomicLong ended = new AtomicLong();
    final AtomicLong cut = new AtomicLong();
    final AtomicLong changed = new AtomicLong();
    final AtomicLong swallowed = new AtomicLong();
}
