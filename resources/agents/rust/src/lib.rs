// SPDX-License-Identifier: Apache-2.0

//! Lets Poolscope attach to a running application and see who holds the connections of its r2d2
//! pools, Diesel's too, since when and from which line.
//!
//! ```no_run
//! # fn f<M: r2d2::ManageConnection>(manager: M) -> Result<(), r2d2::Error> {
//! let builder = r2d2::Pool::builder().max_size(10);
//! let pool = poolscope::watch(builder, "orders").build(manager)?; // instead of builder.build(manager)?
//! # Ok(()) }
//! ```
//!
//! Nothing about the pool changes. Until an inspector attaches the agent costs little more than taking
//! the stack of each checkout; what an inspector cannot take fast enough is dropped and counted. Where
//! one knows for whom work is done, [`scope`] says it.

#[cfg(not(unix))]
compile_error!("poolscope's agent is for Unix systems; leave it out elsewhere (target.'cfg(unix)'.dependencies)");

#[cfg(feature = "diesel")]
mod address;
mod agent;
mod command;
#[cfg(feature = "diesel")]
pub mod diesel;
mod endpoint;
mod events;
mod figures;
mod fingerprint;
mod frames;
mod histogram;
mod json;
mod lines;
#[cfg_attr(not(feature = "diesel"), allow(dead_code))]
mod link;
mod names;
mod options;
#[cfg_attr(not(feature = "diesel"), allow(dead_code))]
mod outside;
mod peer;
#[cfg_attr(not(feature = "diesel"), allow(dead_code))]
mod pool;
mod process;
mod recall;
mod scope;
mod server;
mod stack;
mod tell;
mod users;
mod watch;
mod wire;

pub use options::{Figures, Options};
pub use process::{address, close, figures, start, Error};
pub use scope::{scope, set_trace, Entered, Scope};
pub use stack::Stacks;
pub use watch::{watch, Pool, Watch};

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
