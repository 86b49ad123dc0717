package dev.lyne.teacher.server;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.LocalDecoder;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.model.TokenizerFile;
import java.util.List;
import java.util.Optional;

/** A model whose forwards are watched for refusals of the direct memory that tensors are transferred in. */
record WatchedModel(LocalModel model, DirectMemoryWatch watch) implements LocalModel {
    @Override
    public TeacherDescription description() {
        return model.description();
    }

    @Override
    public List<TokenizerFile> tokenizer() {
        return model.tokenizer();
    }

    @Override
    public List<LocalModel> devices() {
        return model.devices().stream()
                .<LocalModel>map(copy -> copy == model ? this : new WatchedModel(copy, watch))
                .toList();
    }

    @Override
    public String device() {
        return model.device();
    }

    @Override
    public void warmUp() {
        model.warmUp();
    }

    /** Scores sequences; what counts as large is the number of their tokens. */
    @Override
    public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
        long tokens = items.stream().mapToLong(item -> item.tokens().length).sum();
        List<ScoreOutcome> outcomes;
        try {
            outcomes = model.score(items, content);
        } catch (OutOfMemoryError e) {
            watch.refused(tokens, e);
            throw e;
        }
        watch.granted(tokens);
        return outcomes;
    }

    @Override
    public Optional<LocalDecoder> decoder(long maxCacheBytes) {
        return model.decoder(maxCacheBytes).map(decoder -> new WatchedDecoder(decoder, watch));
    }

    @Override
    public void close() {
        model.close();
    }
}
