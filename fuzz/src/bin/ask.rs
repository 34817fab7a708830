//! execmap's commands without Python, for a process of its own: `ask tree TRACE`.

use std::process::ExitCode;

use execmap_cli::{Done, main_with};

fn main() -> ExitCode {
    match main_with(std::env::args_os(), None) {
        Done::Exit(code) => ExitCode::from(code),
        // Only Python runs programs.
        Done::Run(_) => ExitCode::from(2),
    }
}
