/** The demo. */
@NullMarked
package dev.lyne.cli.demo;

import org.jspecify.annotations.NullMarked;
