package dev.lyne.wire.capture;

import dev.lyne.files.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.exc.InvalidFormatException;
import tools.jackson.databind.exc.InvalidTypeIdException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The manifest as JSON: snake_case keys, all of them there, none besides. */
final class ManifestFile {
    private static final Pattern PROPERTY = Pattern.compile("property ['\"]([^'\"]+)['\"]");
    private static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES,
                    DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(EnumFeature.WRITE_ENUMS_TO_LOWERCASE)
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    /** A key of trajectories alone. */
    private static final String TRAJECTORY = "trajectory";

    /** Records whose values the file has beside those of the record that holds them. */
    private static final String TEACHER = "teacher";

    private static final String FINGERPRINT = "fingerprint";

    /** A key of teachers alone whose tails have an error. */
    private static final String TAIL_ERROR = "tail_error";

    private static final List<String> FINGERPRINT_KEYS =
            List.of("torch_version", "device", "cpu_capability", "arithmetic_version", "threads", "compute_precision");
    private static final String CONTENTS = "contents";
    private static final List<String> CONTENTS_KEYS =
            List.of("complete", "sequences", "positions", "block_bytes", "shards");

    private ManifestFile() {}

    static void write(Path directory, CaptureManifest manifest) throws IOException {
        try (AtomicFile file = AtomicFile.create(directory.resolve(CaptureManifest.FILE))) {
            ObjectNode tree = JSON.valueToTree(manifest);
            if (!manifest.inTraining()) {
                tree.remove(TRAJECTORY);
            }
            if (manifest.teacher().tailError() == 0) {
                ((ObjectNode) tree.get(TEACHER)).remove(TAIL_ERROR);
            }
            spread(tree, CONTENTS);
            spread((ObjectNode) tree.get(TEACHER), FINGERPRINT);
            file.append(ByteBuffer.wrap(JSON.writeValueAsBytes(tree)));
            file.commit();
        }
    }

    /** Reads a manifest; refuses a directory without one. */
    static CaptureManifest read(Path directory) throws IOException {
        Path file = directory.resolve(CaptureManifest.FILE);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException(
                    directory + ": no " + CaptureManifest.FILE + " (expected: a directory that capture wrote)");
        }
        try {
            JsonNode tree = JSON.readTree(Files.readAllBytes(file));
            JsonNode format = tree.path("format");
            if (format.isIntegralNumber() && format.asLong() != CaptureManifest.FORMAT) {
                throw new DamagedCaptureException(
                        file,
                        "format: " + format.asLong() + " (expected: " + CaptureManifest.FORMAT
                                + "; what another version captured is to be captured again)");
            }
            if (tree instanceof ObjectNode object
                    && !object.has(TRAJECTORY)
                    && !CaptureManifest.TRAJECTORY.equals(object.path("kind").asString(""))) {
                object.set(TRAJECTORY, JSON.valueToTree(CapturedTrajectory.NONE));
            }
            if (tree.path(TEACHER) instanceof ObjectNode teacher && !teacher.has(TAIL_ERROR)) {
                teacher.put(TAIL_ERROR, 0.0);
            }
            gather(tree, CONTENTS, CONTENTS_KEYS);
            gather(tree.path(TEACHER), FINGERPRINT, FINGERPRINT_KEYS);
            return JSON.treeToValue(tree, CaptureManifest.class);
        } catch (JacksonException e) {
            Throwable cause = e.getCause() instanceof IllegalArgumentException ? e.getCause() : e;
            String reason = cause == e ? explain(e) : String.valueOf(cause.getMessage());
            throw new DamagedCaptureException(file, reason.lines().findFirst().orElse("not JSON"));
        }
    }

    /** Puts a record's values, the last of an object, in its place. */
    private static void spread(ObjectNode object, String record) {
        object.setAll((ObjectNode) object.remove(record));
    }

    /** Undoes it. An object that has a key of the record's name is left as it is, to be refused. */
    private static void gather(JsonNode node, String record, List<String> keys) {
        if (!(node instanceof ObjectNode object) || object.has(record)) {
            return;
        }
        ObjectNode values = JSON.createObjectNode();
        for (String key : keys) {
            JsonNode value = object.remove(key);
            if (value != null) {
                values.set(key, value);
            }
        }
        object.set(record, values);
    }

    /** The key that is wrong with its value, or else where the text is: what the parser says names its own classes. */
    private static String explain(JacksonException e) {
        String key = e.getPath().stream()
                .map(JacksonException.Reference::getPropertyName)
                .filter(Objects::nonNull)
                .filter(name -> !name.equals(CONTENTS) && !name.equals(FINGERPRINT))
                .collect(Collectors.joining("."));
        if (e instanceof InvalidTypeIdException unknown) {
            return key + ": kind " + unknown.getTypeId() + " (expected: a selection's)";
        }
        if (e instanceof InvalidFormatException wrong) {
            return key + ": " + wrong.getValue() + " (expected: " + expected(wrong.getTargetType()) + ")";
        }
        Matcher property = PROPERTY.matcher(String.valueOf(e.getOriginalMessage()));
        if (property.find()) {
            return "key " + property.group(1) + " is unknown, missing, or has a value of another kind";
        }
        return "line "
                + (e.getLocation() == null ? 1 : Math.max(1, e.getLocation().getLineNr()))
                + ": not what a capture's manifest has there";
    }

    private static String expected(Class<?> type) {
        return type.isEnum()
                ? Arrays.stream(type.getEnumConstants())
                        .map(constant -> constant.toString().toLowerCase(Locale.ROOT))
                        .collect(Collectors.joining(", ", "one of ", ""))
                : "a value of another kind";
    }
}
