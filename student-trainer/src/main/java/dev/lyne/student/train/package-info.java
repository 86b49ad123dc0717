/** The trainer: settings, prefetched targets, optimiser steps, evaluation, checkpoints and what a run leaves behind. */
@NullMarked
package dev.lyne.student.train;

import org.jspecify.annotations.NullMarked;
