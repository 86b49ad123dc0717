/** Parts that commands of every kind share: options, reports, progress, failures. */
@NullMarked
package dev.lyne.cli.common;

import org.jspecify.annotations.NullMarked;
