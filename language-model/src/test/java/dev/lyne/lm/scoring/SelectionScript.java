package dev.lyne.lm.scoring;

import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.ModelConstants;
import dev.lyne.lm.engine.ProductKernels;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.engine.ScriptSource;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/** The selection's script on rows of logits made for the purpose. */
final class SelectionScript implements AutoCloseable {
    private final Script script;

    SelectionScript() {
        ModelConfiguration any =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(8, 8, 8, 1), 1, 1, 8, 10_000, true);
        Map<String, Object> constants = ModelConstants.of(any, 6, 6, 8, 4);
        constants.putAll(ProductKernels.TORCH.constants());
        script = Script.load(
                List.of(
                        ScriptSource.forward(any.architecture()),
                        ProductKernels.TORCH.methods(),
                        ScriptSource.SELECTION.methods(),
                        ScriptSource.DRAWS.methods()),
                constants,
                new ModelOptions("cpu", ComputePrecision.FLOAT32, 0));
    }

    /** Columns of rows with these labels; the i-th row stands for the i-th position of the item, as far as that has any. */
    SelectedBatch select(float[][] logits, long[] labels, RowContent selection, ScoreItem item) {
        float[] flat = new float[logits.length * logits[0].length];
        for (int row = 0; row < logits.length; row++) {
            System.arraycopy(logits[row], 0, flat, row * logits[0].length, logits[0].length);
        }
        SelectionArguments arguments =
                new SelectionArguments(selection, logits[0].length, List.of(item), logits.length);
        arguments.put(item, LongStream.range(0, item.positions().length).toArray());
        try (InferenceCall call = script.inference("select")) {
            call.tensor(call.manager().create(FloatBuffer.wrap(flat), new Shape(logits.length, logits[0].length)))
                    .tensor(call.manager().create(labels));
            arguments.addTo(call);
            call.tensor(call.manager().zeros(new Shape(logits.length, logits[0].length)));
            return SelectedBatch.of(call.run());
        }
    }

    /** The rows of the item's positions, which must be as many as there are rows of logits, and finite. */
    RowColumns rows(float[][] logits, RowContent selection, ScoreItem item) {
        ScoreOutcome outcome =
                select(logits, new long[logits.length], selection, item).outcome(item.positions(), 0);
        return ((ScoreOutcome.Scored) outcome).rows();
    }

    @Override
    public void close() {
        script.close();
    }
}
