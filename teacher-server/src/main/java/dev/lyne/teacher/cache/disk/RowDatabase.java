package dev.lyne.teacher.cache.disk;

import java.nio.file.Path;
import java.util.Optional;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompactionOptionsFIFO;
import org.rocksdb.CompactionStyle;
import org.rocksdb.CompressionType;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

/**
 * An open RocksDB database, set up as a cache: what is written stays where it is, and once the tables outgrow their share of
 * the bound, the oldest go. Owns native memory; no method may be called after {@link #close}, nor during it.
 *
 * <p>Writes go to a log before they are answered, so they survive a killed process. The log is not forced to the device: a
 * power cut may cost the last of them, which is a miss.
 */
final class RowDatabase implements AutoCloseable {
    /** Room for tables in memory, their logs, and one being written out, in buffers; the rest of the bound is for tables. */
    private static final int BUFFERS_BESIDE_TABLES = 6;

    private static final long MAX_BUFFER_BYTES = 32L << 20;
    private static final long INDEX_CACHE_BYTES = 8L << 20;
    private static final int BITS_A_KEY = 10;

    private final Settings settings;
    private final RocksDB database;

    private RowDatabase(Settings settings, RocksDB database) {
        this.settings = settings;
        this.database = database;
    }

    /** Opens the database of a directory, or makes one. */
    static RowDatabase open(Path directory, long maxBytes) throws RocksDBException {
        Settings settings = new Settings(maxBytes);
        try {
            return new RowDatabase(settings, RocksDB.open(settings.options, directory.toString()));
        } catch (RocksDBException e) {
            settings.close();
            throw e;
        }
    }

    /** Deletes the database of a directory, and no other file. */
    static void destroy(Path directory) throws RocksDBException {
        RocksDB.loadLibrary();
        try (Options options = new Options()) {
            RocksDB.destroyDB(directory.toString(), options);
        }
    }

    /** True where what failed is what was stored, not the storing. */
    static boolean isDamage(RocksDBException e) {
        return e.getStatus() != null && e.getStatus().getCode() == Status.Code.Corruption;
    }

    /** Largest entry that does not upset the bound, in bytes. */
    static long maxEntryBytes(long maxBytes) {
        return bufferBytes(maxBytes);
    }

    private static long bufferBytes(long maxBytes) {
        return Math.min(MAX_BUFFER_BYTES, maxBytes / 32);
    }

    Optional<byte[]> get(byte[] key) throws RocksDBException {
        return Optional.ofNullable(database.get(key));
    }

    void put(byte[] key, byte[] value) throws RocksDBException {
        database.put(key, value);
    }

    /** Bytes of tables, on disk and in memory. */
    long bytes() throws RocksDBException {
        return database.getLongProperty("rocksdb.total-sst-files-size")
                + database.getLongProperty("rocksdb.size-all-mem-tables");
    }

    /** Number of entries, those replaced included; an estimate. */
    long entries() throws RocksDBException {
        return database.getLongProperty("rocksdb.estimate-num-keys");
    }

    @Override
    public void close() {
        database.close();
        settings.close();
    }

    /** The native objects that a database is opened with and that must outlive it. */
    private static final class Settings implements AutoCloseable {
        private final CompactionOptionsFIFO eviction;
        private final BloomFilter filter;
        private final LRUCache indexCache;
        private final Options options;

        Settings(long maxBytes) {
            RocksDB.loadLibrary();
            long buffer = bufferBytes(maxBytes);
            eviction = new CompactionOptionsFIFO().setMaxTableFilesSize(maxBytes - BUFFERS_BESIDE_TABLES * buffer);
            filter = new BloomFilter(BITS_A_KEY);
            indexCache = new LRUCache(INDEX_CACHE_BYTES);
            options = new Options()
                    .setCreateIfMissing(true)
                    .setCompactionStyle(CompactionStyle.FIFO)
                    .setCompactionOptionsFIFO(eviction)
                    .setCompressionType(CompressionType.NO_COMPRESSION) // encoded rows do not get smaller
                    .setWriteBufferSize(buffer)
                    .setArenaBlockSize(Math.min(1 << 20, buffer / 8))
                    .setTableFormatConfig(
                            new BlockBasedTableConfig().setFilterPolicy(filter).setBlockCache(indexCache))
                    .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
                    .setMaxLogFileSize(1 << 20)
                    .setKeepLogFileNum(2)
                    .setStatsDumpPeriodSec(0);
        }

        @Override
        public void close() {
            options.close();
            indexCache.close();
            filter.close();
            eviction.close();
        }
    }
}
