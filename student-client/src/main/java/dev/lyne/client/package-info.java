/** The client library: targets of token sequences from one or many teacher servers, in the order they were asked for. */
@NullMarked
package dev.lyne.client;

import org.jspecify.annotations.NullMarked;
