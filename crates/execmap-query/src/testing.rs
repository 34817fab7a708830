//! Small traces for tests, written down call by call.

use execmap_format::{ReadError, TraceReader};
use rustc_hash::FxHashMap;

use crate::assemble::Assembler;
use crate::calls::{Begin, Outcome};
use crate::function::{Function, FunctionKind};
use crate::handles::{CallNumber, ProcessNumber};
use crate::loops::Loops;
use crate::merge;
use crate::open::FileSource;
use crate::process::{Process, ProcessState};
use crate::read;
use crate::trace::{Derived, Lane, LeftOut, Run, Trace};
use crate::values::Texts;

/// Reads a trace, and its side file, from bytes in memory.
pub fn open_bytes(main: Vec<u8>, part: Option<Vec<u8>>) -> Result<Trace, ReadError> {
    let reader = TraceReader::open(FileSource::Memory(main), part.map(FileSource::Memory))?;
    let part = read::read(reader, "run.execmap".to_owned())?;
    let state = if part.run.is_complete {
        ProcessState::Ended
    } else {
        ProcessState::CutShort
    };
    let merged = merge::merge(vec![part], vec![state], &[]);
    merged.map_err(|_| ReadError::NotATrace)
}

/// Writes a trace down, event by event. Times are in microseconds.
pub struct TraceBuilder {
    run: Run,
    functions: Vec<Function>,
    threads: Vec<Lane>,
    tasks: Vec<Lane>,
    processes: Vec<Process>,
    texts: Vec<String>,
    known: FxHashMap<String, u64>,
    assembler: Assembler,
    next: u32,
    running: FxHashMap<u32, Vec<u32>>,
    thread: u32,
    task: Option<u32>,
    created_by: Option<u32>,
    now_ns: u64,
    site: Option<u32>,
}

impl Default for TraceBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TraceBuilder {
    /// A trace of a run of `python shop.py`.
    #[must_use]
    pub fn new() -> Self {
        let run = Run {
            trace: "shop.execmap".into(),
            command: vec!["shop.py".into()],
            python: "3.13.0".into(),
            executable: "/usr/bin/python3".into(),
            folder: "/src".into(),
            platform: "linux-x86_64".into(),
            execmap: "0.1.0".into(),
            started_unix_ns: Some(1_795_167_600_000_000_000),
            pid: Some(4242),
            detail: "calls".into(),
            has_values: true,
            bytes: 4_096,
            is_complete: true,
            ..Run::default()
        };
        let main = Lane {
            name: "MainThread".into(),
            created_by: None,
            process: ProcessNumber(0),
        };
        TraceBuilder {
            run,
            functions: Vec::new(),
            threads: vec![main],
            tasks: Vec::new(),
            processes: Vec::new(),
            texts: vec![String::new()],
            known: FxHashMap::default(),
            assembler: Assembler::new(0),
            next: 0,
            running: FxHashMap::default(),
            thread: 0,
            task: None,
            created_by: None,
            now_ns: 0,
            site: None,
        }
    }

    /// The facts of the run, to be changed.
    pub fn run(&mut self) -> &mut Run {
        &mut self.run
    }

    /// Adds something that was left out.
    pub fn left_out(&mut self, reason: &str, count: u64, detail: &[&str]) -> &mut Self {
        let detail = detail.iter().map(ToString::to_string).collect();
        self.run.left_out.push(LeftOut {
            reason: reason.into(),
            count,
            detail,
        });
        self
    }

    /// What follows happens in a new process.
    pub fn new_process(&mut self, pid: u64, created_by: Option<CallNumber>) -> u32 {
        let thread = self.new_thread("MainThread", created_by);
        self.processes.push(Process {
            pid: Some(pid),
            trace: format!("shop.execmap.{pid}-1"),
            command: self.run.command.clone(),
            parent: Some(ProcessNumber(0)),
            created_by,
            started_ns: self.now_ns,
            threads: 1,
            ..Process::default()
        });
        if let Some(lane) = self.threads.last_mut() {
            lane.process = ProcessNumber(self.processes.len() as u32);
        }
        thread
    }

    /// What follows happens on a new thread.
    pub fn new_thread(&mut self, name: &str, created_by: Option<CallNumber>) -> u32 {
        self.threads.push(Lane {
            name: name.into(),
            created_by,
            process: ProcessNumber(0),
        });
        self.thread = (self.threads.len() - 1) as u32;
        self.task = None;
        self.created_by = created_by.map(|call| call.0);
        self.thread
    }

    /// What follows happens on this thread, outside of tasks.
    pub fn on_thread(&mut self, thread: u32) -> &mut Self {
        self.thread = thread;
        self.task = None;
        self
    }

    /// Calls that follow begin in a new task.
    pub fn new_task(&mut self, name: &str, created_by: Option<CallNumber>) -> u32 {
        self.tasks.push(Lane {
            name: name.into(),
            created_by,
            process: ProcessNumber(0),
        });
        let task = (self.tasks.len() - 1) as u32;
        self.task = Some(task);
        self.created_by = created_by.map(|call| call.0);
        task
    }

    /// Calls that follow begin in this task, or in none.
    pub fn in_task(&mut self, task: Option<u32>) -> &mut Self {
        self.task = task;
        self
    }

    /// Lets time pass.
    pub fn wait(&mut self, micros: u64) -> &mut Self {
        self.now_ns += micros * 1_000;
        self
    }

    /// A call of `module:name` with its arguments; `Class.name` is a method, `class Name` the body of
    /// a class. Takes a microsecond.
    pub fn call(&mut self, name: &str, args: &[(&str, &str)]) -> CallNumber {
        let function = self.function(name, args);
        let refs: Vec<u64> = args.iter().map(|(_, text)| self.text(text)).collect();
        let call = self.next;
        self.next += 1;
        self.now_ns += 1_000;
        let running = self.running.entry(self.thread).or_default();
        self.assembler.begin(&Begin {
            call,
            at: self.now_ns,
            function,
            parent: running.last().copied(),
            site: self
                .site
                .take()
                .or((!running.is_empty()).then_some(10 + call)),
            thread: self.thread,
            task: self.task,
            created_by: self.created_by.take(),
            args: &refs,
        });
        running.push(call);
        CallNumber(call)
    }

    /// The next call is made at this offset of its caller's bytecode.
    pub fn at(&mut self, site: u32) -> &mut Self {
        self.site = Some(site);
        self
    }

    /// A function with loops: header, last jump back, and whether entries are recorded. Lines are
    /// offsets.
    pub fn loops(
        &mut self,
        name: &str,
        args: &[(&str, &str)],
        loops: &[(u32, u32, bool)],
    ) -> &mut Self {
        let function = self.function(name, args) as usize;
        self.functions[function].loops = Loops::new(loops.iter().copied(), &[]);
        self
    }

    /// A loop of the running call is entered again.
    pub fn enters(&mut self, header: u32, count: u32) -> &mut Self {
        let running = self
            .running
            .get(&self.thread)
            .and_then(|calls| calls.last());
        if let Some(call) = running {
            self.assembler.enter_loop(*call, header, count);
        }
        self
    }

    /// The running call returns. Takes a microsecond.
    pub fn returns(&mut self, text: &str) -> &mut Self {
        let value = self.text(text);
        self.leave(Outcome::Returned, Some(value))
    }

    /// The running call is left by an exception. Takes a microsecond.
    pub fn raises(&mut self, text: &str) -> &mut Self {
        let value = self.text(text);
        let running = self
            .running
            .get(&self.thread)
            .and_then(|calls| calls.last());
        if let Some(call) =
            running.filter(|_| matches!(text, "SystemExit: 0" | "SystemExit" | "GeneratorExit"))
        {
            self.assembler.set_exit(*call);
        }
        self.leave(Outcome::Raised, Some(value))
    }

    /// The running call is suspended. Takes a microsecond.
    ///
    /// # Panics
    /// When no call is running.
    pub fn suspends(&mut self) -> CallNumber {
        self.now_ns += 1_000;
        let call = self
            .running
            .get_mut(&self.thread)
            .and_then(Vec::pop)
            .expect("a call is running");
        self.assembler.suspend(self.thread, self.now_ns, call);
        CallNumber(call)
    }

    /// A suspended call goes on. Takes a microsecond.
    pub fn resumes(&mut self, call: CallNumber) -> &mut Self {
        self.now_ns += 1_000;
        self.running.entry(self.thread).or_default().push(call.0);
        self.assembler.resume(self.thread, self.now_ns, call.0);
        self
    }

    /// A suspended call is dropped.
    pub fn closes(&mut self, call: CallNumber) -> &mut Self {
        self.assembler
            .end(self.thread, self.now_ns, call.0, Outcome::Closed, None);
        self
    }

    /// A call that returns at once.
    pub fn leaf(&mut self, name: &str, args: &[(&str, &str)], result: &str) -> CallNumber {
        let call = self.call(name, args);
        self.returns(result);
        call
    }

    /// The trace; what still runs has not ended.
    #[must_use]
    pub fn trace(mut self) -> Trace {
        let creators = |lanes: &[Lane]| -> Vec<Option<u32>> {
            lanes
                .iter()
                .map(|lane| lane.created_by.map(|call| call.0))
                .collect()
        };
        let assembled = self.assembler.finish(
            self.functions.len(),
            0,
            creators(&self.threads).into_iter(),
            creators(&self.tasks).into_iter(),
        );
        self.run.duration_ns = assembled.duration_ns;
        let process = Process {
            pid: self.run.pid,
            trace: self.run.trace.clone(),
            command: self.run.command.clone(),
            duration_ns: assembled.duration_ns,
            calls: assembled.calls.count(),
            threads: self.threads.len() as u64,
            ..Process::default()
        };
        let mut processes = vec![process];
        processes.extend(self.processes);
        Trace {
            processes,
            run: self.run,
            functions: self.functions,
            figures: assembled.figures,
            threads: self.threads,
            tasks: self.tasks,
            calls: assembled.calls,
            texts: Texts::Given(self.texts),
            derived: Derived::default(),
        }
    }

    fn leave(&mut self, outcome: Outcome, left_with: Option<u64>) -> &mut Self {
        self.now_ns += 1_000;
        let call = self
            .running
            .get_mut(&self.thread)
            .and_then(Vec::pop)
            .expect("a call is running");
        self.assembler
            .end(self.thread, self.now_ns, call, outcome, left_with);
        self
    }

    fn text(&mut self, text: &str) -> u64 {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        self.texts.push(text.into());
        let key = self.texts.len() as u64 - 1;
        self.known.insert(text.into(), key);
        key
    }

    fn function(&mut self, name: &str, args: &[(&str, &str)]) -> u32 {
        let (module, name) = name.split_once(':').unwrap_or(("shop", name));
        let shown = |function: &Function| match function.kind {
            FunctionKind::Class => format!("class {}", function.name),
            _ => function.name.clone(),
        };
        let is_same = |function: &Function| function.module == module && shown(function) == name;
        if let Some(known) = self.functions.iter().position(is_same) {
            return known as u32;
        }
        let (name, kind) = match name.strip_prefix("class ") {
            Some(name) => (name, FunctionKind::Class),
            None if name == "<module>" => (name, FunctionKind::Module),
            None => (name, FunctionKind::Function),
        };
        self.functions.push(Function {
            name: name.into(),
            module: module.into(),
            file: format!("/src/{}.py", module.replace('.', "/")),
            line: self.functions.len() as u32 * 10 + 1,
            kind,
            args: args.iter().map(|(name, _)| (*name).into()).collect(),
            class_name: name.rsplit_once('.').map(|(class, _)| class.into()),
            loops: Loops::default(),
        });
        self.functions.len() as u32 - 1
    }
}

/// A shop: a module that runs a checkout with a failure that is handled.
#[must_use]
pub fn shop() -> Trace {
    let mut b = TraceBuilder::new();
    b.call("<module>", &[]);
    b.call("checkout", &[("user", "'ann'")]);
    b.leaf(
        "shop.cart:Cart.add",
        &[("self", "<Cart items=[]>"), ("name", "'pen'"), ("qty", "2")],
        "1",
    );
    b.call("countdown", &[("n", "2")]);
    b.call("countdown", &[("n", "1")]);
    b.leaf("countdown", &[("n", "0")], "0");
    b.returns("0").returns("0");
    for _ in 0..4 {
        b.leaf(
            "shop.pricing:price",
            &[("line", "('pen', 2)")],
            "Decimal('39.80')",
        );
    }
    b.call("fails", &[("x", "'ann'")]);
    b.raises("ValueError: bad; \"quoted\" <tag>\nsecond line #1");
    b.wait(1_200).returns("1").returns("None");
    b.trace()
}
