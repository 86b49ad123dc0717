/** The page for people about a load run: one self-contained HTML file. */
@NullMarked
package dev.lyne.load.page;

import org.jspecify.annotations.NullMarked;
