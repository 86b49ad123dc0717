package dev.lyne.teacher.engine;

/**
 * A request to an engine.
 *
 * @param path with a leading slash
 * @param body JSON to post, or with gRPC its messages; empty: a GET
 * @param grpc whether it is a call of gRPC, whose answer ends with a status
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
record Question(String path, byte[] body, boolean grpc) {
    Question(String path, byte[] body) {
        this(path, body, false);
    }

    static Question grpc(String path, byte[] messages) {
        return new Question(path, messages, true);
    }

    static Question get(String path) {
        return new Question(path, new byte[0]);
    }
}
