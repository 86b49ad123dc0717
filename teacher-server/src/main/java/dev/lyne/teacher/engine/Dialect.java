package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;
import java.util.Optional;

/** The language of an engine: how it is asked for rows, and how it answers. */
interface Dialect {
    /** Says whether the engine is well. */
    Question health();

    /** Refuses an answer that says otherwise; one of HTTP says it by its status. */
    default void requireWell(WholeAnswer answer) throws EngineException {}

    /** Says the version, in the field that {@link #version(WholeAnswer)} reads. */
    Question version();

    String version(WholeAnswer answer) throws EngineException;

    /** Says which model it is, in the fields that {@link #facts} reads. */
    Question model();

    /** The model's name and the longest sequence; a length of 0 where the engine does not say. */
    Facts facts(WholeAnswer answer) throws EngineException;

    /** Asks for rows. */
    Question rows(RowsRequest request, String model);

    /** Reads them. */
    ValueReader<RowColumns> reader(RowsRequest request);

    /** Continues texts, where that is known here. */
    default Optional<TextDialect> texts() {
        return Optional.empty();
    }

    /**
     * Facts that an engine states of its model.
     *
     * @param model as requests name it
     * @param maxTokens longest sequence with what is generated; 0: not said
     */
    record Facts(String model, int maxTokens) {}

    static Dialect of(EngineSettings.Wire wire) {
        return switch (wire) {
            case VLLM -> new VllmDialect();
            case SGLANG -> new SglangDialect();
            case VLLM_GRPC -> GrpcDialect.vllm();
            case SGLANG_GRPC -> GrpcDialect.sglang();
        };
    }
}
