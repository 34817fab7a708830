//! Developer commands that need Rust: `cargo run -p xtask -- tidy`.

mod tidy;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo run -p xtask -- tidy

  tidy   import directions, file sizes, the unsafe fence and machine paths
";

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => run_tidy(),
        ["-h" | "--help"] => {
            io::stdout().write_all(USAGE.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            io::stderr().write_all(USAGE.as_bytes())?;
            Ok(ExitCode::from(2))
        }
    }
}

fn run_tidy() -> io::Result<ExitCode> {
    let report = tidy::check(&tidy::repository())?;
    let mut stdout = io::stdout().lock();
    for finding in report.warnings() {
        writeln!(stdout, "warning: {finding}")?;
    }
    for finding in report.errors() {
        writeln!(stdout, "error: {finding}")?;
    }
    let errors = report.errors().count();
    writeln!(
        stdout,
        "tidy: {} files, {errors} errors, {} warnings",
        report.files,
        report.warnings().count()
    )?;
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
