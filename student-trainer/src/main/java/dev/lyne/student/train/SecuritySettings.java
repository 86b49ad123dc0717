package dev.lyne.student.train;

import dev.lyne.client.TeacherSecurity;
import java.nio.file.Path;

/** The settings that say how teacher servers are spoken to. */
final class SecuritySettings {
    private SecuritySettings() {}

    /** @throws IllegalArgumentException where they contradict each other */
    static TeacherSecurity security(Settings settings) {
        return TeacherSecurity.of(
                settings.flag(Setting.TLS),
                settings.optional(Setting.TLS_CA).map(Path::of),
                settings.optional(Setting.TLS_SERVER_NAME),
                settings.optional(Setting.TOKEN_FILE).map(Path::of),
                settings.flag(Setting.INSECURE));
    }
}
