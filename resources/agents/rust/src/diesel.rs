// SPDX-License-Identifier: Apache-2.0
//! Diesel's pools: beside what every pool of r2d2 tells, what runs on a connection, the server's
//! process id, where the database is, and which connections were established past the pool.

use std::any::type_name;
use std::cell::Cell;
use std::fmt::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Once, Weak};
use std::time::Instant;

use ::diesel::backend::Backend;
use ::diesel::connection::{
    get_default_instrumentation, set_default_instrumentation, DebugQuery, Instrumentation,
    InstrumentationEvent,
};
use ::diesel::deserialize::{self, FromSql, QueryableByName};
use ::diesel::query_builder::SqlQuery;
use ::diesel::query_dsl::LoadQuery;
use ::diesel::r2d2::{Builder, ConnectionManager, R2D2Connection};
use ::diesel::row::NamedRow;
use ::diesel::sql_types::BigInt;
use ::diesel::{sql_query, RunQueryDsl};

use crate::agent::{say_warning, Agent};
use crate::fingerprint::{Dialect, MOST_READ};
use crate::link::Link;
use crate::outside::{self, Birth};
use crate::pool::Pool;
use crate::watch::{Adopting, Watch};
use crate::{address, process};

/// As [`crate::watch`], for a pool of Diesel's.
///
/// ```ignore
/// let builder = diesel::r2d2::Pool::builder().max_size(10);
/// let pool = poolscope::diesel::watch(builder, "orders").build(manager)?;
/// ```
///
/// The first pool that is built so sets Diesel's default instrumentation, unless the application has set one: then
/// connections that are established past the pools are not seen, until its function makes use of
/// [`instrumentation`].
pub fn watch<C>(builder: Builder<ConnectionManager<C>>, name: &str) -> Watch<ConnectionManager<C>>
where
    C: R2D2Connection + Send + 'static,
    for<'query> SqlQuery: LoadQuery<'query, C, ServerPid>,
{
    let watch = crate::watch(builder, name);
    if watch.is_off() {
        return watch;
    }
    let watch = watch.adopting(Adopting { begin: set_default, adopt: adopt::<C> });
    match statement_for(dialect_of::<C>()) {
        Some(statement) => watch.server_pid(move |connection| {
            let answer: Result<ServerPid, _> = sql_query(statement).get_result(connection);
            answer.ok().and_then(|answer| u64::try_from(answer.0).ok())
        }),
        None => watch,
    }
}

/// For applications with a default instrumentation of their own: events that the function's result
/// gets are to be handed on to this. `None` where no agent runs.
///
/// ```ignore
/// fn mine() -> Option<Box<dyn Instrumentation>> {
///     let mut poolscope = poolscope::diesel::instrumentation();
///     Some(Box::new(move |event: InstrumentationEvent<'_>| {
///         log::debug!("{event:?}");
///         poolscope.on_connection_event(event);
///     }))
/// }
/// ```
pub fn instrumentation() -> Option<Box<dyn Instrumentation>> {
    let witness = Witness::new(process::running()?, None);
    Some(Box::new(witness))
}

fn set_default() {
    static ONCE: Once = Once::new();
    let mut taken = false;
    ONCE.call_once(|| {
        taken = get_default_instrumentation().is_some();
        if !taken {
            let _ = set_default_instrumentation(instrumentation);
        }
    });
    // Not within: a logger may build a pool.
    if taken {
        say_warning(
            "Diesel's default instrumentation is the application's: connections that are established past \
             the pools are not seen, until it makes use of poolscope::diesel::instrumentation.",
        );
    }
}

/// What the server is asked for; an implementation detail of [`watch`]'s bounds.
#[derive(Debug)]
pub struct ServerPid(i64);

impl<DB: Backend> QueryableByName<DB> for ServerPid
where
    i64: FromSql<BigInt, DB>,
{
    fn build<'a>(row: &impl NamedRow<'a, DB>) -> deserialize::Result<Self> {
        NamedRow::get::<BigInt, i64>(row, "pid").map(ServerPid)
    }
}

fn dialect_of<C: ::diesel::Connection>() -> Dialect {
    let backend = type_name::<C::Backend>();
    if backend.contains("::pg::") {
        Dialect::Postgres
    } else if backend.contains("::mysql::") {
        Dialect::MySql
    } else {
        Dialect::Any
    }
}

fn statement_for(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Postgres => Some("SELECT pg_backend_pid()::bigint AS pid"),
        Dialect::MySql => Some("SELECT CAST(CONNECTION_ID() AS SIGNED) AS pid"),
        Dialect::Any => None,
    }
}

/// The link of a connection that its pool just made.
fn adopt<C: R2D2Connection + Send + 'static>(connection: &mut C, pool: &Arc<Pool>) -> Arc<Link> {
    pool.set_dialect(dialect_of::<C>());
    let latest = LATEST.with(Cell::take);
    let link = match witness_of(connection.instrumentation()) {
        Some(witness) => Some(witness.link.clone()),
        None if tells_types() => None,
        // A pool adopts what it established right after it, on the same thread.
        None => latest.and_then(|link| link.upgrade()),
    };
    let link = match link {
        Some(link) => link,
        None => {
            // Established with the application's own instrumentation, which goes on.
            let witness = Witness::new(pool.agent.clone(), get_default_instrumentation());
            let link = witness.link.clone();
            connection.set_instrumentation(witness);
            link
        }
    };
    if let Some(birth) = link.birth.get() {
        pool.created_in(birth.took);
        pool.describe_database(&birth.address);
    }
    outside::claim(&link, pool);
    link
}

fn witness_of(instrumentation: &mut dyn Instrumentation) -> Option<&mut Witness> {
    if instrumentation.is::<Witness>() {
        return instrumentation.downcast_mut();
    }
    // As some versions of Diesel keep it.
    let boxed = instrumentation.downcast_mut::<Option<Box<dyn Instrumentation>>>()?.as_mut()?;
    boxed.as_mut().downcast_mut()
}

/// What Diesel 2.3 has of its own, which comes first there; before it, nobody tells what an
/// instrumentation is.
#[allow(dead_code)]
trait ByType {
    fn is<T: 'static>(&self) -> bool {
        false
    }
    fn downcast_mut<T: 'static>(&mut self) -> Option<&mut T> {
        None
    }
}
impl ByType for dyn Instrumentation {}

fn tells_types() -> bool {
    struct Probe;
    impl Instrumentation for Probe {
        fn on_connection_event(&mut self, _: InstrumentationEvent<'_>) {}
    }
    let probe: &mut dyn Instrumentation = &mut Probe;
    probe.is::<Probe>()
}

thread_local! {
    /// What this thread established last, until a pool adopts it.
    static LATEST: Cell<Option<Weak<Link>>> = const { Cell::new(None) };
}

/// Sees what one connection does, from before it is there to its end.
struct Witness {
    link: Arc<Link>,
    began: Option<Instant>,
    other: Option<Box<dyn Instrumentation>>,
}

impl Witness {
    fn new(agent: Arc<Agent>, other: Option<Box<dyn Instrumentation>>) -> Self {
        Witness { link: Arc::new(Link::new(agent)), began: None, other }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.link.agent.guard(|| outside::ended(&self.link));
    }
}

impl Instrumentation for Witness {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let link = &self.link;
        match &event {
            InstrumentationEvent::StartEstablishConnection { .. } => {
                self.began = Some(Instant::now())
            }
            InstrumentationEvent::FinishEstablishConnection { url, error: None, .. } => {
                let took = self.began.map_or_else(Default::default, |began| began.elapsed());
                link.agent.guard(|| {
                    // The URL holds the password: nothing else of it is kept.
                    let (address, dialect) = (address::of(url), address::dialect(url));
                    outside::established(link, Birth { took, address, dialect });
                    LATEST.with(|latest| latest.set(Some(Arc::downgrade(link))));
                });
            }
            InstrumentationEvent::StartQuery { query, .. } => {
                link.agent.guard(|| begins(link, *query));
            }
            InstrumentationEvent::FinishQuery { .. } => {
                link.agent.guard(|| ends(link));
            }
            _ => {}
        }
        if let Some(other) = &mut self.other {
            other.on_connection_event(event);
        }
    }
}

fn begins(link: &Arc<Link>, query: &dyn DebugQuery) {
    if link.agent.is_off() {
        return;
    }
    if link.key().is_none() {
        outside::settle(&link.agent);
    }
    let (Some(key), Some(pool)) = (link.key(), link.pool()) else { return };
    if !link.lent.load(Ordering::Relaxed) {
        // r2d2's test before it lends one; else it left by try_get, of which there is no event.
        if text_of(query, 64).trim_end() == "SELECT 1" {
            return;
        }
        pool.lend(key, None);
    }
    link.busy.store(true, Ordering::Relaxed);
    if link.agent.is_attached() {
        pool.works(key, Some(text_of(query, MOST_READ)));
    }
}

fn ends(link: &Link) {
    if link.busy.swap(false, Ordering::Relaxed) && link.agent.is_attached() {
        if let (Some(key), Some(pool)) = (link.key(), link.pool()) {
            pool.works(key, None);
        }
    }
}

/// What Diesel writes behind a statement: the values that are bound to it.
const BINDS: &str = " -- binds: ";

/// A statement without its values, at most so many bytes of it.
struct Text {
    text: String,
    most: usize,
}

impl Write for Text {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let from = self.text.len().saturating_sub(BINDS.len());
        self.text.push_str(part);
        let from = (0..=from).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        if let Some(at) = self.text[from..].find(BINDS) {
            self.text.truncate(from + at);
            return Err(fmt::Error); // enough
        }
        if self.text.len() > self.most {
            let most =
                (0..=self.most).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
            self.text.truncate(most);
            return Err(fmt::Error);
        }
        Ok(())
    }
}

fn text_of(query: &dyn DebugQuery, most: usize) -> String {
    let mut text = Text { text: String::new(), most };
    let _ = write!(text, "{query}");
    text.text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_values_are_never_written() {
        for parts in [
            &["SELECT 1", " -- binds: ", "[\"secret\"]"][..],
            &["SELECT 1 -- bi", "nds: [\"secret\"]"],
            &["SELECT 1 -- binds: [\"secret\"]"],
            &["SELECT 1", " ", "-- ", "binds:", " ", "[\"secret\"]"],
        ] {
            let mut text = Text { text: String::new(), most: 1000 };
            for part in parts {
                if text.write_str(part).is_err() {
                    break;
                }
            }
            assert_eq!(text.text, "SELECT 1", "{parts:?}");
        }
    }

    #[test]
    fn a_long_statement_is_cut_at_a_character() {
        let mut text = Text { text: String::new(), most: 5 };
        assert!(text.write_str("ééé").is_err());
        assert_eq!(text.text, "éé");
    }
}
