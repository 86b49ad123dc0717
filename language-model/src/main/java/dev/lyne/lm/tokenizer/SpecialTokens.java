package dev.lyne.lm.tokenizer;

import dev.lyne.files.JsonFaults;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Tokens around a document, as a directory's files state them and as {@code transformers} 5 reads them.
 *
 * <p>Before a document stands what the post-processor of {@code tokenizer.json} puts before a text; a name in
 * {@code tokenizer_config.json} alone puts nothing there. The class {@code GPTNeoXTokenizer} makes a post-processor of its own, which adds
 * nothing. {@code add_bos_token: false} is heeded, whatever the post-processor says.
 *
 * <p>After a document stands what the post-processor puts after a text, else the tokenizer's {@code eos_token}, else the one
 * {@code eos_token_id} of the model.
 */
final class SpecialTokens {
    private static final String CONFIGURATION = "tokenizer_config.json";
    private static final String TEMPLATE = "chat_template.jinja";
    private static final String MAP = "special_tokens_map.json";
    private static final List<String> MODEL_FILES = List.of("config.json", "generation_config.json");

    /** Model types whose tokenizers {@code transformers} loads without heed of the class that a file names. */
    private static final Set<String> CLASS_IGNORED = Set.of("mistral", "qwen2");

    private static final String GPT_NEOX = "GPTNeoXTokenizer";

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path directory;
    private final TokenizerDefinition definition;
    private final JsonNode configuration;
    private final JsonNode map;

    private SpecialTokens(Path directory, TokenizerDefinition definition, JsonNode configuration, JsonNode map) {
        this.directory = directory;
        this.definition = definition;
        this.configuration = configuration;
        this.map = map;
    }

    static SpecialTokens read(Path directory, TokenizerDefinition definition) {
        SpecialTokens tokens = new SpecialTokens(
                directory, definition, object(directory.resolve(CONFIGURATION)), object(directory.resolve(MAP)));
        tokens.named(); // a name that is no token is refused, whatever is asked
        return tokens;
    }

    /** The tokenizer's configuration; an empty object where there is no file. */
    JsonNode configuration() {
        return configuration;
    }

    /** Returns the beginning side of the wrapping: what a user chose, else what the files say. */
    DocumentWrapping.Side bos(TokenChoice choice) {
        return choice.auto() ? bos() : chosen("bos", choice);
    }

    /**
     * The other side.
     *
     * @param student of the model to be trained, which is asked where the tokenizer's directory names none
     */
    DocumentWrapping.Side eos(TokenChoice choice, List<Integer> student) {
        return choice.auto() ? eos(student) : chosen("eos", choice);
    }

    /** Every id that ends generation: the document's end, and all that the model's files name. */
    Set<Integer> stopIds(OptionalInt documentEnd) {
        Set<Integer> ids = new TreeSet<>();
        documentEnd.ifPresent(ids::add);
        for (String file : MODEL_FILES) {
            modelIds(file).stream().filter(definition.tokens()::containsKey).forEach(ids::add);
        }
        return ids;
    }

    /**
     * SHA-256 of the chat template as UTF-8, in hexadecimal digits; empty for none. It is {@code chat_template.jinja}, else that of the
     * tokenizer's configuration; of several the one called "default".
     */
    String chatTemplateSha256() {
        Path file = directory.resolve(TEMPLATE);
        try {
            byte[] template = Files.exists(file) ? Files.readAllBytes(file) : configuredTemplate();
            return template.length == 0
                    ? ""
                    : HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(template));
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e.getMessage(), e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: every JDK has it", e);
        }
    }

    private byte[] configuredTemplate() {
        JsonNode template = configuration.path("chat_template");
        if (template.isArray()) {
            for (JsonNode each : template) {
                if (each.path("name").asString("").equals("default")) {
                    return each.path("template").asString("").getBytes(StandardCharsets.UTF_8);
                }
            }
        }
        return (template.isString() ? template.stringValue() : "").getBytes(StandardCharsets.UTF_8);
    }

    private DocumentWrapping.Side chosen(String name, TokenChoice choice) {
        if (choice.id().isEmpty()) {
            return none("as asked for");
        }
        int id = choice.id().getAsInt();
        String token = definition.tokens().get(id);
        if (token == null) {
            throw new IllegalArgumentException(name + ": " + id + " (expected: auto, none, or the id of a token, 0.."
                    + (definition.vocabularySize() - 1) + " of " + definition.file() + ")");
        }
        return new DocumentWrapping.Side(choice.id(), token, "as asked for");
    }

    private DocumentWrapping.Side bos() {
        Added added = added();
        if (addsNoBos()) {
            return none("add_bos_token: false of " + CONFIGURATION
                    + (added.before().isEmpty()
                            ? ""
                            : "; the post-processor would add "
                                    + token(added.before().get(0))));
        }
        if (added.before().isEmpty()) {
            return none(added.from() + " adds none before a text"
                    + (configuration.path("add_bos_token").isBoolean() ? ", so add_bos_token: true does nothing" : ""));
        }
        return added(added.before(), added.from());
    }

    private DocumentWrapping.Side eos(List<Integer> student) {
        Added added = added();
        if (!added.after().isEmpty()) {
            return added(added.after(), added.from());
        }
        Optional<DocumentWrapping.Side> named = named();
        if (named.isPresent()) {
            return named.get();
        }
        List<String> silent = new ArrayList<>();
        for (String file : MODEL_FILES) {
            List<Integer> ids = modelIds(file);
            if (ids.size() == 1) {
                return of(ids.get(0), "eos_token_id of " + file);
            }
            if (!ids.isEmpty()) {
                silent.add("several in " + file + ": " + ids);
            }
        }
        if (silent.isEmpty() && student.size() == 1) {
            return of(student.get(0), "eos_token_id of the student's config.json");
        }
        return none(
                silent.isEmpty() ? "no file names one" : String.join(", ", silent) + ", and the tokenizer names none");
    }

    private DocumentWrapping.Side of(int id, String from) {
        String token = definition.tokens().get(id);
        if (token == null) {
            throw new IllegalArgumentException(directory + ": " + from + ": " + id + " (expected: 0.."
                    + (definition.vocabularySize() - 1) + ", a token of " + definition.file() + ")");
        }
        return new DocumentWrapping.Side(OptionalInt.of(id), token, from);
    }

    private DocumentWrapping.Side added(List<Integer> ids, String from) {
        if (ids.size() > 1) {
            throw new IllegalArgumentException(definition.file() + ": post_processor: adds " + ids
                    + " on one side of a text (expected: at most one token; choose one with --bos and --eos)");
        }
        return of(ids.get(0), from);
    }

    private static DocumentWrapping.Side none(String from) {
        return new DocumentWrapping.Side(OptionalInt.empty(), "", from);
    }

    /**
     * The tokenizer's own {@code eos_token}. Without {@code added_tokens_decoder} in the configuration, an older file, the map of special
     * tokens overrides it.
     */
    private Optional<DocumentWrapping.Side> named() {
        boolean mapFirst = !configuration.has("added_tokens_decoder");
        Optional<DocumentWrapping.Side> first = mapFirst ? named(MAP, map) : named(CONFIGURATION, configuration);
        return first.isPresent() ? first : mapFirst ? named(CONFIGURATION, configuration) : named(MAP, map);
    }

    private Optional<DocumentWrapping.Side> named(String file, JsonNode root) {
        JsonNode node = root.path("eos_token");
        if (node.isMissingNode() || node.isNull()) {
            return Optional.empty();
        }
        JsonNode content = node.isObject() ? node.path("content") : node;
        Integer id = content.isString() ? definition.ids().get(content.stringValue()) : null;
        if (id == null) {
            throw new IllegalArgumentException(directory.resolve(file) + ": eos_token: " + content
                    + " (expected: a token of " + definition.file() + ")");
        }
        return Optional.of(of(id, "eos_token of " + file));
    }

    /** The model's ids that end a text; a negative one means none. */
    private List<Integer> modelIds(String file) {
        JsonNode ids = object(directory.resolve(file)).path("eos_token_id");
        List<Integer> result = new ArrayList<>();
        for (JsonNode id : ids.isArray() ? ids : JSON.createArrayNode().add(ids)) {
            if (id.isMissingNode() || id.isNull()) {
                continue;
            }
            if (!id.isIntegralNumber() || !id.canConvertToInt()) {
                throw new IllegalArgumentException(
                        directory.resolve(file) + ": eos_token_id: " + ids + " (expected: an id, or a list of ids)");
            }
            if (id.intValue() >= 0 && !result.contains(id.intValue())) {
                result.add(id.intValue());
            }
        }
        return result;
    }

    /** Tokens that the post-processor puts around a text, and the name of their source. */
    private record Added(List<Integer> before, List<Integer> after, String from) {}

    /**
     * Tokens that stand around a text, and are not those that the post-processor puts there.
     *
     * @param before in order
     * @param after in order
     */
    record Around(List<Integer> before, List<Integer> after) {}

    /** What stands around a text where the files overrule the post-processor, as they do for documents; empty: what it puts there. */
    Optional<Around> overruled() {
        if (isGptNeoX()) {
            return Optional.of(new Around(List.of(), List.of()));
        }
        return addsNoBos() ? Optional.of(new Around(List.of(), added().after())) : Optional.empty();
    }

    private boolean addsNoBos() {
        JsonNode asked = configuration.path("add_bos_token");
        return asked.isBoolean() && !asked.booleanValue();
    }

    private boolean isGptNeoX() {
        String declared = tokenizerClass(configuration);
        if (!declared.isEmpty() && !declared.equals(GPT_NEOX)) {
            return false; // whatever the model's file says, which need not be there
        }
        JsonNode model = object(directory.resolve(MODEL_FILES.get(0)));
        String type = model.path("model_type").asString("");
        declared = declared.isEmpty() ? tokenizerClass(model) : declared;
        return declared.isEmpty()
                ? type.equals("gpt_neox")
                : declared.equals(GPT_NEOX) && !CLASS_IGNORED.contains(type);
    }

    private static String tokenizerClass(JsonNode file) {
        return file.path("tokenizer_class").asString("").replaceFirst("Fast$", "");
    }

    private Added added() {
        if (isGptNeoX()) {
            return new Added(List.of(), List.of(), "the class " + GPT_NEOX);
        }
        List<Integer> before = new ArrayList<>();
        List<Integer> after = new ArrayList<>();
        add(definition.root().path("post_processor"), before, after);
        return new Added(before, after, "the post-processor of " + Tokenizer.FILE_NAME);
    }

    /** Adds what one post-processor puts around what there is so far. */
    private void add(JsonNode processor, List<Integer> before, List<Integer> after) {
        switch (processor.path("type").asString("")) {
            case "Sequence" -> processor.path("processors").forEach(each -> add(each, before, after));
            case "TemplateProcessing" -> addTemplate(processor, before, after);
            case "BertProcessing", "RobertaProcessing" -> {
                before.add(0, processor.path("cls").path(1).asInt(-1));
                after.add(processor.path("sep").path(1).asInt(-1));
            }
            default -> {
                // ByteLevel and null add nothing
            }
        }
    }

    private void addTemplate(JsonNode template, List<Integer> before, List<Integer> after) {
        List<Integer> first = new ArrayList<>();
        boolean textSeen = false;
        for (JsonNode piece : template.path("single")) {
            if (piece.has("Sequence")) {
                textSeen = true;
                continue;
            }
            String name = piece.path("SpecialToken").path("id").asString("");
            for (JsonNode id : template.path("special_tokens").path(name).path("ids")) {
                (textSeen ? after : first).add(id.asInt(-1));
            }
        }
        before.addAll(0, first);
    }

    private String token(int id) {
        return id + " " + definition.tokens().getOrDefault(id, "");
    }

    /** A file's object; an empty one where there is no file. */
    private static JsonNode object(Path file) {
        if (!Files.exists(file)) {
            return JSON.createObjectNode();
        }
        try {
            JsonNode node = JSON.readTree(Files.readAllBytes(file));
            if (node instanceof ObjectNode) {
                return node;
            }
        } catch (JacksonException e) {
            throw new IllegalArgumentException(file + ": " + JsonFaults.explain(e) + " (expected: one JSON object)", e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e.getMessage(), e);
        }
        throw new IllegalArgumentException(file + ": no JSON object (expected: one)");
    }
}
