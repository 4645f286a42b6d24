// SPDX-License-Identifier: Apache-2.0
//! A thread that names frames: with much debug information the first ones take seconds, in which
//! inspectors want answers. It begins with the first stack that somebody is to be told of.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use crate::agent::Agent;
use crate::frames::Namer;
use crate::lines::Frame;
use crate::stack::Stack;

type Named = (u64, Vec<Frame>);

/// Belongs to the agent's thread.
#[derive(Default)]
pub(crate) struct Names {
    known: HashMap<u64, Vec<Frame>>,
    asked: HashSet<u64>,
    ask: Option<Sender<Arc<Stack>>>,
    done: Arc<Mutex<Vec<Named>>>,
}

impl Names {
    /// What a stack's frames are called, if that is known; else it is asked for.
    pub(crate) fn of(&mut self, agent: &Arc<Agent>, stack: &Arc<Stack>) -> Option<&[Frame]> {
        if !self.known.contains_key(&stack.id) && self.asked.insert(stack.id) {
            let ask = self.ask.get_or_insert_with(|| begin(agent.clone(), self.done.clone()));
            if ask.send(stack.clone()).is_err() {
                // There is no thread: then without frames.
                self.known.insert(stack.id, Vec::new());
            }
        }
        self.known.get(&stack.id).map(Vec::as_slice)
    }

    /// Those that came to be known since.
    pub(crate) fn arrived(&mut self) -> Vec<u64> {
        let done = std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner));
        let ids = done.iter().map(|(id, _)| *id).collect();
        self.known.extend(done);
        ids
    }

    pub(crate) fn known(&self, id: u64) -> &[Frame] {
        self.known.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// The thread ends with the sender.
fn begin(agent: Arc<Agent>, done: Arc<Mutex<Vec<Named>>>) -> Sender<Arc<Stack>> {
    let (ask, asked) = channel::<Arc<Stack>>();
    let work = move || {
        let mut namer = Namer::default();
        for stack in asked {
            let frames = agent.guard(|| namer.frames(&stack, &agent.ownership));
            let named = (stack.id, frames.unwrap_or_default());
            done.lock().unwrap_or_else(PoisonError::into_inner).push(named);
            agent.ring_bell();
        }
    };
    // Where it cannot start what is asked of it fails.
    let _ = std::thread::Builder::new().name("poolscope-names".to_owned()).spawn(work);
    ask
}
