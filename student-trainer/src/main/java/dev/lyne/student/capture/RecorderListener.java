package dev.lyne.student.capture;

/** Told how a capture goes. Calls come from several threads, one at a time. */
public interface RecorderListener {
    /**
     * Before the first row is recorded.
     *
     * @param estimate of what is still to be captured
     * @param usableBytes free on the disk that it goes to
     * @param finishedShards shards that an earlier run finished
     * @param shards shards in all
     */
    void onStart(Estimate estimate, long usableBytes, int finishedShards, int shards);

    /**
     * A window more is recorded.
     *
     * @param windows of this run so far, positions and block bytes likewise
     */
    void onProgress(long windows, long positions, long blockBytes);

    /** A shard stands. */
    void onShard(int finishedShards, int shards);

    /** Something that people should know, in one line. */
    default void onNotice(String line) {}
}
