//! Commands without a terminal, and a trace to ask.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use execmap_cli::{Done, Terminal, run_with};
use execmap_format::testing::{TraceBuilder, exception_token, int_token, str_token};
use execmap_format::{Code, CodeKind, Definition, LineTable, Loss, LossReason, ThreadDef, TypeDef};

/// A stream that can be read afterwards.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no test panics while it writes")
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(
            self.0
                .lock()
                .expect("no test panics while it writes")
                .clone(),
        )
        .expect("text is UTF-8")
    }
}

pub(crate) struct Ran {
    pub(crate) done: Done,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// What a user sees of it.
    pub(crate) fn seen(&self) -> String {
        let code = match &self.done {
            Done::Exit(code) => code.to_string(),
            Done::Run(_) => "run".to_owned(),
        };
        format!("exit {code}\n-- out\n{}-- err\n{}", self.out, self.err)
    }
}

pub(crate) fn execmap_at(width: Option<usize>, args: &[&str]) -> Ran {
    let (out, err) = (Shared::default(), Shared::default());
    let mut terminal = Terminal::writing_to(Box::new(out.clone()), Box::new(err.clone()), width);
    let args = std::iter::once("execmap")
        .chain(args.iter().copied())
        .map(OsString::from);
    let done = run_with(args, &mut terminal);
    Ran {
        done,
        out: out.text(),
        err: err.text(),
    }
}

pub(crate) fn execmap(args: &[&str]) -> Ran {
    execmap_at(None, args)
}

pub(crate) fn code(qualname: &str, args: &[&str], first_line: u32, kind: CodeKind) -> Definition {
    Definition::Code(Box::new(Code {
        qualname: qualname.into(),
        module: "__main__".into(),
        file: "/src/fib.py".into(),
        first_line,
        kind,
        args: args.iter().map(ToString::to_string).collect(),
        class_name: None,
        lines: LineTable::new(vec![(0, Some(first_line)), (20, Some(first_line + 2))]),
        loops: Vec::new(),
    }))
}

/// `fib(n)` with a failure in the end, one microsecond an event.
pub(crate) struct Fib {
    builder: TraceBuilder,
    now: u64,
}

impl Fib {
    fn tick(&mut self) -> u64 {
        self.now += 1_000;
        self.now
    }

    fn call(&mut self, n: i32) -> i32 {
        let at = self.tick();
        self.builder.start(0, at, 1, Some(24), &[int_token(n)]);
        let result = if n < 2 {
            n
        } else {
            self.call(n - 1) + self.call(n - 2)
        };
        let at = self.tick();
        self.builder.ret(0, at, &int_token(result));
        result
    }

    fn fail(&mut self) {
        let at = self.tick();
        self.builder
            .start(0, at, 2, Some(0), &[str_token("ann\u{1b}[31m")]);
        let at = self.tick();
        self.builder
            .raise(0, at, 0, &exception_token(0, "bad; one"));
        let at = self.tick();
        self.builder.unwind(0, at, 0);
    }
}

/// Writes `fib.execmap` into a folder.
pub(crate) fn fib(folder: &tempfile::TempDir, n: i32) -> PathBuf {
    let mut fib = Fib {
        builder: TraceBuilder::default(),
        now: 0,
    };
    for (key, value) in [
        ("command", r#"["fib.py","24"]"#),
        ("python", "3.13.0"),
        ("executable", "/usr/bin/python3"),
        ("cwd", "/src"),
        ("execmap", "0.1.0"),
        ("started_unix_ns", "1795167600000000000"),
    ] {
        fib.builder
            .define(&Definition::Meta(key.into(), value.into()));
    }
    fib.builder.define(&Definition::Type(TypeDef {
        name: "ValueError".into(),
        full_name: "builtins.ValueError".into(),
    }));
    fib.builder
        .define(&code("<module>", &[], 1, CodeKind::Module));
    fib.builder
        .define(&code("fib", &["n"], 3, CodeKind::Function));
    fib.builder
        .define(&code("fails", &["user"], 9, CodeKind::Function));
    fib.builder.define(&Definition::Thread(ThreadDef {
        name: "MainThread".into(),
        ..ThreadDef::default()
    }));
    fib.builder.define(&Definition::Loss(Loss {
        reason: LossReason::Hidden,
        count: 2,
        detail: "token".into(),
    }));
    let at = fib.tick();
    fib.builder.start(0, at, 0, None, &[]);
    fib.call(n);
    fib.fail();
    let at = fib.tick();
    fib.builder.ret(0, at, &[execmap_format::token::NONE]);
    let end = fib.tick();
    let path = folder.path().join("fib.execmap");
    fs::write(&path, fib.builder.build(end)).expect("the folder can be written");
    path
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is a place for temporary files")
}

pub(crate) fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("temporary folders are named in ASCII")
}
