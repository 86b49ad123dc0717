package dev.lyne.wire.access;

import io.grpc.Metadata;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The tokens of a file: one a line, after a name of its holder where there is one; {@code #} begins a comment. */
public final class AccessTokens {
    /** Key of the token in a call's metadata. */
    public static final Metadata.Key<String> HEADER =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final Path file;
    private final List<AccessToken> tokens;

    private AccessTokens(Path file, List<AccessToken> tokens) {
        this.file = file;
        this.tokens = List.copyOf(tokens);
    }

    /**
     * Reads a file of one token or more.
     *
     * @throws IOException where it cannot be read
     * @throws IllegalArgumentException where a line is no token, naming the line but not what stands in it
     */
    public static AccessTokens read(Path file) throws IOException {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException(file + ": not text (expected: a token a line, in UTF-8)", e);
        }
        List<AccessToken> tokens = new ArrayList<>();
        Map<String, Integer> lineOfToken = new HashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            String place = file + ":" + (i + 1);
            String[] words = line.split("\\s+");
            if (words.length > 2) {
                throw new IllegalArgumentException(
                        place + ": " + words.length + " words (expected: TOKEN or NAME TOKEN)");
            }
            String holder = words.length == 2 ? words[0] : "line " + (i + 1);
            AccessToken token = new AccessToken(place, holder, words[words.length - 1]);
            Integer earlier = lineOfToken.putIfAbsent(token.headerValue(), i + 1);
            if (earlier != null) {
                throw new IllegalArgumentException(place + ": the token of line " + earlier + " (expected: another)");
            }
            tokens.add(token);
        }
        if (tokens.isEmpty()) {
            throw new IllegalArgumentException(file + ": no token (expected: TOKEN or NAME TOKEN a line)");
        }
        return new AccessTokens(file, tokens);
    }

    /** The token of a file that holds one, as a student's does. */
    public static AccessToken readOne(Path file) throws IOException {
        List<AccessToken> tokens = read(file).tokens;
        if (tokens.size() != 1) {
            throw new IllegalArgumentException(file + ": " + tokens.size() + " tokens (expected: one)");
        }
        return tokens.get(0);
    }

    /** Returns the tokens in order of the file. */
    public List<AccessToken> tokens() {
        return tokens;
    }

    /** The file and the holders' names. */
    @Override
    public String toString() {
        return file + " (" + tokens.stream().map(AccessToken::holder).collect(Collectors.joining(", ")) + ")";
    }
}
