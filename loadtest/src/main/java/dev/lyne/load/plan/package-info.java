/** A capacity model: what a teacher costs, learnt from a load run, and a simulation of many students on many replicas. */
@NullMarked
package dev.lyne.load.plan;

import org.jspecify.annotations.NullMarked;
