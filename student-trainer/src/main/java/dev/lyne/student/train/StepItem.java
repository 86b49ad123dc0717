package dev.lyne.student.train;

import dev.lyne.client.Targets;
import dev.lyne.student.tokens.Window;
import java.util.Optional;

/** A window of an optimiser step, with the teacher's rows for its positions where there are any. */
record StepItem(Window window, Optional<Targets> targets) {}
