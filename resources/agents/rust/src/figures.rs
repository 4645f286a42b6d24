// SPDX-License-Identifier: Apache-2.0
//! What a pool tells of itself: its figures, and its part of hello.

use crate::lines::{Max, PoolInfo, Stats};
use crate::pool::PoolData;
use crate::scope;
use crate::stack::Stacks;

impl PoolData {
    pub(crate) fn stats(&self, now: u64) -> Stats {
        let total = self.connections.len() as u64;
        Stats {
            pool: self.name.to_string(),
            time: now,
            used: Some(self.lent),
            idle: Some(total.saturating_sub(self.lent)),
            total: Some(total),
            max: self.max.map_or(Max::Unknown, Max::At),
            idle_min: self.idle_min,
            pending: self.can.pending.then_some(self.pending),
            timeouts: self.can.waits.then_some(self.timeouts),
            wait: self.can.waits.then(|| self.wait.summary()),
            usage: Some(self.usage.summary()),
            create: self.can.statements.then(|| self.create.summary()),
            ..Stats::default()
        }
    }

    pub(crate) fn info(&self) -> PoolInfo {
        PoolInfo {
            pool: self.name.to_string(),
            kind: self.kind.to_owned(),
            database: self.database.clone(),
            config: self.config.clone(),
        }
    }

    pub(crate) fn words(&self, stacks: Stacks) -> impl Iterator<Item = &'static str> {
        let can = self.can;
        [
            ("connections", true),
            ("by", true),
            ("tags", true),
            ("thread", true),
            ("expected", true),
            ("stats", true),
            ("use_time", true),
            ("timeouts", can.waits),
            ("wait_time", can.waits),
            ("stacks", stacks != Stacks::Off),
            ("trace", scope::has_trace()),
            ("use", can.statements),
            ("create_time", can.statements),
            ("server_pid", can.server_pid),
            ("pending", can.pending),
        ]
        .into_iter()
        .filter_map(|(word, can)| can.then_some(word))
    }
}
