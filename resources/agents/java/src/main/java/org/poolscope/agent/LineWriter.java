// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Appends lines of JSON to a buffer. Never fails: texts are cut, what is no character and control
 * characters are replaced or escaped. Numbers below zero are "not known". One thread.
 */
final class LineWriter {
    /** A number, or a text's place, that is not known and so not written. */
    static final long UNKNOWN = -1;
    /** Of "max": there is no limit. */
    static final long UNLIMITED = -2;

    private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] ELLIPSIS = "\u2026".getBytes(StandardCharsets.UTF_8);

    private byte[] bytes = new byte[512];
    private int size;

    int size() {
        return size;
    }

    /** Takes back what was written from there on. */
    void truncate(int length) {
        size = length;
    }

    byte[] take() {
        byte[] all = Arrays.copyOf(bytes, size);
        size = 0;
        return all;
    }

    LineWriter begin(String kind, long n) {
        raw("{\"k\":\"").raw(kind).raw("\",\"n\":");
        digits(n);
        return this;
    }

    LineWriter end() {
        return raw("}\n");
    }

    LineWriter raw(String ascii) {
        int length = ascii.length();
        reserve(length);
        for (int i = 0; i < length; i++) {
            bytes[size++] = (byte) ascii.charAt(i);
        }
        return this;
    }

    LineWriter comma() {
        byte last = bytes[size - 1];
        return last == '{' || last == '[' ? this : raw(",");
    }

    LineWriter key(String key) {
        return comma().raw("\"").raw(key).raw("\":");
    }

    /** Null or empty: not written. */
    LineWriter text(String key, String value, int most) {
        return value == null || value.isEmpty() ? this : required(key, value, most);
    }

    LineWriter required(String key, String value, int most) {
        key(key);
        return quoted(value, most);
    }

    LineWriter number(String key, long value) {
        if (value >= 0) {
            key(key);
            digits(value);
        }
        return this;
    }

    LineWriter flag(String key, boolean value) {
        return key(key).raw(value ? "true" : "false");
    }

    /** Names and values in turn. */
    LineWriter pairs(String[] list, int most, int mostOfName, int mostOfValue) {
        for (int i = 0; i + 1 < list.length && i < 2 * most; i += 2) {
            comma().quoted(list[i], mostOfName).raw(":").quoted(list[i + 1], mostOfValue);
        }
        return this;
    }

    void digits(long value) {
        long rest = Math.max(0, Math.min(value, Limits.NUMBER));
        byte[] reversed = new byte[20];
        int count = 0;
        do {
            reversed[count++] = (byte) ('0' + rest % 10);
            rest /= 10;
        } while (rest != 0);
        reserve(count);
        while (count > 0) {
            bytes[size++] = reversed[--count];
        }
    }

    LineWriter quoted(String text, int most) {
        raw("\"");
        int length = text.length();
        // Three bytes a char at most; only what may be too long is measured.
        boolean whole = 3L * length <= most || sizeOf(text, most) <= most;
        int room = whole ? Integer.MAX_VALUE : most - ELLIPSIS.length;
        for (int i = 0; i < length; ) {
            int c = text.codePointAt(i);
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                c = 0xFFFD;
            }
            room -= width(c);
            if (room < 0) {
                break;
            }
            character(c);
            i += c > 0xFFFF ? 2 : 1;
        }
        if (!whole) {
            reserve(ELLIPSIS.length);
            System.arraycopy(ELLIPSIS, 0, bytes, size, ELLIPSIS.length);
            size += ELLIPSIS.length;
        }
        return raw("\"");
    }

    private static int sizeOf(String text, int most) {
        int size = 0;
        for (int i = 0; i < text.length() && size <= most; ) {
            int c = text.codePointAt(i);
            size += width(c);
            i += c > 0xFFFF ? 2 : 1;
        }
        return size;
    }

    private static int width(int c) {
        return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }

    private void character(int c) {
        reserve(6);
        if (c == '"' || c == '\\') {
            bytes[size++] = '\\';
            bytes[size++] = (byte) c;
        } else if (c < 0x20 || c == 0x7F) {
            bytes[size++] = '\\';
            bytes[size++] = 'u';
            bytes[size++] = '0';
            bytes[size++] = '0';
            bytes[size++] = HEX[c >> 4];
            bytes[size++] = HEX[c & 15];
        } else if (c < 0x80) {
            bytes[size++] = (byte) c;
        } else if (c < 0x800) {
            bytes[size++] = (byte) (0xC0 | c >> 6);
            bytes[size++] = (byte) (0x80 | c & 0x3F);
        } else if (c < 0x10000) {
            bytes[size++] = (byte) (0xE0 | c >> 12);
            bytes[size++] = (byte) (0x80 | c >> 6 & 0x3F);
            bytes[size++] = (byte) (0x80 | c & 0x3F);
        } else {
            bytes[size++] = (byte) (0xF0 | c >> 18);
            bytes[size++] = (byte) (0x80 | c >> 12 & 0x3F);
            bytes[size++] = (byte) (0x80 | c >> 6 & 0x3F);
            bytes[size++] = (byte) (0x80 | c & 0x3F);
        }
    }

    private void reserve(int more) {
        if (bytes.length - size < more) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
        }
    }
}
