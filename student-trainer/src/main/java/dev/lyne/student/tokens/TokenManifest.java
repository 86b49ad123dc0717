package dev.lyne.student.tokens;

import dev.lyne.files.AtomicFile;
import dev.lyne.files.JsonFaults;
import dev.lyne.lm.files.SealedJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Manifest of a token store: `manifest.json`, which ends with its checksum.
 *
 * @param skipped documents that could not be read
 * @param firstSkipped the first of them, and why; empty where there is none
 * @param teacherPrompts documents of which a teacher sees another prompt
 * @param documentsUpToFile documents of each file of the corpus and of those before it
 */
record TokenManifest(
        int version,
        String corpusSha256,
        String tokenizerSha256,
        String documentRule,
        long skipped,
        String firstSkipped,
        long teacherPrompts,
        List<Long> documentsUpToFile,
        List<Shard> shards) {
    /** Version of the layout and of how text becomes documents. */
    static final int VERSION = 4;

    /**
     * Of each document: first token in the shard, number of tokens, tokens at its start without loss, tokens behind its last that a teacher
     * sees in the place of those; 0 where it sees the same.
     */
    static final int INTS_PER_DOCUMENT = 4;

    private static final String FILE = "manifest.json";
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    TokenManifest {
        documentsUpToFile = List.copyOf(documentsUpToFile);
        shards = List.copyOf(shards);
    }

    /** Documents that could not be read, and the first of them with why; empty where there is none. */
    record Skipped(long documents, String first) {}

    /** Shard: its sizes and the CRC32C of its two files. */
    record Shard(int tokens, int documents, int tokensCrc32c, int documentsCrc32c) {}

    static String tokensFile(int shard) {
        return "shard-%05d.tokens".formatted(shard);
    }

    static String documentsFile(int shard) {
        return "shard-%05d.documents".formatted(shard);
    }

    /** Returns the manifest of a store that is to be built. */
    static TokenManifest planned(String corpusSha256, String tokenizerSha256, String documentRule) {
        return new TokenManifest(VERSION, corpusSha256, tokenizerSha256, documentRule, 0, "", 0, List.of(), List.of());
    }

    TokenManifest holding(Skipped passedOver, long otherPrompts, List<Long> upToFile, List<Shard> written) {
        return new TokenManifest(
                version,
                corpusSha256,
                tokenizerSha256,
                documentRule,
                passedOver.documents(),
                passedOver.first(),
                otherPrompts,
                upToFile,
                written);
    }

    /** Refuses a manifest of other tokens than are wanted, naming each value that differs. */
    void requireKind(Path directory, TokenManifest expected) throws DamagedTokensException {
        List<String> differences = new ArrayList<>();
        differ(differences, "version", version, expected.version);
        differ(differences, "SHA-256 of the corpus", corpusSha256, expected.corpusSha256);
        differ(differences, "SHA-256 of the tokenizer", tokenizerSha256, expected.tokenizerSha256);
        differ(differences, "tokens around a document", documentRule, expected.documentRule);
        if (!differences.isEmpty()) {
            throw new DamagedTokensException(directory.resolve(FILE) + ": " + String.join("; ", differences));
        }
    }

    private static void differ(List<String> differences, String name, Object value, Object expected) {
        if (!value.equals(expected)) {
            differences.add(name + ": " + value + " (expected: " + expected + ")");
        }
    }

    void write(Path directory) throws IOException {
        String sealed = SealedJson.seal(JSON.writeValueAsString(this));
        AtomicFile.writeWithin(directory.resolve(FILE), sealed.getBytes(StandardCharsets.UTF_8));
    }

    static TokenManifest read(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new DamagedTokensException(file + " is missing");
        }
        try {
            String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
            return JSON.readValue(SealedJson.open(text), TokenManifest.class);
        } catch (JacksonException e) {
            throw new DamagedTokensException(file + ": " + JsonFaults.explain(e));
        } catch (IllegalArgumentException e) {
            throw new DamagedTokensException(file + ": " + e.getMessage());
        }
    }
}
