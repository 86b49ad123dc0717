package dev.lyne.teacher.engine;

import dev.lyne.teacher.model.Continued;

/** How an engine is asked to continue a text, and how it answers. */
interface TextDialect {
    Question question(TextRequest request, String model);

    ValueReader<Continued> reader(TextRequest request);
}
