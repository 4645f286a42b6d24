// SPDX-License-Identifier: Apache-2.0
//! What an inspector is told, from the picture on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::fake::{quick, serve, serve_with, wait_for, Manager};
use super::inspector::{of_kind, Inspector, World};
use crate::json::Value;
use crate::options::{Limits, Options};
use crate::scope::scope;
use crate::stack::Stacks;

#[test]
fn a_picture_shows_what_is_open_and_events_follow() {
    let served = serve(quick());
    let pool = served.watch(3, "orders").server_pid(|c| Some(*c)).database("postgres://db/shop");
    let pool = pool.build(Manager::default()).unwrap();
    let held = scope()
        .tag("route", "/cart")
        .by("web")
        .expected(Duration::from_secs(9))
        .run(|| pool.get().unwrap());
    let mut inspector = Inspector::attach(&served.path);
    let picture = inspector.picture();
    let hello = &picture[0];
    assert_eq!(hello.text("agent"), Some("poolscope-rust"));
    assert_eq!(hello.text("process"), Some("shop"));
    assert_eq!(hello.number("pid"), Some(u64::from(std::process::id())));
    let now = hello.number("now").unwrap();
    assert!(hello.number("started").is_some_and(|started| started <= now));
    let Some(Value::Array(pools)) = hello.get("pools") else { panic!("{hello:?}") };
    assert_eq!(pools[0].text("pool"), Some("orders"));
    assert_eq!(pools[0].text("kind"), Some("r2d2"));
    assert_eq!(pools[0].text("database"), Some("postgres://db/shop"));
    assert_eq!(pools[0].get("config").unwrap().text("max_size"), Some("3"));
    let can = format!("{:?}", hello.get("can"));
    for word in ["connections", "stacks", "timeouts", "server_pid", "wait_time", "use_time"] {
        assert!(can.contains(word), "{can}");
    }
    for word in ["pending", "\"use\"", "reclaim", "create_time", "trace"] {
        assert!(!can.contains(word), "{can}");
    }
    let checkouts = of_kind(&picture, "checkout");
    assert_eq!(checkouts.len(), 1);
    let checkout = checkouts[0];
    assert_eq!(checkout.get("open"), Some(&Value::Bool(true)));
    assert_eq!(checkout.text("by"), Some("web"));
    assert_eq!(checkout.get("tags").unwrap().text("route"), Some("/cart"));
    assert_eq!(checkout.number("expected_us"), Some(9_000_000));
    assert_eq!(checkout.number("server_pid"), Some(1000));
    assert!(checkout.text("thread").is_some_and(|name| name.contains("a_picture_shows")));
    let stacks = of_kind(&picture, "stack");
    assert_eq!(stacks[0].text("id"), checkout.text("stack"));
    assert!(format!("{:?}", stacks[0]).contains("a_picture_shows_what_is_open"), "{stacks:?}");

    drop(held);
    let checkin = inspector.first("checkin");
    assert_eq!(checkin.text("id"), checkout.text("id"));
    drop(pool.get().unwrap());
    let told = inspector.until("checkin");
    let again = of_kind(&told, "checkout")[0];
    assert_eq!(again.get("open"), None);
    let named = of_kind(&told, "stack").pop().cloned();
    let named = named.unwrap_or_else(|| inspector.first("stack")); // it may take a while
    assert_eq!(named.text("id"), again.text("stack"), "another place, so another stack");
    let stats = inspector.first("stats");
    assert_eq!((stats.number("used"), stats.number("idle")), (Some(0), Some(1)));
    assert_eq!((stats.number("max"), stats.number("pending")), (Some(3), None));
    assert_eq!(stats.get("use_time").unwrap().number("count"), Some(2));
}

#[test]
fn a_picture_agrees_with_the_events_numbers() {
    let served = serve(Limits { ring_events: 1 << 20, ..quick() });
    let pool = served.pool(4, "orders");
    let stop = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    drop(pool.get().unwrap());
                    std::thread::yield_now();
                }
            });
        }
        let mut inspector = Inspector::attach(&served.path);
        let mut world = World::default();
        let mut pictures = 0;
        while pictures < 15 {
            let line = inspector.next().unwrap();
            world.take(&line);
            if line.text("k") == Some("ready") {
                pictures += 1;
                inspector.ask("resync");
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(world.gaps, 0);
        assert!(world.number > 15, "{}", world.number);
    });
    drop(pool);
    assert_eq!(served.agent.figures().faults, 0);
}

#[test]
fn what_does_not_fit_is_dropped_counted_and_made_good() {
    let served = serve(Limits { ring_events: 8, drain: Duration::from_millis(200), ..quick() });
    let pool = served.pool(1, "orders");
    let mut inspector = Inspector::attach(&served.path);
    let mut world = World::default();
    inspector.picture().iter().for_each(|line| world.take(line));
    for _ in 0..200 {
        drop(pool.get().unwrap());
    }
    let told = inspector.until("lost");
    assert!(told.last().unwrap().number("count").is_some_and(|count| count > 0), "{told:?}");
    told.iter().for_each(|line| world.take(line));
    assert!(served.agent.figures().dropped > 0);
    inspector.ask("resync");
    let picture = inspector.picture();
    picture.iter().for_each(|line| world.take(line));
    assert!(world.lent.is_empty() && world.open.len() == 1);
}

#[test]
fn timeouts_and_who_waits() {
    let served = serve(quick());
    let pool = served.watch(1, "orders").build_pool(Manager::default()).unwrap();
    let mut inspector = Inspector::attach(&served.path);
    let hello = &inspector.picture()[0];
    assert!(format!("{:?}", hello.get("can")).contains("pending"));
    let held = pool.get().unwrap();
    let late = scope().by("late").run(|| pool.get_timeout(Duration::from_millis(5)));
    assert!(late.is_err());
    let told = inspector.until("timeout");
    let timeout = told.last().unwrap();
    assert_eq!((timeout.text("by"), timeout.number("wait_us")), (Some("late"), Some(5000)));
    assert!(timeout.text("stack").is_some());
    let waits = of_kind(&told, "wait");
    assert_eq!(waits.last().unwrap().number("pending"), Some(1), "{waits:?}");
    assert_eq!(inspector.first("wait").number("pending"), Some(0));
    inspector.ask("resync");
    let picture = inspector.picture();
    assert_eq!(of_kind(&picture, "stats")[0].number("timeouts"), Some(1));
    assert_eq!(of_kind(&picture, "stats")[0].number("pending"), Some(0));
    drop(held);
    assert!(format!("{:?}", pool.clone()).contains("connections: 1"));
}

#[test]
fn broken_connections_close_and_pools_come_and_go() {
    let served = serve(quick());
    let manager = Manager::default();
    let pool = served.watch(2, "orders").build(manager.clone()).unwrap();
    let mut inspector = Inspector::attach(&served.path);
    inspector.picture();
    let held = pool.get().unwrap();
    manager.broken.store(true, Ordering::Relaxed);
    drop(held);
    let told = inspector.until("close");
    let kinds: Vec<_> = told.iter().filter_map(|line| line.text("k")).collect();
    let events: Vec<_> =
        kinds.into_iter().filter(|kind| !["stack", "stats"].contains(kind)).collect();
    assert_eq!(events, ["open", "checkout", "checkin", "close"]);
    // Disposed of and built again, under the same name.
    drop(pool);
    wait_for("the pool is still there", || served.agent.state().pools.is_empty());
    let again = served.pool(2, "orders");
    let other = served.pool(2, "orders");
    wait_for("both pools show", || {
        inspector.ask("resync");
        let hello = inspector.first("hello");
        let names = format!("{:?}", hello.get("pools"));
        inspector.picture();
        names.contains("\"orders\"") && names.contains("\"orders-2\"")
    });
    drop((again, other));
}

#[test]
fn a_second_watch_and_the_pools_own_hooks() {
    #[derive(Debug)]
    struct Mine(std::sync::mpsc::Sender<&'static str>);
    impl r2d2::HandleEvent for Mine {
        fn handle_checkout(&self, _: r2d2::event::CheckoutEvent) {
            let _ = self.0.send("checkout");
        }
        fn handle_checkin(&self, _: r2d2::event::CheckinEvent) {
            let _ = self.0.send("checkin");
        }
    }
    impl r2d2::CustomizeConnection<u64, super::fake::Failed> for Mine {
        fn on_acquire(&self, connection: &mut u64) -> Result<(), super::fake::Failed> {
            *connection += 1;
            Ok(())
        }
    }
    let served = serve(quick());
    let (tell, told) = std::sync::mpsc::channel();
    let watch = served.watch(2, "orders").event_handler(Box::new(Mine(tell.clone())));
    let watch = watch.connection_customizer(Box::new(Mine(tell.clone()))).server_pid(|c| Some(*c));
    let pool = watch.build(Manager::default()).unwrap();
    assert_eq!(*pool.get().unwrap(), 1001, "the customizer was called");
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["checkout", "checkin"]);
    assert_eq!(served.agent.state().pools.len(), 1);
    // Hooks that the builder has already are never replaced.
    let builder = r2d2::Pool::builder().max_size(1).event_handler(Box::new(Mine(tell)));
    let other = crate::watch::watch_with(served.agent.clone(), builder, "other");
    let other = other.build(Manager::default()).unwrap();
    drop(other.get().unwrap());
    assert_eq!(told.try_iter().count(), 2);
    assert_eq!(served.agent.state().pools.len(), 1);
}

#[test]
fn stacks_off() {
    let served = serve_with(Options { limits: quick(), ..Options::default() }.stacks(Stacks::Off));
    let pool = served.pool(1, "orders");
    let _held = pool.get().unwrap();
    let picture = Inspector::attach(&served.path).picture();
    assert_eq!(of_kind(&picture, "checkout")[0].text("stack"), None);
    assert!(!format!("{:?}", picture[0].get("can")).contains("stacks"));
}
