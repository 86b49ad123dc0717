/** Somebody's own trainer, to which Lyne's client library was added: see docs/embedding.md. */
@NullMarked
package com.example.trainer;

import org.jspecify.annotations.NullMarked;
