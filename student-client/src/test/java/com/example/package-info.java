/** A program of a user of the client library, as docs/embedding.md shows it. */
@NullMarked
package com.example;

import org.jspecify.annotations.NullMarked;
