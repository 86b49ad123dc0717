package dev.lyne.student.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdOutputStream;
import dev.lyne.student.tokens.Document;
import dev.lyne.student.tokens.DocumentSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CorpusTest {
    @TempDir
    Path directory;

    @Test
    void read_directory_givesFilesByPathWithoutHiddenOnes() throws IOException {
        write("b.txt", "bee");
        write("a/z.txt", "zed");
        write("a/lines.jsonl", "{\"text\":\"one\"}\n\n{\"text\":\"two\",\"year\":1790}\n");
        write(".git/config", "secret");
        assertThat(texts(Corpus.of(List.of(directory), Optional.empty()))).containsExactly("one", "two", "zed", "bee");
    }

    @Test
    void read_inputsGivenTwice_keepsTheOrderGiven() throws IOException {
        Path b = write("b.txt", "bee");
        Path a = write("a.txt", "ay");
        assertThat(texts(Corpus.of(List.of(b, a), Optional.empty()))).containsExactly("bee", "ay");
    }

    @Test
    void read_compressedLines_givesTheSameAsPlain() throws IOException {
        Path file = directory.resolve("c.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
            out.write("{\"body\":\"häh\"}\n{\"body\":\"2\"}".getBytes(StandardCharsets.UTF_8));
        }
        assertThat(texts(Corpus.of(List.of(file), Optional.of("body")))).containsExactly("häh", "2");
    }

    @Test
    void read_promptAndResponse_keepsThePromptApart() throws IOException {
        Path file = write("p.jsonl", "{\"prompt\":\"Q: \",\"response\":\"A\"}\n");
        List<Document> documents = documents(Corpus.of(List.of(file), Optional.empty()));
        assertThat(documents).containsExactly(new Document(file + ":1", "Q: ", "A"));
    }

    @Test
    void read_wrongLine_namesFileLineAndExpectation() throws IOException {
        assertRefused(
                "{\"text\":\"a\"}\n{\"title\":\"b\"}\n",
                ":2: fields title (expected: text, or prompt and response, or prompt and completion)");
        assertRefused("{\"text\":3}\n", ":1: field text is a number (expected: a string)");
        assertRefused("{\"text\":\"\"}\n", ":1: field text is empty");
        assertRefused("[1]\n", ":1: an array (expected: one JSON object a line)");
        assertRefused("{\"text\":\"a\"}\n{\"te", ":2: ");
    }

    @Test
    void read_bytesThatAreNotUtf8_namesTheByte() throws IOException {
        Path file = directory.resolve("bad.txt");
        Files.write(file, new byte[] {'a', 'b', (byte) 0xff, 'c'});
        Corpus corpus = Corpus.of(List.of(file), Optional.empty());
        assertThatThrownBy(() -> texts(corpus))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining("bad.txt: byte 2 is not UTF-8");
    }

    @Test
    void read_truncatedGzip_isRefused() throws IOException {
        Path whole = directory.resolve("whole.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(whole))) {
            out.write("{\"text\":\"some text\"}\n".getBytes(StandardCharsets.UTF_8));
        }
        byte[] bytes = Files.readAllBytes(whole);
        Path cut = directory.resolve("cut.jsonl.gz");
        Files.write(cut, java.util.Arrays.copyOf(bytes, bytes.length - 12));
        Corpus corpus = Corpus.of(List.of(cut), Optional.empty());
        assertThatThrownBy(() -> texts(corpus))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining("cut.jsonl.gz:1: the gzip data is damaged");
    }

    @Test
    void read_teacherPrompt_isKeptBesideThePromptAndRefusedElsewhere() throws IOException {
        Path file = write("p.jsonl", "{\"prompt\":\"Q\",\"teacher_prompt\":\"Q, hint\",\"response\":\"A\"}\n");
        assertThat(documents(Corpus.of(List.of(file), Optional.empty())))
                .containsExactly(new Document(file + ":1", "Q", Optional.of("Q, hint"), "A"));
        assertRefused(
                "{\"prompt\":\"Q\",\"teacher_prompt\":\"\",\"response\":\"A\"}",
                ":1: field teacher_prompt is empty (expected: a string that is not empty)");
        assertRefused(
                "{\"prompt\":\"Q\",\"teacher_prompt\":null,\"response\":\"A\"}",
                ":1: field teacher_prompt is a null (expected: a string)");
        assertRefused(
                "{\"teacher_prompt\":\"T\",\"text\":\"A\"}",
                ":1: field teacher_prompt beside text (expected: beside prompt and response");
        assertRefused(
                "{\"prompt\":\"Q\",\"teacherPrompt\":\"T\",\"response\":\"A\"}",
                ":1: field teacherPrompt (expected: teacher_prompt)");
    }

    @Test
    void read_promptAndCompletion_isReadAlike() throws IOException {
        Path file = write("p.jsonl", "{\"prompt\":\"Q: \",\"completion\":\"A\"}\n");
        assertThat(documents(corpus(file))).containsExactly(new Document(file + ":1", "Q: ", "A"));
        assertRefused(
                "{\"prompt\":\"a\",\"completion\":\"b\",\"response\":\"c\"}", ":1: fields response and completion");
        assertRefused("{\"prompt\":\"a\"}", ":1: fields prompt (expected: text, or prompt and response, or");
        assertRefused(
                "{\"messages\":[]}",
                ":1: fields messages (expected: text, or prompt and response, or prompt and completion; chat messages are made"
                        + " text with the chat's template first)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"y.json", "x.ndjson", "X.JSONL", "lines.txt", "lines", "l.JSON"})
    void read_linesOfJsonUnderAnyName_areDocuments(String name) throws IOException {
        Path file = write(name, "\uFEFF{\"text\":\"one\"}\r\n\r\n{\"text\":\"two\"}\r\n");
        assertThat(texts(corpus(file))).containsExactly("one", "two");
    }

    /** A first line that is longer than what is looked at. */
    @Test
    void read_longFirstLine_isRecognised() throws IOException {
        String text = "word ".repeat(100_000);
        Path file = write("long.txt", "{\"text\":\"" + text + "\"}\n{\"text\":\"two\"}");
        assertThat(texts(corpus(file))).containsExactly(text, "two");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[{\"text\":\"one\"},{\"text\":\"two\"}]",
                "[\n {\"text\":\"one\"},\n {\"text\":\"two\"}\n]\n",
                "{\n \"text\": \"one\"\n}\n",
                "[\"one\", \"two\"]",
                "[\n [\"one\"],\n [\"two\"]\n]\n",
                "[{\"te",
                "{\"text\": [\n1,\n2]}",
                "{\"text\":\"one\"} rest",
                "# made today\n{\"text\":\"one\"}\n{\"text\":\"two\"}\n",
                "{\"text\": \"one",
            })
    void of_jsonThatIsNotLines_isRefusedUnderAnyName(String contents) throws IOException {
        for (String name : List.of("a.json", "a.txt", "a", "a.dat")) {
            Path file = write(name, contents);
            assertThatThrownBy(() -> corpus(file))
                    .as(name)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(name + ": ")
                    .hasMessageContaining("not one object a line (expected: text or JSON Lines");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[Applause.] Mr. Speaker",
                "[1] A note.\n[2] Another.",
                "{x} is a set",
                "[[Category:Ships]]\nThe ship sailed.\n",
                "[{x} is a set, as is {y}]",
                "[[1]] A note.",
                "{\"Hello,\" he said.}",
                "{} is the empty set",
                "[[\"Hello,\" he said.]]",
                "\"Hello,\" he said.",
                "1\n2\n3"
            })
    void read_proseThatBeginsLikeJson_isText(String prose) throws IOException {
        assertThat(texts(corpus(write("prose", prose)))).containsExactly(prose);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x.jsonl", "x.json", "x.txt", "x"})
    void read_damagedFirstLine_canBeSkippedUnderAnyName(String name) throws IOException {
        Path file = write(name, "{\"text\": \"on\n{\"text\":\"two\"}\n{\"text\":\"three\"}\n");
        assertThatThrownBy(() -> texts(corpus(file)))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining(name + ":1: no JSON at column ");
        List<String> read = new ArrayList<>();
        List<String> skipped = new ArrayList<>();
        Corpus.of("corpus", List.of(file), Optional.empty(), true).read(new DocumentSource.Sink() {
            @Override
            public void accept(Document document, long bytesRead) {
                read.add(document.text());
            }

            @Override
            public void skip(String reason) {
                skipped.add(reason);
            }
        });
        assertThat(read).containsExactly("two", "three");
        assertThat(skipped).hasSize(1);
    }

    @Test
    void read_lineBeyondALimit_isToldWhich() throws IOException {
        String deep = "{\"text\":\"a\",\"b\":" + "[".repeat(1001) + "]".repeat(1001) + "}";
        for (String name : List.of("x.jsonl", "x.json", "x.txt")) {
            Path file = write(name, deep);
            assertThatThrownBy(() -> texts(corpus(file)))
                    .hasMessageContaining(name + ":1: nested deeper than 500 (expected: one JSON object a line)");
        }
        assertRefused("{\"n\":" + "1".repeat(1001) + "}", ":1: a number of more than 1000 characters");
        assertRefused("{\"" + "n".repeat(50_001) + "\":1}", ":1: a name of more than 50000 characters");
    }

    @Test
    void read_byteOrderMark_isDropped() throws IOException {
        assertThat(texts(corpus(write("bom.txt", "\uFEFFtext")))).containsExactly("text");
        Path joined = write("bom.jsonl", "\uFEFF{\"text\":\"a\"}\n\uFEFF{\"text\":\"b\"}\n");
        assertThat(texts(corpus(joined))).containsExactly("a", "b");
    }

    @Test
    void of_whatIsNeither_isRefusedAndInADirectoryPassedOver() throws IOException {
        write("data/a.txt", "text");
        Files.write(directory.resolve("data/p.png"), new byte[] {(byte) 0x89, 'P', 'N', 'G'});
        Files.write(directory.resolve("data/u.dat"), "text".getBytes(StandardCharsets.UTF_16LE));
        write("data/d.pdf", "%PDF-1.7 text");
        write("data/m.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
        write("data/config.json", "{\n  \"a\": 1\n}\n");
        Files.createSymbolicLink(directory.resolve("data/gone"), directory.resolve("nowhere"));
        Corpus corpus = corpus(directory.resolve("data"));
        assertThat(texts(corpus)).containsExactly("text");
        assertThat(corpus.passedOver())
                .satisfiesExactly(
                        line -> assertThat(line).contains("config.json: JSON, but not one object a line"),
                        line -> assertThat(line).contains("d.pdf: a PDF file"),
                        line -> assertThat(line).contains("gone: no file, or a link that is not followed"),
                        line -> assertThat(line).contains("m.bin: a Git LFS pointer, not the file itself"),
                        line -> assertThat(line).contains("p.png: no text: byte 0 of its contents is not UTF-8"),
                        line -> assertThat(line).contains("u.dat: no text: byte 1 of its contents is 0"));
        for (String name : List.of("p.png", "u.dat", "d.pdf", "m.bin", "config.json")) {
            Path file = directory.resolve("data").resolve(name);
            assertThatThrownBy(() -> corpus(file))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(name + ": ");
        }
        Path wide = directory.resolve("wide.txt");
        Files.write(wide, "text".getBytes(StandardCharsets.UTF_16));
        assertThatThrownBy(() -> corpus(wide)).hasMessageContaining("wide.txt: UTF-16 text (expected: ");
        assertThatThrownBy(() -> corpus(directory)).hasMessageContaining("wide.txt: UTF-16 text (expected: ");
    }

    @Test
    void read_invalidDocumentsToBeSkipped_areToldAndTheOthersRead() throws IOException {
        Path file = write(
                "x.jsonl",
                "{\"text\":\"one\"}\n{\"text\":\"\"}\n{\"text\":\"a \\ud83d b\"}\nno\n{\"text\":\"a\",\"text\":\"b\"}\n"
                        + "{\"text\":\"a\"} {\"text\":\"b\"}\n[]\n{\"text\":\"two\"}");
        Path binary = directory.resolve("b.txt");
        Files.write(binary, new byte[] {'a', (byte) 0xff});
        List<String> read = new ArrayList<>();
        List<String> skipped = new ArrayList<>();
        Corpus.of("corpus", List.of(file, binary, write("e.txt", "")), Optional.empty(), true)
                .read(new DocumentSource.Sink() {
                    @Override
                    public void accept(Document document, long bytesRead) {
                        read.add(document.text());
                    }

                    @Override
                    public void skip(String reason) {
                        skipped.add(reason.substring(reason.lastIndexOf('/') + 1));
                    }
                });
        assertThat(read).containsExactly("one", "two");
        assertThat(skipped)
                .containsExactly(
                        "x.jsonl:2: field text is empty (expected: a string that is not empty)",
                        "x.jsonl:3: field text has half a character, U+D83D at index 2 (expected: whole ones)",
                        "x.jsonl:4: no JSON at column 1 (expected: one JSON object a line)",
                        "x.jsonl:5: a name that comes twice at column 19 (expected: one JSON object a line)",
                        "x.jsonl:6: no JSON at column 14 (expected: one JSON object a line)",
                        "x.jsonl:7: an array (expected: one JSON object a line)",
                        "b.txt: byte 1 is not UTF-8 (expected: UTF-8)",
                        "e.txt: it is empty (expected: at least one character)");
    }

    @Test
    void read_gzipMembers_accountForEveryByte() throws IOException {
        byte[] one = gzip("{\"text\":\"one\"}\n");
        byte[] two = gzip("{\"text\":\"two\"}\n");
        assertThat(texts(corpus(bytes("two.jsonl.gz", one, two)))).containsExactly("one", "two");
        assertThat(texts(corpus(bytes("pad.JSONL.GZ", one, new byte[100_000])))).containsExactly("one");
        assertThat(texts(corpus(bytes("book.txt.gz", gzip("prose"))))).containsExactly("prose");
        byte[] padded = new byte[70_000];
        padded[69_999] = 7;
        assertDamaged(
                "junk after padding",
                bytes("p.jsonl.gz", one, padded),
                "byte " + (one.length + 69_999) + ": 07 after zero");
        assertDamaged(
                "junk",
                bytes("j.jsonl.gz", one, new byte[] {'j'}),
                "byte " + one.length + ": 6a after the last member");
        byte[] wrongMagic = two.clone();
        wrongMagic[1] ^= 1;
        assertDamaged("magic", bytes("m.jsonl.gz", one, wrongMagic), "byte " + (one.length + 1));
        for (int at = 2; at < two.length; at++) {
            byte[] cut = java.util.Arrays.copyOf(two, at);
            assertDamaged("cut at " + at, bytes("c.jsonl.gz", one, cut), "ends within a member");
        }
        for (int at : new int[] {2, 3, two.length - 8, two.length - 1}) {
            byte[] flipped = two.clone();
            flipped[at] ^= (byte) 0x80;
            assertDamaged("flipped " + at, bytes("f.jsonl.gz", one, flipped), "the gzip data is damaged at byte ");
        }
    }

    @Test
    void read_zstdFrames_accountForEveryByte() throws IOException {
        byte[] one = zstd("{\"text\":\"one\"}\n");
        byte[] two = zstd("{\"text\":\"two\"}\n");
        assertThat(texts(corpus(bytes("two.jsonl.zst", one, two)))).containsExactly("one", "two");
        assertThat(texts(corpus(bytes("no-name", one)))).containsExactly("one");
        assertThat(texts(corpus(bytes("book.txt.ZST", zstd("prose"))))).containsExactly("prose");
        for (int junk = 1; junk < 24; junk++) {
            byte[] tail = new byte[junk];
            java.util.Arrays.fill(tail, (byte) 'j');
            assertDamaged(
                    junk + " of junk", bytes("j.jsonl.zst", one, tail), "the zstd data is damaged at or before byte ");
        }
        for (int at = 1; at < two.length; at++) {
            byte[] cut = java.util.Arrays.copyOf(two, at);
            assertDamaged(
                    "cut at " + at, bytes("c.jsonl.zst", one, cut), "the zstd data is damaged at or before byte ");
        }
        byte[] flipped = two.clone();
        flipped[two.length - 1] ^= 1;
        assertDamaged("checksum", bytes("f.jsonl.zst", one, flipped), "the zstd data is damaged at or before byte ");
    }

    private static void assertDamaged(String what, Path file, String message) throws IOException {
        Corpus corpus = corpus(file);
        assertThatThrownBy(() -> texts(corpus))
                .as(what)
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining(file + ":")
                .hasMessageContaining(message);
    }

    private Path bytes(String name, byte[]... parts) throws IOException {
        Path file = directory.resolve(name);
        try (OutputStream out = Files.newOutputStream(file)) {
            for (byte[] part : parts) {
                out.write(part);
            }
        }
        return file;
    }

    private static byte[] gzip(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    /** A whole file says itself that it takes too much memory. */
    @Test
    void read_zstdOfAGreatWindow_saysThatAndNotThatItIsDamaged() throws IOException {
        byte[] text = "{\"text\":\"one\"}\n".getBytes(StandardCharsets.UTF_8);
        byte windowOf512Mib = (byte) (29 - 10 << 3);
        byte lastRawBlock = (byte) (text.length << 3 | 1);
        byte[] frame = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0, windowOf512Mib, lastRawBlock, 0, 0};
        assertThatThrownBy(() -> texts(corpus(bytes("long.jsonl.zst", frame, text))))
                .hasMessageEndingWith(
                        ":1: the zstd data needs a window of more than 128 MiB (expected: at most that, which"
                                + " zstd --long=27 makes)");
    }

    private static byte[] zstd(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZstdOutputStream out = new ZstdOutputStream(bytes).setChecksum(true)) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    private static Corpus corpus(Path input) throws IOException {
        return Corpus.of(List.of(input), Optional.empty());
    }

    @Test
    void of_inputThatIsNotThere_isRefused() {
        assertThatThrownBy(() -> Corpus.of(List.of(directory.resolve("none")), Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("none does not exist");
        assertThatThrownBy(() -> Corpus.of(List.of(directory), Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("holds no file");
    }

    @Test
    void sha256_sameBytesUnderAnotherName_isTheSame() throws IOException {
        byte[] first =
                Corpus.of(List.of(write("a.txt", "same")), Optional.empty()).sha256();
        byte[] second =
                Corpus.of(List.of(write("b.txt", "same")), Optional.empty()).sha256();
        byte[] other =
                Corpus.of(List.of(write("c.txt", "other")), Optional.empty()).sha256();
        assertThat(first).isEqualTo(second).isNotEqualTo(other).hasSize(32);
    }

    private void assertRefused(String lines, String message) throws IOException {
        Corpus corpus = Corpus.of(List.of(write("x.jsonl", lines)), Optional.empty());
        assertThatThrownBy(() -> texts(corpus))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining("x.jsonl" + message);
    }

    private Path write(String name, String text) throws IOException {
        Path file = directory.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private static List<String> texts(Corpus corpus) throws IOException {
        return documents(corpus).stream().map(Document::text).toList();
    }

    private static List<Document> documents(Corpus corpus) throws IOException {
        List<Document> documents = new ArrayList<>();
        corpus.read((document, bytesRead) -> documents.add(document));
        return documents;
    }
}
