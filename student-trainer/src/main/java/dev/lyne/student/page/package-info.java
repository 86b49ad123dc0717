/** The report page: one HTML file with nothing outside it, and the same data as JSON beside it. Its door is {@link dev.lyne.student.page.Page}. */
@NullMarked
package dev.lyne.student.page;

import org.jspecify.annotations.NullMarked;
