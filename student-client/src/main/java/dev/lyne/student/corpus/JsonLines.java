package dev.lyne.student.corpus;

import dev.lyne.lm.files.JsonFaults;
import dev.lyne.student.tokens.Document;
import dev.lyne.student.tokens.DocumentSource;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A {@code .jsonl} or {@code .jsonl.gz} file: a document a line. Blank lines are passed over. */
final class JsonLines {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path file;
    private final Optional<String> textField;
    private final String defaultTextField;

    JsonLines(Path file, Optional<String> textField, String defaultTextField) {
        this.file = file;
        this.textField = textField;
        this.defaultTextField = defaultTextField;
    }

    void read(long bytesBefore, DocumentSource.Sink sink) throws IOException {
        int line = 0;
        try (Counting counting = new Counting(Files.newInputStream(file));
                InputStream in = new BufferedInputStream(
                        file.toString().endsWith(".gz") ? new GZIPInputStream(counting, 1 << 16) : counting, 1 << 16)) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 12);
            boolean more = true;
            while (more) {
                line++;
                bytes.reset();
                more = readLine(in, bytes);
                String source = file + ":" + line;
                String text = TextFile.decode(bytes.toByteArray(), source);
                if (!text.isBlank()) {
                    sink.accept(document(source, text), bytesBefore + counting.count);
                }
            }
        } catch (ZipException | EOFException e) {
            throw new CorpusException("corpus: " + file + ":" + line + ": the gzip data is damaged: " + e.getMessage());
        }
    }

    private Document document(String source, String line) throws CorpusException {
        JsonNode node;
        try {
            node = JSON.readTree(line);
        } catch (JacksonException e) {
            throw new CorpusException(
                    "corpus: " + source + ": " + JsonFaults.explain(e) + " (expected: one JSON object a line)");
        }
        if (!node.isObject()) {
            throw new CorpusException(
                    "corpus: " + source + ": " + node.getNodeType() + " (expected: one JSON object a line)");
        }
        String field = textField.orElse(defaultTextField);
        if (node.has(field)) {
            return new Document(source, "", string(source, node, field));
        }
        if (textField.isEmpty() && node.has("prompt") && node.has("response")) {
            JsonNode prompt = node.get("prompt");
            if (!prompt.isString()) {
                throw new CorpusException(
                        "corpus: " + source + ": field prompt is " + prompt.getNodeType() + " (expected: a string)");
            }
            return new Document(source, prompt.stringValue(), string(source, node, "response"));
        }
        throw new CorpusException("corpus: " + source + ": fields " + String.join(", ", node.propertyNames())
                + " (expected: " + field + (textField.isEmpty() ? ", or prompt and response" : "") + ")");
    }

    private static String string(String source, JsonNode node, String field) throws CorpusException {
        JsonNode value = node.get(field);
        if (!value.isString() || value.stringValue().isEmpty()) {
            throw new CorpusException("corpus: " + source + ": field " + field + " is "
                    + (value.isString() ? "empty" : value.getNodeType()) + " (expected: a string that is not empty)");
        }
        return value.stringValue();
    }

    /** Reads up to a line feed or the end; false at the end. */
    private static boolean readLine(InputStream in, ByteArrayOutputStream out) throws IOException {
        for (int b = in.read(); b >= 0; b = in.read()) {
            if (b == '\n') {
                return true;
            }
            out.write(b);
        }
        return false;
    }

    /** Counts the bytes taken from a file. */
    private static final class Counting extends FilterInputStream {
        private long count;

        Counting(InputStream in) {
            super(in);
        }

        @Override
        public int read() throws IOException {
            int b = super.read();
            count += b >= 0 ? 1 : 0;
            return b;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int read = super.read(buffer, offset, length);
            count += Math.max(0, read);
            return read;
        }
    }
}
