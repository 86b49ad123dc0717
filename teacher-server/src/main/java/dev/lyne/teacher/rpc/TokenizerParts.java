package dev.lyne.teacher.rpc;

import com.google.protobuf.ByteString;
import dev.lyne.teacher.model.TokenizerFile;
import dev.lyne.v1.GetTokenizerResponse;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A tokenizer's files as messages, each made when it is sent. */
final class TokenizerParts {
    private static final int PART_BYTES = 1 << 20;

    private TokenizerParts() {}

    static Iterator<GetTokenizerResponse> of(List<TokenizerFile> files) {
        return files.stream().flatMap(TokenizerParts::parts).iterator();
    }

    private static Stream<GetTokenizerResponse> parts(TokenizerFile file) {
        byte[] bytes = file.bytes();
        ByteString digest = ByteString.copyFrom(sha256(bytes));
        return IntStream.range(0, Math.max(1, (bytes.length + PART_BYTES - 1) / PART_BYTES))
                .mapToObj(part -> GetTokenizerResponse.newBuilder()
                        .setFileName(file.name())
                        .setFileSha256(digest)
                        .setFileBytes(bytes.length)
                        .setPart(ByteString.copyFrom(
                                bytes, part * PART_BYTES, Math.min(PART_BYTES, bytes.length - part * PART_BYTES)))
                        .build());
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
