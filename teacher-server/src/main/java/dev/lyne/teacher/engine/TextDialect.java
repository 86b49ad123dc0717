package dev.lyne.teacher.engine;

import dev.lyne.teacher.model.Continued;

/** Dialect of texts: how an engine is asked to continue one, and how it answers. */
interface TextDialect {
    Question question(TextRequest request, String model);

    ValueReader<Continued> reader(TextRequest request);
}
