package dev.lyne.student.corpus;

/** A document that cannot be read; the rest of its file can. */
class InvalidDocumentException extends Exception {
    private static final long serialVersionUID = 1L;

    InvalidDocumentException(String message) {
        super(message);
    }
}
