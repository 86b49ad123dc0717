package dev.lyne.client;

import org.jspecify.annotations.Nullable;

/** Whether a teacher is the one meant. */
final class TeacherAgreement {
    private TeacherAgreement() {}

    /** Throws where the teacher at an address differs from what the student expects. */
    static void requireExpected(String address, TeacherDescription teacher, TeacherExpectation expectation) {
        requireEqual(address, "model digest", teacher.modelDigest(), expectation.modelDigest());
        requireEqual(address, "tokenizer digest", teacher.tokenizerDigest(), expectation.tokenizerDigest());
        requireEqual(
                address,
                "vocabulary size",
                teacher.vocabularySize(),
                expectation.vocabularySize() == 0 ? null : expectation.vocabularySize());
        requireEqual(address, "execution fingerprint", teacher.fingerprint(), expectation.fingerprint());
    }

    /**
     * Throws where the teacher at an address differs from the one described before.
     *
     * @param expectation the teacher meant; where it has a fingerprint, bits are meant
     * @param sameBits whether the execution fingerprint counts, too
     */
    static void requireSame(
            String address,
            TeacherDescription teacher,
            TeacherDescription known,
            TeacherExpectation expectation,
            boolean sameBits) {
        requireEqual(address, "model digest", teacher.modelDigest(), known.modelDigest());
        requireEqual(address, "tokenizer digest", teacher.tokenizerDigest(), known.tokenizerDigest());
        requireEqual(address, "vocabulary size", teacher.vocabularySize(), known.vocabularySize());
        if (sameBits && !teacher.fingerprint().equals(known.fingerprint())) {
            throw new TeacherMismatchException(
                    "teacher " + address + ": execution fingerprint: " + teacher.fingerprint()
                            + " (expected: " + known.fingerprint()
                            + ", as where the run began; --deterministic false takes rows of both)");
        }
        if ((sameBits || expectation.fingerprint() != null) && known.deterministic() && !teacher.deterministic()) {
            throw new TeacherMismatchException("teacher " + address
                    + ": deterministic: false (expected: true, as where the run began; serve --deterministic is)");
        }
    }

    /** Throws where a teacher at a server that holds no rows back is an engine, whose rows may turn out another model's after they came. */
    static void requireVouchedAtOnce(String address, TeacherDescription teacher) {
        if (teacher.tailError() > 0) {
            throw new TeacherMismatchException("teacher " + address
                    + ": an engine whose rows come before they are vouched for (expected: a server that knows"
                    + " OpenStream.vouched_only, for rows that are kept)");
        }
    }

    private static void requireEqual(String address, String what, Object found, @Nullable Object expected) {
        if (expected != null && !expected.equals(found)) {
            throw new TeacherMismatchException(
                    "teacher " + address + ": " + what + ": " + found + " (expected: " + expected + ")");
        }
    }
}
