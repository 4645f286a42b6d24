// SPDX-License-Identifier: Apache-2.0
use super::*;

fn frame(function: &str, file: &str) -> Frame {
    let own = Ownership::new(&[]).is_own(function, file);
    Frame { function: function.to_owned(), file: file.to_owned(), line: 1, own }
}

#[test]
fn own_is_what_is_compiled_from_the_applications_files() {
    let ownership = Ownership::new(&["shop-parts".to_owned()]);
    for (function, file, own) in [
        ("shop::orders::load", "/srv/shop/src/orders.rs", true),
        ("load", "/srv/shop/src/orders.rs", true),
        ("shop::load", "/usr/src/shop/src/main.rs", true), // as containers have it
        ("shop::load", "src/main.rs", true),
        ("<shop::Order as core::fmt::Display>::fmt", "src/main.rs", true),
        ("shop::load", "", false),
        ("shop_parts::load", "", true),
        (
            "<&mut shop_parts::Part as shop::Load>::load",
            "x/registry/src/y/p-1.0.0/src/lib.rs",
            true,
        ),
        ("hyper::serve", "/srv/.cargo/registry/src/index-1/hyper-1.0.0/src/lib.rs", false),
        ("hyper::serve", "hyper-1.0.0/src/lib.rs", false), // shortened paths
        ("std::thread::spawn", "/rustc/59807616/library/std/src/thread/mod.rs", false),
        ("std::thread::spawn", "/usr/src/rustc-1.96.0/library/std/src/thread/mod.rs", false),
        ("core::ops::FnOnce::call_once", "/srv/shop/src/main.rs", false),
        ("__libc_start_call_main", "./csu/../sysdeps/nptl/libc_start_call_main.h", false),
        ("mine::load", "/srv/shop/vendor/mine/src/lib.rs", false),
    ] {
        assert_eq!(ownership.is_own(function, file), own, "{function} in {file}");
    }
}

#[test]
fn a_stack_goes_from_the_pool_to_the_applications_begin() {
    let registry = "/c/registry/src/i/r2d2-0.8.10/src/lib.rs";
    let frames = trimmed(vec![
        frame("__rust_try", ""),
        frame("r2d2::Pool<M>::get", registry),
        frame("shop::load", "/s/src/main.rs"),
        frame("std::rt::lang_start", "/rustc/1/library/std/src/rt.rs"),
        frame("shop::main", "/s/src/main.rs"),
        frame("main", ""),
    ]);
    let names: Vec<_> = frames.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!(names, ["r2d2::Pool<M>::get", "shop::load", "std::rt::lang_start", "shop::main"]);
    // An application that is all crates of cargo's cache.
    assert_eq!(trimmed(vec![frame("a::b", registry), frame("main", "")]).len(), 2);
}

#[test]
fn addresses_are_named_with_file_and_line() {
    let table = crate::stack::Table::new();
    let (stack, line) = (table.here(64).expect("a stack"), line!());
    let frames = Namer::default().frames(&stack, &Ownership::new(&[]));
    let here = frames.first().expect("a frame");
    assert!(here.function.ends_with("addresses_are_named_with_file_and_line"), "{frames:?}");
    assert!(here.file.ends_with("src/tests/frames.rs") && here.line == line, "{here:?}");
}
