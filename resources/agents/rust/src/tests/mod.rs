// SPDX-License-Identifier: Apache-2.0
//! The agent's parts together, with a pool of connections that do nothing.

mod attach;
mod fake;
mod golden;
mod inspector;
mod kinds;
mod outside;
mod process;
mod trouble;
