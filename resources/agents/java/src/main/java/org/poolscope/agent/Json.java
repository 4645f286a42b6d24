// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON (RFC 8259), strictly: objects become maps, arrays lists, integers that fit Long, other
 * numbers Double, null is NULL. Bounded in depth; of a key that occurs twice the last counts.
 */
final class Json {
    static final class Bad extends Exception {
        private static final long serialVersionUID = 1;

        Bad(String what) {
            super(what, null, false, false);
        }
    }

    static final Object NULL = new Object() {
        @Override
        public String toString() {
            return "null";
        }
    };

    private static final int DEPTH = 64;

    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    static Object read(byte[] bytes, int from, int length) throws Bad {
        try {
            // A new decoder reports what is no UTF-8; the constructors of String replace it.
            return read(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, from, length)).toString());
        } catch (CharacterCodingException e) {
            throw new Bad("not UTF-8");
        }
    }

    static Object read(String text) throws Bad {
        Json json = new Json(text);
        Object value = json.value(0);
        json.space();
        if (json.at != text.length()) {
            throw new Bad("something behind it");
        }
        return value;
    }

    private char peek() throws Bad {
        if (at == text.length()) {
            throw new Bad("ends too early");
        }
        return text.charAt(at);
    }

    private void space() {
        while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private boolean skips(char c) throws Bad {
        space();
        if (peek() != c) {
            return false;
        }
        at++;
        return true;
    }

    private void expect(char c) throws Bad {
        if (!skips(c)) {
            throw new Bad("no " + c);
        }
    }

    private Object value(int depth) throws Bad {
        if (depth > DEPTH) {
            throw new Bad("too deep");
        }
        space();
        switch (peek()) {
            case '{':
                return object(depth);
            case '[':
                return array(depth);
            case '"':
                return string();
            case 't':
                return word("true", Boolean.TRUE);
            case 'f':
                return word("false", Boolean.FALSE);
            case 'n':
                return word("null", NULL);
            default:
                return number();
        }
    }

    private Map<String, Object> object(int depth) throws Bad {
        Map<String, Object> members = new LinkedHashMap<>();
        at++;
        if (skips('}')) {
            return members;
        }
        do {
            space();
            if (peek() != '"') {
                throw new Bad("no key");
            }
            String key = string();
            expect(':');
            members.put(key, value(depth + 1));
        } while (skips(','));
        expect('}');
        return members;
    }

    private List<Object> array(int depth) throws Bad {
        List<Object> elements = new ArrayList<>();
        at++;
        if (skips(']')) {
            return elements;
        }
        do {
            elements.add(value(depth + 1));
        } while (skips(','));
        expect(']');
        return elements;
    }

    private Object word(String word, Object value) throws Bad {
        if (!text.startsWith(word, at)) {
            throw new Bad("no value");
        }
        at += word.length();
        return value;
    }

    private String string() throws Bad {
        StringBuilder out = new StringBuilder();
        at++;
        for (;;) {
            char c = peek();
            at++;
            if (c == '"') {
                return out.toString();
            }
            if (c < 0x20) {
                throw new Bad("a control character");
            }
            out.append(c == '\\' ? escaped() : c);
        }
    }

    private char escaped() throws Bad {
        char c = peek();
        at++;
        int plain = "\"\\/bfnrt".indexOf(c);
        if (plain >= 0) {
            return "\"\\/\b\f\n\r\t".charAt(plain);
        }
        if (c != 'u' || at + 4 > text.length()) {
            throw new Bad("no such escape");
        }
        int value = 0;
        for (int i = 0; i < 4; i++) {
            int digit = Character.digit(text.charAt(at), 16);
            if (digit < 0 || text.charAt(at) > 'f') {
                throw new Bad("no such escape");
            }
            value = value * 16 + digit;
            at++;
        }
        return (char) value;
    }

    private boolean digits() {
        int from = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        return at > from;
    }

    private Object number() throws Bad {
        int from = at;
        if (peek() == '-') {
            at++;
        }
        int first = at;
        if (!digits() || text.charAt(first) == '0' && at > first + 1) {
            throw new Bad("no value");
        }
        boolean whole = true;
        if (at < text.length() && text.charAt(at) == '.') {
            at++;
            whole = false;
            if (!digits()) {
                throw new Bad("no digits");
            }
        }
        if (at < text.length() && (text.charAt(at) | 0x20) == 'e') {
            at++;
            whole = false;
            if (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
                at++;
            }
            if (!digits()) {
                throw new Bad("no digits");
            }
        }
        String number = text.substring(from, at);
        return whole && number.length() <= 18 ? (Object) Long.valueOf(number) : (Object) Double.valueOf(number);
    }
}
