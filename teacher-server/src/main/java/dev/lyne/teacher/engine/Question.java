package dev.lyne.teacher.engine;

/**
 * A request to an engine.
 *
 * @param path with a leading slash
 * @param body JSON to post; empty: a GET
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
record Question(String path, byte[] body) {
    static Question get(String path) {
        return new Question(path, new byte[0]);
    }
}
