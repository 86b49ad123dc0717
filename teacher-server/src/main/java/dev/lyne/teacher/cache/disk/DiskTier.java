package dev.lyne.teacher.cache.disk;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.files.DirectoryLock;
import dev.lyne.teacher.cache.Tier;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.entry.EntryFormat;
import dev.lyne.teacher.cache.entry.EntryReader;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongSupplier;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Encoded rows on disk. Safe for several threads.
 *
 * <p>Where a write fails (the disk is full, say), the database is closed and the tier is off: lookups are passed over and
 * writes dropped. The first write after a while tries to open it again. So every way in which a disk can fail ends in one
 * state, and nothing is ever read from a database that could not write.
 *
 * <p>The gate's read side is held to use the database, its write side to open and close it: a native object is never used
 * after its end.
 */
public final class DiskTier implements Tier {
    /** The tier. */
    public static final String NAME = "disk";

    private static final Logger LOG = LoggerFactory.getLogger(DiskTier.class);

    private final DiskTierOptions options;
    private final Path files;
    private final LongSupplier nanoClock;
    private final TierMetrics metrics;
    private final EntryReader reader;
    private final DirectoryLock lock;

    private final ReentrantReadWriteLock gate = new ReentrantReadWriteLock();

    @GuardedBy("gate")
    private Optional<RowDatabase> database = Optional.empty();

    @GuardedBy("gate")
    private boolean failed;

    @GuardedBy("gate")
    private long retryAtNanos;

    @GuardedBy("gate")
    private boolean closed;

    private DiskTier(DiskTierOptions options, LongSupplier nanoClock, TierMetrics metrics) {
        this.options = options;
        this.files = options.directory().resolve("rows-" + EntryFormat.VERSION);
        this.nanoClock = nanoClock;
        this.metrics = metrics;
        this.reader = new EntryReader(metrics);
        this.lock = lock(options.directory());
    }

    private static DirectoryLock lock(Path directory) {
        try {
            return DirectoryLock.take(directory, "lyne.lock")
                    .orElseThrow(() -> new IllegalArgumentException("disk cache: " + directory
                            + " is locked by another server (expected: a directory of this server's own)"));
        } catch (IOException e) {
            throw DiskTierOptions.notWritable(directory, e);
        }
    }

    /**
     * Opens the tier; off where the disk is full.
     *
     * @throws IllegalArgumentException where the directory cannot be written, or another server holds it
     */
    public static DiskTier open(DiskTierOptions options, LongSupplier nanoClock, TierMetrics metrics) {
        DiskTier tier = new DiskTier(options, nanoClock, metrics);
        tier.openDatabase();
        metrics.gauge("up", "1 while the tier serves, 0 while it is off", () -> tier.isUp() ? 1 : 0);
        metrics.gauge("bytes", "Bytes held", () -> tier.measure(RowDatabase::bytes));
        metrics.gauge("entries", "Sequences held, an estimate", () -> tier.measure(RowDatabase::entries));
        return tier;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Optional<StoredRows> find(RowsQuery query) {
        Optional<byte[]> entry;
        gate.readLock().lock();
        try {
            if (database.isEmpty()) {
                metrics.skipped();
                return Optional.empty();
            }
            entry = database.get().get(query.key().bytes());
        } catch (RocksDBException e) {
            if (RowDatabase.isDamage(e)) {
                metrics.damaged(String.valueOf(e.getMessage()));
            } else {
                metrics.failed("a read failed: " + e.getMessage());
            }
            metrics.missed();
            return Optional.empty();
        } finally {
            gate.readLock().unlock();
        }
        return reader.read(entry, query);
    }

    @Override
    public void keep(CacheKey key, StoredRows rows) {
        boolean fits = EntryFormat.bytes(rows) <= RowDatabase.maxEntryBytes(options.maxBytes());
        if (fits && (isUp() || openDatabase())) {
            try {
                if (put(key.bytes(), EntryFormat.write(key, rows))) {
                    metrics.wrote(rows.bytes());
                    return;
                }
            } catch (RocksDBException e) {
                turnOff("a write", e);
            }
        }
        metrics.droppedWrites(1);
    }

    private boolean put(byte[] key, byte[] entry) throws RocksDBException {
        gate.readLock().lock();
        try {
            if (database.isPresent()) {
                database.get().put(key, entry);
            }
            return database.isPresent();
        } finally {
            gate.readLock().unlock();
        }
    }

    private boolean isUp() {
        gate.readLock().lock();
        try {
            return database.isPresent();
        } finally {
            gate.readLock().unlock();
        }
    }

    /** Opens the database where it is time to; false where it is not, or where that fails. */
    private boolean openDatabase() {
        gate.writeLock().lock();
        try {
            if (closed || (failed && nanoClock.getAsLong() - retryAtNanos < 0)) {
                return false;
            }
            if (database.isEmpty()) {
                database = Optional.of(openOrReplace());
                if (failed) {
                    LOG.info("the disk tier in {} is on again", files);
                }
                failed = false;
            }
            return true;
        } catch (RocksDBException e) {
            turnOff("opening it", e);
            return false;
        } finally {
            gate.writeLock().unlock();
        }
    }

    /** A database too damaged to be opened makes room for a new one: it is a cache. */
    private RowDatabase openOrReplace() throws RocksDBException {
        try {
            return RowDatabase.open(files, options.maxBytes());
        } catch (RocksDBException e) {
            if (!RowDatabase.isDamage(e)) {
                throw e;
            }
            metrics.damaged("the database was replaced: " + e.getMessage());
            RowDatabase.destroy(files);
            return RowDatabase.open(files, options.maxBytes());
        }
    }

    private void turnOff(String what, RocksDBException e) {
        metrics.failed(what + " failed: " + e.getMessage());
        gate.writeLock().lock();
        try {
            if (!failed) {
                LOG.warn(
                        "the disk tier in {} is off, to be tried again every {}: {} failed: {}",
                        files,
                        options.retryAfter(),
                        what,
                        e.getMessage());
            }
            database.ifPresent(RowDatabase::close);
            database = Optional.empty();
            failed = true;
            retryAtNanos = nanoClock.getAsLong() + options.retryAfter().toNanos();
        } finally {
            gate.writeLock().unlock();
        }
    }

    private interface Measure {
        long of(RowDatabase database) throws RocksDBException;
    }

    private double measure(Measure measure) {
        gate.readLock().lock();
        try {
            return database.isPresent() ? measure.of(database.get()) : 0;
        } catch (RocksDBException e) {
            return Double.NaN; // what the metrics page shows for a value that cannot be had
        } finally {
            gate.readLock().unlock();
        }
    }

    @Override
    public void close() {
        gate.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                database.ifPresent(RowDatabase::close);
                database = Optional.empty();
                lock.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            gate.writeLock().unlock();
        }
    }
}
