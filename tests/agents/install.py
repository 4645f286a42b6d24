#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""install.py LANGUAGE AGENTS BUILD: the install lines of an agent, run as they are written, and a small
application that has the agent by them alone and is made of the lines to paste.

The lines are those of lines/install.txt, which the README and the attach dialog show. Nothing of it
reaches the user's own environment. What cannot be had is said, and the test skipped (77), unless
POOLSCOPE_AGENTS_STRICT is set."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from glob import glob
from pathlib import Path

UNREACHABLE = (
    "Could not transfer", "could not resolve host", "failed to download",
    "Failed to establish a new connection", "Temporary failure in name resolution", "Connection timed out",
    "NewConnectionError", "Unknown host", "spurious network error",
)


def skip(why):
    print(f"skipped: {why}")
    sys.exit(1 if os.environ.get("POOLSCOPE_AGENTS_STRICT") else 77)


def run(command, folder, **environment):
    """A list, or a line for the shell, as users have it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("POOLSCOPE_") and k != "PYTHONPATH"}
    done = subprocess.run(
        command if isinstance(command, list) else ["bash", "-euc", command],
        cwd=folder, env={**clean, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False,
    )
    if done.returncode == 0:
        return done.stdout
    print(command, done.stdout, sep="\n")
    if any(words in done.stdout for words in UNREACHABLE):
        skip("the package registry cannot be reached, or lacks a version")
    sys.exit(1)


def need(program, chosen="", *elsewhere):
    """What the environment chose, what the PATH has, or where it stands as well."""
    found = [os.environ.get(chosen), shutil.which(program)]
    found += [path for pattern in elsewhere for path in sorted(glob(os.path.expanduser(pattern)), reverse=True)]
    return next((path for path in found if path and os.access(path, os.X_OK)), None) or skip(f"there is no {program} here")


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def expect(true, why):
    if not true:
        sys.exit(why)


class Lines:
    def __init__(self, agents, language):
        self.agents, self.language = agents, language
        self.install = self._read("install").replace("@AGENTS@", str(agents))
        readme = (agents / language / "README.md").read_text(encoding="utf-8")
        for part in self.install.replace(str(agents), "/usr/share/poolscope/agents").split("\n\n"):
            expect(part.strip() in readme, f"the README has other install lines than\n{part}")

    def _read(self, name):
        path = self.agents / self.language / "lines" / f"{name}.txt"
        return path.read_text(encoding="utf-8").strip()

    def paste(self, name):
        return self._read(name).replace("@POOL@", "orders")


def python(lines, here, build):
    python3 = need("python3", "POOLSCOPE_PYTHON")
    run([python3, "-m", "venv", str(here / "venv")], here)
    path = f"{here}/venv/bin{os.pathsep}{os.environ['PATH']}"
    run(lines.install, here, PATH=path)
    write(here / "shop.py", "engine = None\n" + lines.paste("sqlalchemy") + "\nprint(poolscope.__file__)\n")
    found = run(["python", "shop.py"], here, PATH=path, POOLSCOPE_LISTEN="off")
    expect(f"{here}/venv/lib" in found, f"it was not installed there: {found}")


def go(lines, here, build):
    go = need("go", "POOLSCOPE_GO", "/usr/lib/go-*/bin/go", "/usr/local/go/bin/go")
    head, _, rest = lines.paste("database-sql").partition("\n")
    write(here / "go.mod", f"module shop\n\ngo 1.19\n\n{lines.install}\n")
    write(here / "main.go", "package main\n\n" + head + "\n\nfunc main() {\n\tdsn := \"postgres:///shop\"\n" + rest
          + "\n\tprintln(db == nil, err.Error())\n}\n")
    cache = {} if "HOME" in os.environ or "GOCACHE" in os.environ else {"GOCACHE": str(here / "cache")}
    run([go, "build", "-o", "shop", "."], here, GOFLAGS="-mod=mod -buildvcs=false", GOWORK="off", GOTOOLCHAIN="local", **cache)
    out = run(["./shop"], here, POOLSCOPE_LISTEN="off")
    expect("unknown driver" in out, f"it was to miss its driver: {out}")


RUST = """use std::io::Error;

struct Nothing;

impl r2d2::ManageConnection for Nothing {
    type Connection = ();
    type Error = Error;
    fn connect(&self) -> Result<(), Error> {
        Ok(())
    }
    fn is_valid(&self, _: &mut ()) -> Result<(), Error> {
        Ok(())
    }
    fn has_broken(&self, _: &mut ()) -> bool {
        false
    }
}

fn main() -> Result<(), r2d2::Error> {
    let (manager, builder) = (Nothing, r2d2::Pool::builder().max_size(1));
    LINES
    println!("lent: {}", pool.get().is_ok());
    Ok(())
}
"""


def new_cargo():
    """The first that is new enough, as for the agent's own tests."""
    places = [os.environ.get("POOLSCOPE_CARGO"), shutil.which("cargo"), os.path.expanduser("~/.cargo/bin/cargo"),
              "/usr/local/cargo/bin/cargo", "/usr/bin/cargo", *sorted(glob("/usr/lib/rust-*/bin/cargo"), reverse=True)]
    for cargo in places:
        if cargo and os.access(cargo, os.X_OK):
            said = subprocess.run([cargo, "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
            version = re.match(r"cargo 1\.(\d+)", said)
            if version and int(version.group(1)) >= 85:
                return cargo
    return skip("there is no Rust here, or only one older than 1.85")


def rust(lines, here, build):
    cargo = new_cargo()
    path = f"{os.path.dirname(cargo)}{os.pathsep}{os.environ['PATH']}"  # its own compiler
    line = lines.install.partition("#")[0]
    write(here / "Cargo.toml", "[package]\nname = \"shop\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n"
          f"[dependencies]\nr2d2 = \"0.8\"\n{lines.install}\n")
    write(here / "src/main.rs", RUST.replace("LINES", lines.paste("r2d2")))
    # What the agent's other tests compiled, and in the same versions, is not compiled again.
    known = build / "rust/agent/integration/Cargo.lock"
    if known.exists():
        shutil.copy(known, here / "Cargo.lock")
    expect("features" in line, "the line lacks what Diesel needs")
    out = run([cargo, "run", "--quiet"], here, PATH=path, CARGO_TARGET_DIR=str(build / "rust/target"), POOLSCOPE_LISTEN="off",
              CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS="fallback")
    expect("lent: true" in out, out)


POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>shop</groupId>
  <artifactId>shop</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.release>17</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
DEPENDENCY
  </dependencies>
  <build>
    <plugins>
      <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
      <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version></plugin>
    </plugins>
  </build>
</project>
"""


def linked_repository(folder):
    """Maven's own, as far as others' artifacts go: what is installed goes elsewhere."""
    known = Path.home() / ".m2/repository"
    (folder / "org").mkdir(parents=True)
    for parent in (known, known / "org"):
        for each in parent.iterdir() if parent.is_dir() else ():
            if each not in (known / "org", known / "org/poolscope"):
                (folder / each.relative_to(known)).symlink_to(each)


def java(lines, here, build):
    need("javac")
    need("mvn")
    linked_repository(here / "repository")
    options = f"-Dmaven.repo.local={here}/repository -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    command, _, dependency = lines.install.partition("\n\n")
    run(command, here, XDG_CACHE_HOME=str(here / "cache"), MAVEN_OPTS=options)
    write(here / "pom.xml", POM.replace("DEPENDENCY", dependency))
    pasted = lines.paste("datasource").splitlines()
    imports = [line for line in pasted if line.startswith("import ")]
    rest = [line for line in pasted if not line.startswith("import ")]
    write(here / "src/main/java/Shop.java", "\n".join(imports + [
        "public class Shop {", "    public static void main(String[] arguments) {", "        DataSource pool = null;", *rest,
        "        System.out.println(\"instrumented: \" + dataSource);", "    }", "}", ""]))
    run(["mvn", "-q", "-B", "compile"], here, MAVEN_OPTS=options)
    jars = list((here / "repository/org/poolscope").rglob("*.jar"))
    expect(len(jars) == 1, f"installed: {jars}")
    out = run(["java", "-cp", f"{jars[0]}:{here}/target/classes", "Shop"], here)
    expect("instrumented: null" in out, out)


def main(language, agents, build):
    lines = Lines(agents, language)
    with tempfile.TemporaryDirectory(prefix="psi-") as here:
        globals()[language](lines, Path(here).resolve(), build)
    print(f"{language}: the install lines work.")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve())
