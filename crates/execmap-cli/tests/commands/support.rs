//! A trace to ask.

use std::fs;
use std::path::PathBuf;

pub(crate) use execmap_cli::testing::{execmap, execmap_at};
use execmap_format::testing::{TraceBuilder, exception_token, int_token, str_token};
use execmap_format::{Code, CodeKind, Definition, LineTable, Loss, LossReason, ThreadDef, TypeDef};

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
