// SPDX-License-Identifier: Apache-2.0
//! Counts durations in microseconds by magnitude: sixteen buckets an octave, so that a percentile is
//! right to about 6 %.

use crate::lines::Durations;

const SUB_BUCKETS: usize = 16;

pub(crate) struct Histogram {
    count: u64,
    total: u64,
    buckets: Vec<u32>, // grows to the slowest that was seen
}

fn bucket_of(us: u64) -> usize {
    if us < SUB_BUCKETS as u64 {
        return us as usize;
    }
    let octave = 59 - us.leading_zeros() as usize; // 16 to 31 are octave 0
    (octave + 1) * SUB_BUCKETS + (us >> octave) as usize % SUB_BUCKETS
}

/// The middle of a bucket.
fn value_of(bucket: usize) -> u64 {
    if bucket < SUB_BUCKETS {
        return bucket as u64;
    }
    let octave = bucket / SUB_BUCKETS - 1;
    (((SUB_BUCKETS + bucket % SUB_BUCKETS) as u64) << octave) + (1 << octave) / 2
}

impl Histogram {
    pub(crate) const fn new() -> Self {
        Histogram { count: 0, total: 0, buckets: Vec::new() }
    }

    pub(crate) fn add(&mut self, us: u64) {
        let us = us.min(crate::wire::MAX_NUMBER);
        let bucket = bucket_of(us);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.count += 1;
        self.total = self.total.saturating_add(us);
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
    }

    fn percentile(&self, share: f64) -> Option<u64> {
        let rank = ((share * self.count as f64 + 0.5) as u64).max(1);
        let mut seen = 0u64;
        for (bucket, &count) in self.buckets.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                return Some(value_of(bucket));
            }
        }
        None
    }

    pub(crate) fn summary(&self) -> Durations {
        Durations {
            count: Some(self.count),
            total: Some(self.total),
            median: self.percentile(0.5),
            p99: self.percentile(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_six_percent() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.summary().median, None);
        for us in 1..=10_000 {
            histogram.add(us);
        }
        let summary = histogram.summary();
        assert_eq!(summary.count, Some(10_000));
        assert_eq!(summary.total, Some(50_005_000));
        assert!((4_700..5_300).contains(&summary.median.unwrap()), "{summary:?}");
        assert!((9_300..10_500).contains(&summary.p99.unwrap()), "{summary:?}");
    }

    #[test]
    fn every_value_is_near_the_middle_of_its_bucket() {
        for shift in 0..53 {
            for us in [1u64 << shift, (1 << shift) + (1 << shift) / 3] {
                let middle = value_of(bucket_of(us));
                assert!(middle.abs_diff(us) * 16 <= us.max(16), "{us}: {middle}");
            }
        }
    }
}
