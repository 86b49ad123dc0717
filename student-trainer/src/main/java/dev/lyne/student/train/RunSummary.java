package dev.lyne.student.train;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.lyne.files.AtomicFile;
import dev.lyne.student.checkpoint.RunState;
import dev.lyne.student.rollout.ResponseEvaluation;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Summary of a run: {@code summary.json}, which holds the fields of the parts side by side.
 *
 * @param method the distillation loss, or {@code cross_entropy}
 * @param selection which entries of the teacher's rows were asked for; null without a teacher
 * @param rowPrecision how those rows were coded; null without a teacher
 * @param parameters trained numbers
 * @param pace how much was trained, and how fast
 * @param targets what came of the teacher's rows
 * @param teachers what came of each of several teachers, by name; empty, and not in the file, where there is one at most
 * @param heldOut evaluations, in order
 * @param responses to held-out prompts; null where none were asked for
 * @param parent the run whose checkpoint this one began with: its name, step, weights and optimiser; empty: it began by itself
 * @param text what became of the corpus
 */
public record RunSummary(
        String name,
        String method,
        @Nullable String selection,
        @JsonProperty("row_precision") @Nullable String rowPrecision,
        long parameters,
        @JsonUnwrapped Pace pace,
        @JsonUnwrapped TargetUse targets,
        @JsonInclude(JsonInclude.Include.NON_EMPTY) Map<String, OfTeacher> teachers,
        @JsonProperty("held_out") List<RunState.HeldOut> heldOut,
        @Nullable ResponseEvaluation responses,
        Map<String, String> parent,
        @JsonUnwrapped TextUse text) {
    /**
     * Figures of one of several teachers.
     *
     * @param positions targets needed of it
     * @param coverage those used over those needed; null where none was needed
     */
    public record OfTeacher(long positions, @Nullable Double coverage) {}

    public RunSummary {
        teachers = teachers == null ? Map.of() : teachers; // a file has none where there are not several
    }

    /**
     * How much was trained, and how fast.
     *
     * @param steps optimiser steps taken
     * @param positions positions trained
     * @param seconds training time, without evaluation
     * @param positionsPerSecond positions over that time
     * @param stallFraction share of that time spent waiting for targets
     */
    public record Pace(
            long steps,
            long positions,
            double seconds,
            @JsonProperty("positions_per_second") double positionsPerSecond,
            @JsonProperty("stall_fraction") double stallFraction) {
        private static Pace of(RunState state) {
            long positions = state.spent().trainedPositions();
            double seconds = state.spent().seconds();
            double positionsPerSecond = seconds == 0 ? 0 : positions / seconds;
            return new Pace(
                    state.step(),
                    positions,
                    seconds,
                    positionsPerSecond,
                    state.spent().stallFraction());
        }
    }

    /**
     * Figures of the teacher's rows.
     *
     * @param coverage targets used over targets needed; null without a teacher
     * @param bytesPerPosition mean size of a used row on its way, block headers included; null without a teacher
     * @param teacherPositions targets from each source
     */
    public record TargetUse(
            @Nullable Double coverage,
            @JsonProperty("bytes_per_position") @Nullable Double bytesPerPosition,
            @JsonProperty("teacher_positions") Map<String, Long> teacherPositions) {
        private static TargetUse of(RunState.TargetCounts counts) {
            return new TargetUse(
                    counts.neededTargets() == 0 ? null : (double) counts.usedTargets() / counts.neededTargets(),
                    counts.usedTargets() == 0 ? null : (double) counts.targetBytes() / counts.usedTargets(),
                    counts.positionsBySource());
        }
    }

    /**
     * Figures of the corpus.
     *
     * @param documentBos token before each document; null for none
     * @param documentEos token after each document; null for none
     * @param documentWrappingFrom who said so
     * @param promptTokensCut tokens of prompts that are in no window
     * @param windowsCut windows that lack the beginning of their record's prompt
     * @param skippedDocuments documents of the corpus that could not be read
     */
    public record TextUse(
            @JsonProperty("document_bos") @Nullable Integer documentBos,
            @JsonProperty("document_eos") @Nullable Integer documentEos,
            @JsonProperty("document_wrapping_from") String documentWrappingFrom,
            @JsonProperty("prompt_tokens_cut") long promptTokensCut,
            @JsonProperty("windows_cut") long windowsCut,
            @JsonProperty("skipped_documents") long skippedDocuments) {
        private static TextUse of(TrainedText text) {
            Windows.Cut cut = text.windows().cut();
            return new TextUse(
                    boxed(text.wrapping().bosId()),
                    boxed(text.wrapping().eosId()),
                    text.wrapping().from(),
                    cut.promptTokens(),
                    cut.windows(),
                    text.skipped());
        }
    }

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    static RunSummary of(
            String name,
            TrainingConfig.Distillation teaching,
            TrainedText text,
            long parameters,
            Optional<ResponseEvaluation> responses,
            RunTotals totals) {
        RunState state = totals.state(new RunState.Cursor(0, 0), new RunState.FileLengths(0, 0), Map.of());
        boolean distilled = teaching.enabled();
        return new RunSummary(
                name,
                distilled ? teaching.loss().loss().key() : "cross_entropy",
                distilled ? SelectionSettings.describe(teaching.selection()) : null,
                distilled ? SelectionSettings.describePrecision(teaching) : null,
                parameters,
                Pace.of(state),
                TargetUse.of(state.targets()),
                teachers(totals),
                state.heldOut(),
                responses.orElse(null),
                Ancestry.of(state.identity()),
                TextUse.of(text));
    }

    private static Map<String, OfTeacher> teachers(RunTotals totals) {
        Map<String, OfTeacher> teachers = new LinkedHashMap<>();
        totals.neededByTeacher().forEach((name, needed) -> {
            Double coverage = totals.coverageByTeacher().get(name);
            teachers.put(name, new OfTeacher(needed, coverage == null || coverage.isNaN() ? null : coverage));
        });
        return teachers;
    }

    private static @Nullable Integer boxed(OptionalInt id) {
        return id.isPresent() ? id.getAsInt() : null;
    }

    /** Writes it as JSON. */
    public void write(Path file) throws IOException {
        AtomicFile.write(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(this));
    }

    /** Reads what {@link #write} wrote. */
    public static RunSummary read(Path file) throws IOException {
        return JSON.readValue(Files.readAllBytes(file), RunSummary.class);
    }
}
