package dev.lyne.cli;

import dev.lyne.student.train.CaptureSession;
import dev.lyne.student.train.Setting;
import dev.lyne.student.train.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Gives a command one option for each setting of a training run, and collects what was given. */
class SettingOptions implements IModelTransformer {
    private final Set<Setting> settings;

    SettingOptions() {
        this(EnumSet.allOf(Setting.class));
    }

    private SettingOptions(Set<Setting> settings) {
        this.settings = settings;
    }

    /** Gives the options of a capture alone. */
    static final class OfCapture extends SettingOptions {
        OfCapture() {
            super(CaptureSession.settings());
        }
    }

    @Override
    public CommandSpec transform(CommandSpec command) {
        for (Setting setting : settings) {
            OptionSpec.Builder option = OptionSpec.builder(setting.flag())
                    .paramLabel(setting.isList() ? setting.name() + "[,…]" : setting.name())
                    .description(setting.description()
                            + setting.defaultValue()
                                    .filter(value -> !value.isEmpty())
                                    .map(value -> " (default: " + value + ")")
                                    .orElse(""));
            if (setting.isList()) {
                option.type(List.class)
                        .auxiliaryTypes(String.class)
                        .splitRegex(",")
                        .arity("1");
            } else if (setting.isSwitch()) {
                option.type(String.class).arity("0..1").fallbackValue("true");
            } else {
                option.type(String.class).arity("1");
            }
            command.addOption(option.build());
        }
        return command;
    }

    /** The settings of a run: defaults of the command, then the recipe, the file, the environment, and the options given. */
    static Settings collect(CommandSpec command, @Nullable String recipe, @Nullable Path file) throws IOException {
        Map<Setting, List<String>> given = new EnumMap<>(Setting.class);
        for (Setting setting : Setting.values()) {
            @Nullable OptionSpec option = command.findOption(setting.flag());
            Object value = option == null ? null : option.getValue();
            if (value instanceof List<?> list && !list.isEmpty()) {
                given.put(setting, list.stream().map(String.class::cast).toList());
            } else if (value instanceof String text) {
                given.put(setting, List.of(text));
            }
        }
        return Settings.of(Optional.ofNullable(recipe), Optional.ofNullable(file), System.getenv(), given);
    }
}
