package dev.lyne.teacher.admission;

import com.google.protobuf.ByteString;
import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.v1.TeacherDigests;
import java.util.HexFormat;
import java.util.Optional;

/** Comparison of a student's expectations of its teacher with what the teacher is. */
final class Expectations {
    private Expectations() {}

    /**
     * Passes over what is not stated.
     *
     * @param vocabularySize 0: not stated
     * @throws MismatchException with the value and the teacher's
     */
    static void check(
            TeacherDescription teacher,
            TeacherDigests digests,
            int vocabularySize,
            Optional<dev.lyne.v1.ExecutionFingerprint> fingerprint) {
        checkDigest("model_sha256", digests.getModelSha256(), teacher.modelDigest());
        checkDigest("tokenizer_sha256", digests.getTokenizerSha256(), teacher.tokenizerDigest());
        if (vocabularySize != 0 && vocabularySize != teacher.vocabularySize()) {
            throw new MismatchException("expected_vocabulary_size: " + Integer.toUnsignedString(vocabularySize)
                    + " (expected: the teacher's " + teacher.vocabularySize() + ")");
        }
        if (fingerprint.isPresent()
                && !fingerprint.get().equals(teacher.fingerprint().toMessage())) {
            String stated = ExecutionFingerprint.of(fingerprint.get()).joined();
            throw new MismatchException("expected_execution_fingerprint: " + PrintableText.ofClient(stated)
                    + " (expected: the server's " + teacher.fingerprint().joined() + ")");
        }
    }

    private static void checkDigest(String name, ByteString expected, byte[] actual) {
        if (!expected.isEmpty() && !expected.equals(ByteString.copyFrom(actual))) {
            HexFormat hex = HexFormat.of();
            throw new MismatchException("expected_digests." + name + ": "
                    + PrintableText.ofClient(hex.formatHex(
                            expected.substring(0, Math.min(expected.size(), PrintableText.MAX_CLIENT_CHARACTERS))
                                    .toByteArray()))
                    + " (expected: the teacher's " + hex.formatHex(actual) + ")");
        }
    }

    /** Ends the checks of an opening whose student expects another teacher. */
    static final class MismatchException extends RuntimeException {
        private static final long serialVersionUID = 1;
        private final String line;

        MismatchException(String line) {
            super(line, null, false, false);
            this.line = line;
        }

        String line() {
            return line;
        }
    }
}
