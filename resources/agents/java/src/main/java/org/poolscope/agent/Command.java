// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** A line of an inspector. What this agent does not know of it is left out. */
record Command(String kind, long n, String id, String mac) {
    /** Null where the line (without its newline) cannot be read. */
    static Command read(byte[] bytes, int from, int length) {
        if (length > Limits.LINE) {
            return null;
        }
        try {
            return Json.read(bytes, from, length) instanceof Map<?, ?> fields ? of(fields) : null;
        } catch (Json.Bad e) {
            return null;
        }
    }

    private static Command of(Map<?, ?> fields) {
        String kind = text(fields.get("k"));
        if (kind.isEmpty() || !(fields.get("n") instanceof Long n) || n < 0 || n > Limits.NUMBER) {
            return null;
        }
        String id = text(fields.get("id"));
        String mac = text(fields.get("mac"));
        boolean noMac = kind.equals("auth") && mac.isEmpty();
        boolean noId = kind.equals("reclaim")
            && (id.isEmpty() || id.getBytes(StandardCharsets.UTF_8).length > Limits.ID);
        return noMac || noId ? null : new Command(kind, n, id, mac);
    }

    private static String text(Object value) {
        return value instanceof String text ? text : "";
    }

    /** HMAC-SHA256(token, nonce) in lower-case hexadecimal. */
    static String macOf(String token, String nonce) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(token.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            return HexFormat.of().formatHex(mac.doFinal(nonce.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }

    static boolean sameMac(String a, String b) {
        return MessageDigest.isEqual(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
    }
}
