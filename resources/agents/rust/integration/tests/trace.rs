// SPDX-License-Identifier: Apache-2.0
//! The README's lines for OpenTelemetry: what is acquired in a span has its id, what is not has none.

mod support;
mod wire {
    pub const MAX_NUMBER: u64 = (1 << 53) - 1; // for the agent's reader of JSON
}

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use support::*;

/// As the README has it.
fn set_trace() {
    poolscope::set_trace(|| {
        let context = opentelemetry::Context::current();
        let span = context.span().span_context().clone();
        span.is_valid().then(|| (span.trace_id().to_string(), span.span_id().to_string()))
    });
}

fn packed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_checkout_has_the_ids_of_its_span() {
    let (readme, here) =
        (packed(include_str!("../../README.md")), packed(include_str!("trace.rs")));
    let lines = here.split("fn set_trace() { ").nth(1).and_then(|rest| rest.split(" } fn").next());
    let lines = lines.expect("the lines");
    assert!(readme.contains(lines), "the README has other lines than {lines}");

    let Some(program) = program() else { return };
    let folder = Folder::new();
    let socket = folder.0.join("trace.sock").display().to_string();
    poolscope::start(poolscope::Options::new().listen(socket)).expect("it listens");
    set_trace();
    let manager = r2d2_sqlite::SqliteConnectionManager::memory();
    let pool = poolscope::watch(r2d2::Pool::builder().max_size(2), "traced").build(manager);
    let pool = pool.expect("a pool");
    let span = SpanContext::new(
        TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").expect("an id"),
        SpanId::from_hex("00f067aa0ba902b7").expect("an id"),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    );
    let within = {
        let _span = opentelemetry::Context::new().with_remote_span_context(span).attach();
        poolscope::scope().by("within").run(|| pool.get().expect("a connection"))
    };
    let without = poolscope::scope().by("without").run(|| pool.get().expect("a connection"));
    let held = ask(&program, "checkouts", &poolscope::address().expect("an address"), &[]);
    let tag = |by: &str| {
        let one = held.iter().find(|one| one.text("acquired_by") == Some(by)).expect("it is held");
        one.get("tags").and_then(|tags| tags.text("span_id").map(str::to_owned))
    };
    assert_eq!(tag("within").as_deref(), Some("00f067aa0ba902b7"), "{held:?}");
    assert_eq!(tag("without"), None, "{held:?}");
    drop((within, without, pool));
    poolscope::close();
}
