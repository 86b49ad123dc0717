/** The composition root: puts the stages together, listens, reports health and metrics, and drains. */
@NullMarked
package dev.lyne.teacher.server;

import org.jspecify.annotations.NullMarked;
