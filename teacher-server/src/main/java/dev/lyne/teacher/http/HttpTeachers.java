package dev.lyne.teacher.http;

import java.util.List;
import java.util.Optional;

/** The teachers that can be asked for over HTTP, as they come and go. Safe for several threads. */
public interface HttpTeachers {
    /** Returns the teachers that are served now, in order of name. */
    List<HttpTeacher> served();

    /** Why a teacher is not served now that is known by that name; empty for names that nobody knows. */
    Optional<String> whyNotServed(String name);
}
