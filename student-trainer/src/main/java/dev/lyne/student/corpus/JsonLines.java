package dev.lyne.student.corpus;

import dev.lyne.student.tokens.Document;
import dev.lyne.student.tokens.DocumentSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** A file of JSON Lines: a document a line. Blank lines are passed over. */
final class JsonLines {
    static final String PROMPT = "prompt";
    static final String TEACHER_PROMPT = "teacher_prompt";
    private static final List<String> RESPONSES = List.of("response", "completion");

    private final Path file;
    private final Optional<String> textField;
    private final String defaultTextField;
    private final boolean skipInvalid;

    /** @param skipInvalid whether a line that cannot be read is told of and passed over */
    JsonLines(Path file, Optional<String> textField, String defaultTextField, boolean skipInvalid) {
        this.file = file;
        this.textField = textField;
        this.defaultTextField = defaultTextField;
        this.skipInvalid = skipInvalid;
    }

    void read(long bytesBefore, DocumentSource.Sink sink) throws IOException {
        long line = 0;
        try (Contents contents = Contents.open(file)) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 12);
            boolean more = true;
            while (more) {
                line++;
                bytes.reset();
                more = Lines.read(contents, bytes);
                Optional<Document> document;
                try {
                    document = document(file + ":" + line, bytes.toByteArray());
                } catch (InvalidDocumentException e) {
                    String reason = file + ":" + line + ": " + e.getMessage();
                    if (!skipInvalid) {
                        throw new CorpusException("corpus: " + reason);
                    }
                    sink.skip(reason);
                    continue;
                }
                if (document.isPresent()) {
                    sink.accept(document.get(), bytesBefore + contents.fileBytes());
                }
            }
        } catch (DamagedContentsException e) {
            throw new CorpusException("corpus: " + file + ":" + line + ": " + e.getMessage());
        }
    }

    private Optional<Document> document(String source, byte[] line) throws InvalidDocumentException {
        String text = Utf8.decode(line, 0);
        if (text.isBlank()) {
            return Optional.empty();
        }
        JsonNode node = object(text);
        String field = textField.orElse(defaultTextField);
        requireNoOtherSpelling(node);
        if (node.has(field)) {
            if (node.has(TEACHER_PROMPT)) {
                throw new InvalidDocumentException(
                        "field " + TEACHER_PROMPT + " beside " + field + " (expected: beside " + PROMPT + " and "
                                + RESPONSES.get(0) + ", in the place of whose prompt the teacher sees it)");
            }
            return Optional.of(new Document(source, "", text(node, field)));
        }
        if (textField.isPresent() || !node.has(PROMPT)) {
            throw unknown(node, field);
        }
        List<String> responses = RESPONSES.stream().filter(node::has).toList();
        if (responses.size() > 1) {
            throw new InvalidDocumentException("fields response and completion (expected: one of the two)");
        }
        if (responses.isEmpty()) {
            throw unknown(node, field);
        }
        return Optional.of(
                new Document(source, string(node, PROMPT), teacherPrompt(node), text(node, responses.get(0))));
    }

    /** The object that a line is. */
    static JsonNode object(String line) throws InvalidDocumentException {
        JsonNode node;
        try {
            node = Json.read(line);
        } catch (InvalidDocumentException e) {
            throw new InvalidDocumentException(e.getMessage() + " (expected: one JSON object a line)");
        }
        if (!node.isObject()) {
            throw new InvalidDocumentException(Json.kind(node) + " (expected: one JSON object a line)");
        }
        return node;
    }

    /** Text that a teacher sees in the prompt's place, where a line says so. */
    static Optional<String> teacherPrompt(JsonNode node) throws InvalidDocumentException {
        return node.has(TEACHER_PROMPT) ? Optional.of(text(node, TEACHER_PROMPT)) : Optional.empty();
    }

    /** A line has whatever other fields it likes, but what was meant for the teacher must not go unread. */
    static void requireNoOtherSpelling(JsonNode node) throws InvalidDocumentException {
        for (String name : node.propertyNames()) {
            String letters = name.toLowerCase(Locale.ROOT).replaceAll("[^a-z]", "");
            if (letters.startsWith("teacherprompt") && !name.equals(TEACHER_PROMPT)) {
                throw new InvalidDocumentException("field " + name + " (expected: " + TEACHER_PROMPT + ")");
            }
        }
    }

    private InvalidDocumentException unknown(JsonNode node, String field) {
        String expected = textField.isPresent() ? field : field + ", or prompt and response, or prompt and completion";
        String chat = node.has("messages") ? "; chat messages are made text with the chat's template first" : "";
        return new InvalidDocumentException(
                "fields " + String.join(", ", node.propertyNames()) + " (expected: " + expected + chat + ")");
    }

    private static String text(JsonNode node, String field) throws InvalidDocumentException {
        String text = string(node, field);
        if (text.isEmpty()) {
            throw new InvalidDocumentException("field " + field + " is empty (expected: a string that is not empty)");
        }
        return text;
    }

    static String string(JsonNode node, String field) throws InvalidDocumentException {
        JsonNode value = node.path(field);
        if (!value.isString()) {
            throw new InvalidDocumentException("field " + field + " is " + Json.kind(value) + " (expected: a string)");
        }
        Utf8.requireWhole(field, value.stringValue());
        return value.stringValue();
    }
}
