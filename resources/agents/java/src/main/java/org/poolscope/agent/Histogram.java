// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

/**
 * Counts durations in microseconds by magnitude: sixteen buckets an octave, so a percentile is right to
 * about 6 %. Not for several threads at once.
 */
final class Histogram {
    private static final int PARTS = 16;

    private final int[] buckets = new int[64 * PARTS];
    private long count;
    private long total;

    static int bucketOf(long us) {
        if (us < PARTS) {
            return (int) us;
        }
        int octave = 59 - Long.numberOfLeadingZeros(us); // 16..31 is octave 0
        return (octave + 1) * PARTS + ((int) (us >> octave) & PARTS - 1);
    }

    /** The middle of a bucket. */
    static long valueOf(int bucket) {
        if (bucket < PARTS) {
            return bucket;
        }
        int octave = bucket / PARTS - 1;
        return ((long) (PARTS + bucket % PARTS) << octave) + (1L << octave) / 2;
    }

    void add(long us) {
        long duration = Math.max(0, us);
        count++;
        total += duration;
        buckets[bucketOf(duration)]++;
    }

    long percentile(double share) {
        if (count == 0) {
            return LineWriter.UNKNOWN;
        }
        long rank = Math.max(1, Math.round(share * count));
        long seen = 0;
        for (int bucket = 0; bucket < buckets.length; bucket++) {
            seen += buckets[bucket];
            if (seen >= rank) {
                return valueOf(bucket);
            }
        }
        return LineWriter.UNKNOWN;
    }

    Lines.Durations summary() {
        return new Lines.Durations(count, total, percentile(0.5), percentile(0.99));
    }
}
