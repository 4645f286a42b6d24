// SPDX-License-Identifier: Apache-2.0

package poolscope

import "math/bits"

// histogram counts durations in microseconds by magnitude: sixteen buckets an octave, so a percentile
// is right to about 6 %. Not for several goroutines at once.
type histogram struct {
	count, total int64
	buckets      [64 * subBuckets]uint32
}

const subBuckets = 16

func bucketOf(us int64) int {
	if us < subBuckets {
		return int(us)
	}
	octave := bits.Len64(uint64(us)) - 5 // 16..31 is octave 0
	return (octave+1)*subBuckets + int(us>>uint(octave))&(subBuckets-1)
}

// valueOf is the middle of a bucket.
func valueOf(bucket int) int64 {
	if bucket < subBuckets {
		return int64(bucket)
	}
	octave := uint(bucket/subBuckets - 1)
	low := int64(subBuckets+bucket%subBuckets) << octave
	return low + (int64(1)<<octave)/2
}

func (h *histogram) add(us int64) {
	if us < 0 {
		us = 0
	}
	h.count++
	h.total += us
	h.buckets[bucketOf(us)]++
}

func (h *histogram) percentile(share float64) number {
	if h.count == 0 {
		return number{}
	}
	rank := int64(share*float64(h.count) + 0.5)
	if rank < 1 {
		rank = 1
	}
	seen := int64(0)
	for bucket, count := range h.buckets {
		if seen += int64(count); seen >= rank {
			return known(valueOf(bucket))
		}
	}
	return number{}
}

func (h *histogram) summary() durations {
	return durations{known: true, count: known(h.count), total: known(h.total),
		median: h.percentile(0.5), p99: h.percentile(0.99)}
}
