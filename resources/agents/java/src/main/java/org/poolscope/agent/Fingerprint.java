// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.util.Locale;

/**
 * A statement without its literals, comments and superfluous space. Where it cannot be sure what a
 * literal is, the text ends: servers disagree.
 */
final class Fingerprint {
    enum Dialect { ANY, POSTGRES, MYSQL }

    private static final int MOST = 16 << 10;

    private final String in;
    private final Dialect dialect;
    private final StringBuilder out = new StringBuilder();
    private int at;
    private boolean space;

    private Fingerprint(String in, Dialect dialect) {
        this.in = in;
        this.dialect = dialect;
    }

    static String of(String statement, Dialect dialect) {
        int length = Math.min(statement.length(), MOST);
        int zero = statement.indexOf('\0'); // ends comments on some servers
        if (zero >= 0) {
            length = Math.min(length, zero);
        }
        Fingerprint f = new Fingerprint(statement.substring(0, length), dialect);
        while (f.at < length && f.out.length() < Limits.STATEMENT && f.step()) {
            // step by step
        }
        String text = f.out.toString().strip();
        return f.at < length || length < statement.length() ? text + "\u2026" : text;
    }

    private void put(String text) {
        if (space && out.length() > 0) {
            out.append(' ');
        }
        space = false;
        out.append(text);
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isWord(char c) {
        return c == '_' || c == '$' || c >= 0x80 || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
    }

    private static boolean allWord(String text) {
        return text.chars().allMatch(c -> isWord((char) c));
    }

    /** Something may begin in the text that reaches beyond it. */
    private static boolean opens(String text) {
        return text.chars().anyMatch(c -> "'\"`$\\/#[-".indexOf(c) >= 0);
    }

    private char after(int offset) {
        return at + offset < in.length() ? in.charAt(at + offset) : '\0';
    }

    /** Takes one piece; false where the rest is not to be trusted. */
    private boolean step() {
        char c = in.charAt(at);
        if (c <= ' ') {
            space = true;
            at++;
            return true;
        }
        switch (c) {
            case '#': // a comment, an operator, or part of a name
                if (dialect != Dialect.POSTGRES) {
                    return dialect == Dialect.MYSQL && lineComment();
                }
                break;
            case '-':
                if (after(1) == '-') {
                    return dashes();
                }
                break;
            case '/':
                if (after(1) == '*') {
                    return blockComment();
                }
                break;
            case '\'':
                return literal('\'', false);
            case '"':
                return dialect == Dialect.POSTGRES ? name('"') : literal('"', false);
            case '`': // an operator, for PostgreSQL
                if (dialect != Dialect.POSTGRES) {
                    return name('`');
                }
                break;
            case '[':
                if (dialect == Dialect.ANY) {
                    return bracket();
                }
                break;
            case '$':
                if (dialect != Dialect.MYSQL) {
                    return dollar();
                }
                break;
            default:
                break;
        }
        if (isDigit(c) || c == '.' && isDigit(after(1))) {
            return number();
        }
        if (isWord(c)) {
            return word();
        }
        put(String.valueOf(c));
        at++;
        return true;
    }

    /** Without a space behind it "--" is no comment for MySQL. */
    private boolean dashes() {
        char next = after(2);
        if (dialect == Dialect.POSTGRES || next <= ' ' || next == 0x7F) {
            return lineComment();
        }
        put("-");
        at++;
        return dialect == Dialect.MYSQL;
    }

    private boolean name(char quote) {
        int end = in.indexOf(quote, at + 1);
        if (end < 0) {
            return false;
        }
        String inside = in.substring(at + 1, end);
        if (dialect == Dialect.ANY && (isDigit(after(1)) || !allWord(inside) || opens(inside))) {
            return false;
        }
        put(in.substring(at, end + 1));
        at = end + 1;
        return true;
    }

    /** A name in brackets may hold a quote. */
    private boolean bracket() {
        int end = in.indexOf(']', at);
        if (end < 0 || opens(in.substring(at + 1, end))) {
            return false;
        }
        put("[");
        at++;
        return true;
    }

    /** PostgreSQL ends it at a carriage return too, others do not. */
    private boolean lineComment() {
        space = true;
        int line = in.indexOf('\n', at);
        int carriage = in.indexOf('\r', at);
        int end = line;
        if (dialect == Dialect.POSTGRES) {
            end = carriage >= 0 && (line < 0 || carriage < line) ? carriage : line;
        } else if (carriage >= 0 && carriage != line - 1 && dialect == Dialect.ANY) {
            return false;
        }
        at = end < 0 ? in.length() : end + 1;
        return true;
    }

    /** Nested ones end, for some servers, later than for others; "/*!" is a comment only for some. */
    private boolean blockComment() {
        space = true;
        int end = in.indexOf("*/", at + 2);
        if (end < 0) {
            at = in.length();
            return false;
        }
        if (in.substring(at + 2, end + 1).contains("/*")) {
            return false;
        }
        String inside = in.substring(at + 2, end);
        boolean executed = inside.startsWith("!") || inside.startsWith("M!");
        if (dialect != Dialect.POSTGRES && executed && opens(inside)) {
            return false;
        }
        at = end + 2;
        return true;
    }

    /**
     * Takes one in quotes. A backslash before a quote means different things to different servers and
     * settings: only where it certainly escapes the statement goes on behind.
     */
    private boolean literal(char quote, boolean escapes) {
        put("?");
        for (at++; at < in.length(); at++) {
            char c = in.charAt(at);
            if (c == '\\' && at + 1 < in.length()) {
                at++;
                if (in.charAt(at) == quote && !escapes) {
                    return false;
                }
            } else if (c == quote) {
                at++;
                if (at == in.length() || in.charAt(at) != quote) {
                    return true;
                }
            }
        }
        return true;
    }

    /** Takes a parameter ($1) or a literal ($tag$…$tag$). */
    private boolean dollar() {
        int size = 1;
        while (isDigit(after(size))) {
            size++;
        }
        int end = in.indexOf('$', at + 1);
        if (size > 1 || end < 0 || !allWord(in.substring(at + 1, end))) {
            put(in.substring(at, at + size));
            at += size;
            return true;
        }
        put("?");
        String tag = in.substring(at, end + 1);
        int stop = in.indexOf(tag, at + tag.length());
        if (stop < 0 || dialect == Dialect.ANY) {
            return false;
        }
        at = stop + tag.length();
        return true;
    }

    /** Takes one, and what is written to it. Whether "$" behind belongs to it is not the same everywhere. */
    private boolean number() {
        put("?");
        while (at < in.length() && (isWord(in.charAt(at)) && in.charAt(at) != '$' || in.charAt(at) == '.')) {
            boolean exponent = (in.charAt(at) | 0x20) == 'e';
            at++;
            if (exponent && (after(0) == '-' || after(0) == '+') && isDigit(after(1))) {
                at++;
            }
        }
        return at == in.length() || in.charAt(at) != '$';
    }

    /** Takes a name, a keyword or a parameter; a letter before a quote belongs to a literal (E'…'). */
    private boolean word() {
        int from = at;
        while (at < in.length() && isWord(in.charAt(at))) {
            at++;
        }
        String word = in.substring(from, at);
        boolean quoted = after(0) == '\'';
        if (dialect == Dialect.ANY && (word.chars().filter(c -> c == '$').count() > 1
                || quoted && word.toLowerCase(Locale.ROOT).endsWith("q"))) {
            return false; // $tag$ right behind a name; Oracle's q'[…]'
        }
        if (quoted && word.length() == 1) {
            return literal('\'', dialect == Dialect.POSTGRES && word.equalsIgnoreCase("E"));
        }
        put(word);
        return true;
    }
}
