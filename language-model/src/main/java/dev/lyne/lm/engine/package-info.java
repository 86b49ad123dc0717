/** TorchScript modules packed by Java and run by the DJL PyTorch engine. */
@NullMarked
package dev.lyne.lm.engine;

import org.jspecify.annotations.NullMarked;
