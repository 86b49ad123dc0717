/** Byte-level BPE tokenizers in the Hugging Face format: use and training. */
@NullMarked
package dev.lyne.lm.tokenizer;

import org.jspecify.annotations.NullMarked;
