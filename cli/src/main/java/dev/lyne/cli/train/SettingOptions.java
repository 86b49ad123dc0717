package dev.lyne.cli.train;

import dev.lyne.cli.common.OptionDefaults;
import dev.lyne.student.train.CaptureSession;
import dev.lyne.student.train.Setting;
import dev.lyne.student.train.Settings;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParseResult;

/** Gives a command one option for each setting of a training run, and collects what was given. */
public class SettingOptions implements IModelTransformer {
    /** Settings that a run of training cannot do without. */
    private static final Set<Setting> REQUIRED = Arrays.stream(Setting.values())
            .filter(setting -> setting.defaultValue().isEmpty())
            .collect(Collectors.toCollection(() -> EnumSet.noneOf(Setting.class)));

    private final Set<Setting> settings;
    private final Set<Setting> required;

    SettingOptions() {
        this(EnumSet.allOf(Setting.class), REQUIRED);
    }

    private SettingOptions(Set<Setting> settings, Set<Setting> required) {
        this.settings = settings;
        this.required = required;
    }

    /** Gives the options of a capture alone. */
    static final class OfCapture extends SettingOptions {
        OfCapture() {
            super(CaptureSession.settings(), EnumSet.of(Setting.OUT, Setting.CORPUS, Setting.TEACHER));
        }
    }

    @Override
    public CommandSpec transform(CommandSpec command) {
        for (Setting setting : settings) {
            OptionSpec.Builder option = OptionSpec.builder(setting.flag())
                    .paramLabel(setting.isList() ? setting.name() + "[,…]" : setting.name())
                    .description(description(setting));
            if (setting.isList()) {
                option.hideParamSyntax(true)
                        .type(List.class)
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

    /** Returns a setting's description in help; a per cent sign would begin a format. */
    private String description(Setting setting) {
        String told = (required.contains(setting) ? "Required. " : "")
                + setting.description()
                + setting.defaultValue()
                        .filter(value -> !value.isEmpty())
                        .map(value -> " (default: " + value + ")")
                        .orElse("");
        return told.replace("%", "%%");
    }

    /** Shows the options of a command by what they are about, those that are no setting with the run's. */
    public static void group(CommandLine command) {
        command.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, help -> {
            StringBuilder text = new StringBuilder();
            for (Setting.Group group : Setting.Group.values()) {
                List<OptionSpec> options = help.commandSpec().options().stream()
                        .filter(option -> !option.hidden() && group(option) == group)
                        .toList();
                if (!options.isEmpty()) {
                    Help.Layout layout = help.createDefaultLayout();
                    layout.addOptions(options, help.parameterLabelRenderer());
                    text.append(String.format("%n%s%n%s", group.heading(), layout));
                }
            }
            return text.toString();
        });
    }

    private static Setting.Group group(OptionSpec option) {
        return Arrays.stream(Setting.values())
                .filter(setting -> setting.flag().equals(option.longestName()))
                .map(Setting::group)
                .findFirst()
                .orElse(Setting.Group.RUN);
    }

    /** The settings of a run: the options given, else the environment, the file and the recipe, also those that the command has no option for. */
    public static Settings collect(CommandSpec command) {
        OptionDefaults defaults = OptionDefaults.of(command);
        ParseResult parsed = command.commandLine().getParseResult();
        Map<Setting, List<String>> given = new EnumMap<>(Setting.class);
        for (Setting setting : Setting.values()) {
            OptionSpec option = parsed.matchedOption(setting.flag());
            if (option == null) {
                defaults.values(setting.key(), setting.isList()).ifPresent(values -> given.put(setting, values));
                continue;
            }
            Object value = option.getValue();
            given.put(
                    setting,
                    value instanceof List<?> list
                            ? list.stream().map(String.class::cast).toList()
                            : List.of(String.valueOf(value)));
        }
        return Settings.of(given);
    }
}
