package dev.lyne.teacher.cache;

import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;

/** A tier in a map, whose lookups and writes can be held. */
public final class TestTier implements Tier {
    private final String name;
    private final Map<CacheKey, StoredRows> entries = new ConcurrentHashMap<>();
    private final List<CacheKey> lookups = new CopyOnWriteArrayList<>();
    private final Semaphore allowedLookups = new Semaphore(1 << 20);
    private final Semaphore allowedWrites = new Semaphore(1 << 20);
    private volatile boolean broken;
    private volatile boolean closed;

    public TestTier(String name) {
        this.name = name;
    }

    void holdLookups() {
        allowedLookups.drainPermits();
    }

    public void allowLookups() {
        allowedLookups.release(1 << 20);
    }

    void holdWrites() {
        allowedWrites.drainPermits();
    }

    void allowWrites() {
        allowedWrites.release(1 << 20);
    }

    /** From now on everything throws. */
    public void breakDown() {
        broken = true;
    }

    /** Lookups begun, in order. */
    List<CacheKey> lookups() {
        return lookups;
    }

    Map<CacheKey, StoredRows> entries() {
        return entries;
    }

    boolean closed() {
        return closed;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Optional<StoredRows> find(RowsQuery query) {
        lookups.add(query.key());
        allowedLookups.acquireUninterruptibly();
        if (broken) {
            throw new IllegalStateException("this tier is broken");
        }
        return Optional.ofNullable(entries.get(query.key()));
    }

    @Override
    public void keep(CacheKey key, StoredRows rows) {
        try {
            allowedWrites.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        if (broken) {
            throw new IllegalStateException("this tier is broken");
        }
        entries.put(key, rows);
    }

    @Override
    public void close() {
        closed = true;
    }
}
