/** Commands that make models: train, pretrain, capture, evaluate, tokenizers. */
@NullMarked
package dev.lyne.cli.train;

import org.jspecify.annotations.NullMarked;
