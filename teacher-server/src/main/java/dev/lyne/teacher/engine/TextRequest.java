package dev.lyne.teacher.engine;

import dev.lyne.teacher.model.Continuation;
import dev.lyne.teacher.model.Continued;

/**
 * A text that an engine is asked to continue.
 *
 * @param owed what the text is owed
 * @param vocabularySize ids are below it
 */
record TextRequest(Continuation owed, int vocabularySize) implements EngineRequest<Continued> {
    @Override
    public int tokens() {
        return owed.tokens().length + owed.draws();
    }

    @Override
    public Question question(Dialect dialect, String model) {
        return dialect.texts().orElseThrow().question(this, model);
    }

    @Override
    public ValueReader<Continued> reader(Dialect dialect) {
        return dialect.texts().orElseThrow().reader(this);
    }
}
