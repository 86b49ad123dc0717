package dev.lyne.lm.tokenizer;

import dev.lyne.files.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A trained byte-level BPE vocabulary.
 *
 * @param specialTokens the first ids
 * @param tokens all tokens by id, as a vocabulary writes them (bytes as printable characters)
 * @param merges in the order they apply
 */
public record BytePairVocabulary(List<String> specialTokens, List<String> tokens, List<Merge> merges) {
    /** Two ids that become one token. */
    public record Merge(int left, int right) {}

    private static final JsonMapper JSON = JsonMapper.builder().build();

    public BytePairVocabulary {
        specialTokens = List.copyOf(specialTokens);
        tokens = List.copyOf(tokens);
        merges = List.copyOf(merges);
    }

    /**
     * Writes `tokenizer.json` and `tokenizer_config.json`, which `tokenizers` and `transformers` load. The first special token
     * begins and ends documents.
     */
    public void write(Path directory) throws IOException {
        Files.createDirectories(directory);
        write(directory.resolve(Tokenizer.FILE_NAME), tokenizer());
        ObjectNode configuration = JSON.createObjectNode();
        configuration.put("tokenizer_class", "PreTrainedTokenizerFast");
        configuration.put("clean_up_tokenization_spaces", false);
        if (!specialTokens.isEmpty()) {
            configuration.put("bos_token", specialTokens.get(0));
            configuration.put("eos_token", specialTokens.get(0));
        }
        write(directory.resolve(Tokenizer.CONFIGURATION_FILE_NAME), configuration);
    }

    private ObjectNode tokenizer() {
        ObjectNode root = JSON.createObjectNode();
        root.put("version", "1.0");
        root.putNull("truncation");
        root.putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (int id = 0; id < specialTokens.size(); id++) {
            ObjectNode token = added.addObject();
            token.put("id", id);
            token.put("content", specialTokens.get(id));
            for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
                token.put(flag, false);
            }
            token.put("special", true);
        }
        root.putNull("normalizer");
        byteLevel(root.putObject("pre_tokenizer"), false);
        postProcessor(root);
        byteLevel(root.putObject("decoder"), true);
        ObjectNode model = root.putObject("model");
        model.put("type", "BPE");
        for (String option : List.of("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")) {
            model.putNull(option);
        }
        for (String option : List.of("fuse_unk", "byte_fallback", "ignore_merges")) {
            model.put(option, false);
        }
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            vocabulary.put(tokens.get(id), id);
        }
        ArrayNode list = model.putArray("merges");
        for (Merge merge : merges) {
            list.add(tokens.get(merge.left()) + " " + tokens.get(merge.right()));
        }
        return root;
    }

    /**
     * Adds the post-processor that puts the first special token before a text, so that whoever loads the file does so,
     * too.
     */
    private void postProcessor(ObjectNode root) {
        if (specialTokens.isEmpty()) {
            root.putNull("post_processor");
            return;
        }
        String bos = specialTokens.get(0);
        ObjectNode template = root.putObject("post_processor");
        template.put("type", "TemplateProcessing");
        for (String texts : List.of("single", "pair")) {
            ArrayNode pieces = template.putArray(texts);
            for (int text = 0; text < (texts.equals("single") ? 1 : 2); text++) {
                pieces.addObject().putObject("SpecialToken").put("id", bos).put("type_id", text);
                pieces.addObject()
                        .putObject("Sequence")
                        .put("id", text == 0 ? "A" : "B")
                        .put("type_id", text);
            }
        }
        ObjectNode token = template.putObject("special_tokens").putObject(bos);
        token.put("id", bos);
        token.putArray("ids").add(0);
        token.putArray("tokens").add(bos);
    }

    private static void byteLevel(ObjectNode node, boolean addPrefixSpace) {
        node.put("type", "ByteLevel");
        node.put("add_prefix_space", addPrefixSpace);
        node.put("trim_offsets", true);
        node.put("use_regex", true);
    }

    private static void write(Path file, ObjectNode node) throws IOException {
        String text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node) + "\n";
        AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    }
}
