// SPDX-License-Identifier: Apache-2.0
//! Makes a function of the very lines that a user pastes.

use std::path::Path;

fn main() {
    let out = std::env::var("OUT_DIR").expect("set by cargo");
    println!("cargo:rerun-if-changed=../README.md");
    let readme = std::fs::read_to_string("../README.md").expect("the README is there");
    for stack in ["r2d2", "diesel"] {
        let file = format!("../lines/{stack}.txt");
        println!("cargo:rerun-if-changed={file}");
        let lines = std::fs::read_to_string(&file).expect("the lines are there");
        let lines = lines.replace("@POOL@", "orders");
        assert!(readme.contains(lines.trim()), "the README lacks the lines for {stack}");
        let code = format!("{{\n{lines}\nOk(pool)\n}}\n");
        std::fs::write(Path::new(&out).join(format!("{stack}.rs")), code).expect("can write");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
