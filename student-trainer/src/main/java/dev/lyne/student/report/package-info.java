/** The page for people: one self-contained HTML file about one run or several. */
@NullMarked
package dev.lyne.student.report;

import org.jspecify.annotations.NullMarked;
