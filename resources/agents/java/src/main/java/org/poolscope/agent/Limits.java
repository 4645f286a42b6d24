// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

/** What the protocol allows (PROTOCOL.md). Lengths are in bytes of UTF-8. */
final class Limits {
    static final int VERSION = 1;
    static final int LINE = 65_536;
    static final long NUMBER = (1L << 53) - 1;

    static final int ID = 128;
    static final int POOL_NAME = 128;
    static final int POOLS = 1024;
    static final int DATABASE = 512;
    static final int CONFIG = 64;
    static final int FRAMES = 64;
    static final int FUNCTION = 384;
    static final int FILE = 384;
    static final int TAGS = 16;
    static final int TAG_NAME = 64;
    static final int TAG_VALUE = 256;
    static final int BY = 128;
    static final int THREAD = 64;
    static final int TRACE_ID = 64;
    static final int STATEMENT = 1024;
    static final int WHY = 256;
    static final int WORD = 64;
    static final int HOST = 255;

    static final int PEERS = 16;
    static final int CHALLENGED = 8;
    static final int BEFORE_AUTH = 4096;
    static final int BAD_LINES = 1000;
    static final int UNTRACED = 256; // of a pool: dropped, and nothing will say whether they are back

    private Limits() {}
}
