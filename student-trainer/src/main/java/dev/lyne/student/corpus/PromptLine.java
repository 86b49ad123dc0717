package dev.lyne.student.corpus;

import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * A prompt that is to be responded to, as a line of JSON Lines has it: by the rules of a corpus's lines, without a response.
 *
 * @param teacherPrompt what a teacher continues in the prompt's place; absent: the prompt
 */
public record PromptLine(String prompt, Optional<String> teacherPrompt) {
    /**
     * Reads a line.
     *
     * @param file that it is of, for messages
     * @param number from 1
     * @param field where the line has its prompt
     * @throws CorpusException where it has none, or is not one JSON object
     */
    public static PromptLine read(Path file, long number, String line, String field) throws CorpusException {
        try {
            JsonNode node = JsonLines.object(Utf8.withoutMark(line));
            JsonLines.requireNoOtherSpelling(node);
            if (!node.path(field).isString()) {
                throw new InvalidDocumentException(
                        "no text \"" + field + "\" (expected: an object of JSON a line, with one)");
            }
            return new PromptLine(JsonLines.string(node, field), JsonLines.teacherPrompt(node));
        } catch (InvalidDocumentException e) {
            throw new CorpusException(file + ", line " + number + ": " + e.getMessage());
        }
    }
}
