// SPDX-License-Identifier: Apache-2.0
//! leaks POOL DATABASE PATTERN [MOST]: an application with one mistake, or its correct twin, in a pool of
//! three connections, or of MOST; then others want them too. It says "ready" when that is done, and ends
//! when its input does. The lines that leak are marked.

use std::error::Error;
use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::{sql_query, Connection, PgConnection, RunQueryDsl};
use r2d2::{ManageConnection, Pool, PooledConnection};

type Outcome = Result<(), Box<dyn Error>>;
type DieselManager = diesel::r2d2::ConnectionManager<PgConnection>;
type SqliteManager = r2d2_sqlite::SqliteConnectionManager;

/// What an application does with a connection.
trait Shop: ManageConnection {
    fn work(connection: &mut Self::Connection) -> Outcome;
    fn fail(connection: &mut Self::Connection) -> Outcome;
}

impl Shop for DieselManager {
    fn work(connection: &mut PgConnection) -> Outcome {
        sql_query("UPDATE items SET price = price + 1 WHERE id = 42").execute(connection)?;
        Ok(())
    }
    fn fail(connection: &mut PgConnection) -> Outcome {
        sql_query("SELECT nothing FROM nowhere").execute(connection)?;
        Ok(())
    }
}

impl Shop for SqliteManager {
    fn work(connection: &mut r2d2_sqlite::rusqlite::Connection) -> Outcome {
        connection.execute("UPDATE items SET price = price + 1 WHERE id = 42", [])?;
        Ok(())
    }
    fn fail(connection: &mut r2d2_sqlite::rusqlite::Connection) -> Outcome {
        connection.execute("SELECT nothing FROM nowhere", [])?;
        Ok(())
    }
}

/// What goes on until the application ends.
struct Kept<M: ManageConnection> {
    guards: Vec<PooledConnection<M>>,
    stop: Vec<mpsc::Sender<()>>,
    past: Vec<PgConnection>,
    pools: Vec<Pool<M>>,
}

impl<M: ManageConnection> Kept<M> {
    fn new() -> Self {
        Kept { guards: Vec::new(), stop: Vec::new(), past: Vec::new(), pools: Vec::new() }
    }
}

fn collection<M: Shop>(pool: &Pool<M>, kept: &mut Kept<M>, right: bool) -> Outcome {
    let mut connection = pool.get()?; // leaks: collection
    M::work(&mut connection)?;
    kept.guards.push(connection);
    if right {
        kept.guards.clear();
    }
    Ok(())
}

fn forget<M: Shop>(pool: &Pool<M>, right: bool) -> Outcome {
    let mut connection = pool.get()?; // leaks: forget
    M::work(&mut connection)?;
    if right {
        drop(connection);
    } else {
        std::mem::forget(connection);
    }
    Ok(())
}

fn thread<M: Shop>(pool: &Pool<M>, kept: &mut Kept<M>, right: bool) {
    let (pool, scope) = (pool.clone(), poolscope::scope());
    let (stop, stopped) = mpsc::channel::<()>();
    let (done, works) = mpsc::channel();
    let thread = std::thread::Builder::new().name("nightly".into()).spawn(move || {
        let _scope = scope.enter();
        let mut connection = pool.get().expect("a connection"); // leaks: thread
        M::work(&mut connection).expect("works");
        let _ = done.send(());
        if !right {
            let _ = stopped.recv(); // never, as long as the application runs
        }
    });
    works.recv().expect("the thread works");
    kept.stop.push(stop);
    if right {
        thread.expect("a thread").join().expect("ends well");
    }
}

fn in_loop<M: Shop>(pool: &Pool<M>, kept: &mut Kept<M>, right: bool) -> Outcome {
    for _ in 0..3 {
        let mut connection = pool.get()?; // leaks: loop
        M::work(&mut connection)?;
        if !right {
            kept.guards.push(connection);
        }
    }
    Ok(())
}

/// A call of another service, in the hands of which the connection stays: "wrong" never answers.
fn other_work<M: Shop>(pool: &Pool<M>, kept: &mut Kept<M>, right: bool) {
    let (pool, scope) = (pool.clone(), poolscope::scope());
    let (answer, service) = mpsc::channel::<()>();
    let (called, calls) = mpsc::channel();
    std::thread::spawn(move || {
        let _scope = scope.enter();
        let mut connection = pool.get().expect("a connection"); // leaks: other-work
        M::work(&mut connection).expect("works");
        let held = (!right).then_some(connection);
        let _ = called.send(());
        let _ = service.recv(); // the service thinks
        drop(held);
    });
    calls.recv().expect("the service is called");
    kept.stop.push(answer);
}

fn exhaustion<M: Shop>(pool: &Pool<M>, kept: &mut Kept<M>, right: bool) -> Outcome {
    for _ in 0..pool.max_size() {
        let connection = pool.get()?; // leaks: exhaustion
        kept.guards.push(connection);
    }
    if right {
        kept.guards.clear();
    }
    for _ in 0..2 {
        let late = pool.get_timeout(Duration::from_millis(30));
        assert_eq!(late.is_ok(), right);
    }
    Ok(())
}

fn early_return<M: Shop>(pool: &Pool<M>) -> Outcome {
    let mut connection = pool.get()?;
    M::work(&mut connection)?;
    if pool.max_size() > 0 {
        return Ok(());
    }
    M::work(&mut connection)
}

fn question_mark<M: Shop>(pool: &Pool<M>) -> Outcome {
    let mut connection = pool.get()?;
    M::fail(&mut connection)?;
    M::work(&mut connection)
}

fn unwinding<M: Shop>(pool: &Pool<M>) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut connection = pool.get().expect("a connection");
        M::work(&mut connection).expect("works");
        std::panic::resume_unwind(Box::new("on purpose")); // as panic!, without its message
    }));
    assert!(result.is_err());
}

fn common<M: Shop>(pool: &Pool<M>, kept: &mut Kept<M>, pattern: &str, right: bool) -> Outcome {
    match pattern {
        "collection" => collection(pool, kept, right)?,
        "forget" => forget(pool, right)?,
        "thread" => thread(pool, kept, right),
        "loop" => in_loop(pool, kept, right)?,
        "other-work" => other_work(pool, kept, right),
        "exhaustion" => exhaustion(pool, kept, right)?,
        "early-return" => early_return(pool)?,
        "question-mark" => assert!(question_mark(pool).is_err()),
        "panic" => unwinding(pool),
        other => return Err(format!("no pattern {other}").into()),
    }
    Ok(())
}

fn transaction(pool: &Pool<DieselManager>, kept: &mut Kept<DieselManager>, right: bool) -> Outcome {
    let mut connection = pool.get()?; // leaks: transaction
    AnsiTransactionManager::begin_transaction(&mut *connection)?;
    // Another row than the others', who would wait for it.
    sql_query("UPDATE items SET price = 7 WHERE id = 43").execute(&mut connection)?;
    if right {
        AnsiTransactionManager::commit_transaction(&mut *connection)?;
    } else {
        kept.guards.push(connection);
    }
    Ok(())
}

fn bypass(kept: &mut Kept<DieselManager>, database: &str, right: bool) -> Outcome {
    let mut connection = PgConnection::establish(database)?; // leaks: bypass
    DieselManager::work(&mut connection)?;
    if !right {
        kept.past.push(connection);
    }
    Ok(())
}

/// A customizer of the application's own, as Diesel 2.3 has one for tests.
#[derive(Debug)]
struct TestTransactions;

impl diesel::r2d2::CustomizeConnection<PgConnection, diesel::r2d2::Error> for TestTransactions {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        connection.begin_test_transaction().map_err(diesel::r2d2::Error::QueryError)
    }
}

/// Connections of pools that nobody watches, or that keep their own customizer, are not past the pools.
fn other_pools(kept: &mut Kept<DieselManager>, database: &str) -> Outcome {
    let builder = || diesel::r2d2::Pool::builder().max_size(1);
    let testing = builder().connection_customizer(Box::new(TestTransactions));
    for pool in [
        builder().build(DieselManager::new(database))?,
        poolscope::diesel::watch(testing, "testing").build(DieselManager::new(database))?,
    ] {
        let mut connection = pool.get()?;
        sql_query("SELECT 42").execute(&mut connection)?;
        kept.pools.push(pool.clone());
    }
    Ok(())
}

/// What try_get lends: r2d2 tells nobody, but the first statement shows.
fn try_get(pool: &Pool<DieselManager>, kept: &mut Kept<DieselManager>, right: bool) -> Outcome {
    let mut connection = pool.try_get().ok_or("no connection is idle")?;
    DieselManager::work(&mut connection)?; // shows in work()
    if !right {
        kept.guards.push(connection);
    }
    Ok(())
}

fn slow(pool: &Pool<DieselManager>) {
    let (pool, scope) = (pool.clone(), poolscope::scope());
    let (begun, begins) = mpsc::channel();
    std::thread::spawn(move || {
        let _scope = scope.enter();
        let mut connection = pool.get().expect("a connection"); // leaks: slow
        let _ = begun.send(());
        let _ = sql_query("SELECT pg_sleep(60)").execute(&mut connection);
    });
    begins.recv().expect("begins");
}

/// Take a connection now and then, or wait for one.
fn others<M: ManageConnection>(pool: &Pool<M>) {
    let pool = pool.clone();
    std::thread::spawn(move || loop {
        std::thread::sleep(Duration::from_millis(50));
        drop(pool.get());
    });
}

fn diesel_pool(url: &str, most: u32) -> Result<Pool<DieselManager>, Box<dyn Error>> {
    let manager = DieselManager::new(url);
    let builder = diesel::r2d2::Pool::builder().max_size(most).min_idle(Some(1));
    include!(concat!(env!("OUT_DIR"), "/diesel.rs"))
}

fn sqlite_pool(path: &str, most: u32) -> Result<Pool<SqliteManager>, Box<dyn Error>> {
    let manager = SqliteManager::file(path);
    let builder = r2d2::Pool::builder().max_size(most).min_idle(Some(1));
    include!(concat!(env!("OUT_DIR"), "/r2d2.rs"))
}

fn until_told() {
    println!("ready");
    let _ = std::io::stdout().flush();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("leaks POOL DATABASE PATTERN");
    let (stack, database, pattern) = (next()?, next()?, next()?);
    let most = next().ok().map(|most| most.parse::<u32>()).transpose()?;
    let name = pattern.strip_suffix("-right").unwrap_or(&pattern);
    let right = name != pattern;
    let route = format!("/{name}");
    let scope = poolscope::scope().by("handler").tag("route", route).tag("tenant", "früh").enter();
    if stack == "diesel" {
        let pool = diesel_pool(&database, most.unwrap_or(3))?;
        let mut kept = Kept::new();
        match name {
            "transaction" => transaction(&pool, &mut kept, right)?,
            "bypass" => bypass(&mut kept, &database, right)?,
            "other-pools" => other_pools(&mut kept, &database)?,
            "try-get" => try_get(&pool, &mut kept, right)?,
            "slow" => slow(&pool),
            _ => common(&pool, &mut kept, name, right)?,
        }
        drop(scope);
        if most.is_some() {
            others(&pool);
        }
        until_told();
    } else {
        let pool = sqlite_pool(&database, most.unwrap_or(3))?;
        pool.get()?.execute_batch(
            "CREATE TABLE IF NOT EXISTS items (id integer PRIMARY KEY, price integer)",
        )?;
        let mut kept = Kept::new();
        common(&pool, &mut kept, name, right)?;
        drop(scope);
        if most.is_some() {
            others(&pool);
        }
        until_told();
    }
    Ok(())
}
