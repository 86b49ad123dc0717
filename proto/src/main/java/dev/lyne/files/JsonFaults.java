package dev.lyne.files;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.exc.MismatchedInputException;
import tools.jackson.databind.exc.UnrecognizedPropertyException;

/** The explanation of why a JSON or YAML text cannot be read, in words of the text alone: line, key and expectation. */
public final class JsonFaults {
    private static final Pattern MISSING = Pattern.compile("(?:creator|value for) property ['\"]([^'\"]+)['\"]");
    private static final Pattern LIMIT = Pattern.compile(
            "(Document nesting depth|Number value length|String value length|Name length) \\(\\d+\\) exceeds[^(]*\\((\\d+)");
    private static final Pattern TWICE = Pattern.compile("(?i)duplicate .*?['\"]([^'\"]+)['\"]");

    private JsonFaults() {}

    /** Returns the explanation, one line without the name of the file. */
    public static String explain(JacksonException e) {
        if (e.getCause() instanceof IllegalArgumentException refused && refused.getMessage() != null) {
            return refused.getMessage();
        }
        if (e instanceof StreamConstraintsException beyond) {
            return at(e) + limit(beyond);
        }
        String message = String.valueOf(e.getOriginalMessage());
        Matcher twice = TWICE.matcher(message);
        if (twice.find()) {
            return at(e) + twice.group(1) + " stands there twice";
        }
        if (e instanceof UnrecognizedPropertyException unknown) {
            String known = known(unknown.getKnownPropertyIds());
            return at(e) + "unknown key " + path(e) + (known.isEmpty() ? "" : ", known are " + known);
        }
        if (e instanceof MismatchedInputException mismatched) {
            Matcher missing = MISSING.matcher(message);
            if (missing.find()) {
                return at(e) + "no key " + missing.group(1);
            }
            return at(e) + (path(e).isEmpty() ? "" : path(e) + ": ") + "not " + kind(mismatched.getTargetType());
        }
        return at(e) + "a syntax error";
    }

    /** Returns the kind of a value, in words. */
    public static String kind(JsonNode node) {
        return switch (node.getNodeType()) {
            case OBJECT, POJO -> "keys and values";
            case ARRAY -> "a list";
            case STRING, BINARY -> "a text";
            case NUMBER -> "a number";
            case BOOLEAN -> "true or false";
            case NULL -> "no value";
            case MISSING -> "nothing";
        };
    }

    /** Returns in words which part of a text is deeper or longer than what is read. */
    public static String limit(StreamConstraintsException e) {
        Matcher limit = LIMIT.matcher(String.valueOf(e.getOriginalMessage()));
        if (!limit.find()) {
            return "more than what is read";
        }
        return switch (limit.group(1)) {
            case "Document nesting depth" -> "nested deeper than " + limit.group(2);
            case "Number value length" -> "a number of more than " + limit.group(2) + " characters";
            case "String value length" -> "a string of more than " + limit.group(2) + " characters";
            case "Name length" -> "a name of more than " + limit.group(2) + " characters";
            default -> "more than what is read";
        };
    }

    private static String at(JacksonException e) {
        TokenStreamLocation location = e.getLocation();
        return location == null || location.getLineNr() < 1
                ? ""
                : "line " + location.getLineNr() + ", column " + location.getColumnNr() + ": ";
    }

    /** Returns the keys down to the place, as {@code axes[1].name}. */
    private static String path(JacksonException e) {
        StringBuilder path = new StringBuilder();
        for (JacksonException.Reference step : e.getPath()) {
            if (step.getPropertyName() != null) {
                path.append(path.isEmpty() ? "" : ".").append(step.getPropertyName());
            } else {
                path.append('[').append(step.getIndex()).append(']');
            }
        }
        return path.toString();
    }

    private static String known(Collection<Object> names) {
        return names == null
                ? ""
                : String.join(", ", names.stream().map(String::valueOf).sorted().toList());
    }

    private static String kind(Class<?> type) {
        if (type == null) {
            return "what is expected there";
        } else if (type.isEnum()) {
            return "one of "
                    + String.join(
                            ", ",
                            Arrays.stream(type.getEnumConstants())
                                    .map(constant -> constant.toString().toLowerCase(Locale.ROOT))
                                    .toList());
        } else if (type == String.class) {
            return "a text";
        } else if (type == boolean.class || type == Boolean.class) {
            return "true or false";
        } else if (List.of(int.class, long.class, short.class, Integer.class, Long.class)
                .contains(type)) {
            return "a whole number";
        } else if (List.of(float.class, double.class, Float.class, Double.class).contains(type)) {
            return "a number";
        } else if (Collection.class.isAssignableFrom(type) || type.isArray()) {
            return "a list";
        }
        return Map.class.isAssignableFrom(type) || type.isRecord() ? "keys and values" : "what is expected there";
    }
}
