// SPDX-License-Identifier: Apache-2.0
//! What the application says about the work that is done: tags, who does it, how long it may take.

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::wire::{cut, MAX_BY, MAX_TAGS, MAX_TAG_NAME, MAX_TAG_VALUE};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) by: String,
    pub(crate) expected: Option<Duration>,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Facts>>> = const { RefCell::new(None) };
}

/// Of the thread's scope; none while the thread ends.
pub(crate) fn facts() -> Option<Arc<Facts>> {
    CURRENT
        .try_with(|current| current.try_borrow().ok().and_then(|facts| facts.clone()))
        .unwrap_or(None)
}

fn swap(facts: Option<Arc<Facts>>) -> Option<Arc<Facts>> {
    CURRENT
        .try_with(|current| {
            current.try_borrow_mut().ok().and_then(|mut c| std::mem::replace(&mut *c, facts))
        })
        .unwrap_or(None)
}

/// What every checkout carries that is made within it. It begins with what the thread's scope says
/// and adds to it; of a tag that occurs again the later value counts.
///
/// ```
/// # fn work() {}
/// let _scope = poolscope::scope().tag("route", "/orders").by("web").enter();
/// work(); // whatever it acquires on this thread
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a scope does nothing until it is entered"]
pub struct Scope {
    facts: Facts,
}

/// A scope that begins with what the thread's current one says. Hand it to another thread or a task
/// to let it go on there.
pub fn scope() -> Scope {
    Scope { facts: facts().map(|facts| (*facts).clone()).unwrap_or_default() }
}

fn bounded(text: &str, max: usize) -> String {
    match cut(text, max) {
        (all, false) => all.to_owned(),
        (part, true) => format!("{part}…"),
    }
}

impl Scope {
    /// A tag: at most 16; the name is cut at 64 bytes, the value at 256.
    pub fn tag(mut self, name: &str, value: impl ToString) -> Self {
        let (name, value) =
            (bounded(name, MAX_TAG_NAME), bounded(&value.to_string(), MAX_TAG_VALUE));
        let tags = &mut self.facts.tags;
        if let Some(tag) = tags.iter_mut().find(|tag| tag.0 == name) {
            tag.1 = value;
        } else if !name.is_empty() && tags.len() < MAX_TAGS {
            tags.push((name, value));
        }
        self
    }

    /// Who acquires: a user, a handler, a job. At most 128 bytes.
    pub fn by(mut self, by: &str) -> Self {
        self.facts.by = bounded(by, MAX_BY);
        self
    }

    /// How long a checkout may honestly take: until then it is a long operation, not a suspected leak.
    pub fn expected(mut self, time: Duration) -> Self {
        self.facts.expected = Some(time);
        self
    }

    /// Makes it the thread's, until the guard is dropped; that is to be on this thread, and not across
    /// an `await`: for a future there is [`Scope::follow`].
    pub fn enter(self) -> Entered {
        Entered { before: swap(Some(Arc::new(self.facts))), this_thread: PhantomData }
    }

    /// Runs `work` within it.
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        work()
    }

    /// The future, within the scope whenever it is polled, on whatever thread.
    pub fn follow<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        Following { facts: Arc::new(self.facts), future: Box::pin(future) }
    }
}

/// Ends a scope when it is dropped.
#[must_use = "the scope ends when this is dropped"]
#[derive(Debug)]
pub struct Entered {
    before: Option<Arc<Facts>>,
    this_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        swap(self.before.take());
    }
}

struct Following<F> {
    facts: Arc<Facts>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Following<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = Entered { before: swap(Some(self.facts.clone())), this_thread: PhantomData };
        self.future.as_mut().poll(context)
    }
}

/// Where a checkout belongs in a distributed trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) id: String,
    pub(crate) span: String,
}

const SPAN_TAG: &str = "span_id";

/// The tags of a scope, and the span's id as each agent has it. A tag that the application itself calls
/// so stays as it is.
pub(crate) fn tags_of<'a>(facts: Option<&'a Facts>, trace: &Trace) -> Cow<'a, [(String, String)]> {
    let tags = facts.map_or(&[][..], |facts| &facts.tags);
    if trace.span.is_empty() {
        return Cow::Borrowed(tags);
    }
    let mut more = tags[..tags.len().min(MAX_TAGS - 1)].to_vec();
    if !more.iter().any(|(name, _)| name == SPAN_TAG) {
        more.push((SPAN_TAG.to_owned(), bounded(&trace.span, MAX_TAG_VALUE)));
    }
    Cow::Owned(more)
}

type Hook = dyn Fn() -> Option<(String, String)> + Send + Sync;

fn trace_hook() -> &'static RwLock<Option<Arc<Hook>>> {
    static HOOK: OnceLock<RwLock<Option<Arc<Hook>>>> = OnceLock::new();
    HOOK.get_or_init(RwLock::default)
}

/// Sets what tells the ids of the trace and of the span that the thread works for, in hexadecimal; the
/// span's is told as the tag `span_id`. It is called at every checkout, on the thread that acquires; not
/// at a timeout, which r2d2 tells under its own lock. With OpenTelemetry:
///
/// ```ignore
/// poolscope::set_trace(|| {
///     let context = opentelemetry::Context::current();
///     let span = context.span().span_context().clone();
///     span.is_valid().then(|| (span.trace_id().to_string(), span.span_id().to_string()))
/// });
/// ```
pub fn set_trace(hook: impl Fn() -> Option<(String, String)> + Send + Sync + 'static) {
    *trace_hook().write().unwrap_or_else(|e| e.into_inner()) = Some(Arc::new(hook));
}

pub(crate) fn has_trace() -> bool {
    trace_hook().read().unwrap_or_else(|e| e.into_inner()).is_some()
}

pub(crate) fn trace() -> Trace {
    let hook = trace_hook().read().unwrap_or_else(|e| e.into_inner()).clone();
    let (id, span) = hook.and_then(|hook| hook()).unwrap_or_default();
    Trace { id, span }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags() -> Vec<(String, String)> {
        facts().map(|facts| facts.tags.clone()).unwrap_or_default()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn scopes_nest_and_end() {
        assert!(facts().is_none());
        scope().tag("a", 1).by("web").run(|| {
            let inner = scope().tag("b", "two").tag("a", 3).enter();
            assert_eq!(tags(), [pair("a", "3"), pair("b", "two")]);
            assert_eq!(facts().unwrap().by, "web");
            drop(inner);
            assert_eq!(tags(), [pair("a", "1")]);
        });
        assert!(facts().is_none());
    }

    #[test]
    fn a_scope_ends_with_a_panic_and_goes_to_another_thread() {
        let caught = std::panic::catch_unwind(|| scope().tag("a", 1).run(|| panic!("on purpose")));
        assert!(caught.is_err() && facts().is_none());
        let carried = scope().tag("a", 1).run(scope);
        let there = std::thread::spawn(move || carried.run(tags)).join().unwrap();
        assert_eq!(there, [pair("a", "1")]);
    }

    #[test]
    fn bounds_hold() {
        let mut many = scope().tag("", "x").tag(&"n".repeat(100), "v".repeat(1000));
        for i in 0..40 {
            many = many.tag(&i.to_string(), i);
        }
        assert_eq!(many.facts.tags.len(), MAX_TAGS);
        assert!(
            many.facts.tags[0].0.len() <= MAX_TAG_NAME
                && many.facts.tags[0].1.len() <= MAX_TAG_VALUE
        );
    }

    #[test]
    fn the_span_is_a_tag_unless_the_application_has_one() {
        let trace = Trace { id: "t".to_owned(), span: "s".to_owned() };
        assert!(tags_of(None, &Trace::default()).is_empty());
        assert_eq!(tags_of(None, &trace).into_owned(), [pair("span_id", "s")]);
        let of = |scope: Scope| tags_of(Some(&scope.facts), &trace).into_owned();
        assert_eq!(of(scope().tag("a", 1)), [pair("a", "1"), pair("span_id", "s")]);
        assert_eq!(of(scope().tag("span_id", "mine")), [pair("span_id", "mine")]);
        let many = of((0..MAX_TAGS).fold(scope(), |many, i| many.tag(&i.to_string(), i)));
        assert_eq!((many.len(), many.last()), (MAX_TAGS, Some(&pair("span_id", "s"))));
    }

    #[test]
    fn a_future_takes_its_scope_along() {
        let mut future = Box::pin(scope().tag("a", 1).follow(async { tags() }));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(vec![pair("a", "1")]));
        assert!(facts().is_none());
    }
}
