//! From events to calls, in one pass.

use rustc_hash::FxHashMap;

use crate::calls::{Begin, Calls, Outcome};
use crate::figures::{Figures, Gatherer};
use crate::handles::CallNumber;

/// What is known of a call that was suspended at least once and has not ended.
#[derive(Default)]
struct Pauses {
    since: Option<u64>,
    sum: u64,
}

/// Takes the events of a process, each thread's in order, and gives its calls.
pub(crate) struct Assembler {
    calls: Calls,
    gatherer: Gatherer,
    pauses: FxHashMap<u32, Pauses>,
    first_of_thread: FxHashMap<u32, u32>,
    first_of_task: FxHashMap<u32, u32>,
    early: Vec<(u64, u32, Change)>,
    most_early: usize,
    last: u64,
}

/// Changes of calls whose beginning comes later, beyond those of a short trace.
const SOME_EARLY: usize = 1 << 16;

/// What happens to a call after its beginning.
#[derive(Clone, Copy)]
enum Change {
    Suspended,
    Resumed,
    Ended(Outcome, Option<u64>),
}

/// What the pass gives.
pub(crate) struct Assembled {
    pub(crate) calls: Calls,
    pub(crate) figures: Vec<Figures>,
    pub(crate) duration_ns: u64,
}

impl Assembler {
    /// `expected`: about how many calls there will be.
    pub(crate) fn new(expected: usize) -> Self {
        Assembler {
            calls: Calls::with_capacity(expected),
            gatherer: Gatherer::default(),
            pauses: FxHashMap::default(),
            first_of_thread: FxHashMap::default(),
            first_of_task: FxHashMap::default(),
            early: Vec::new(),
            // Each call that goes on elsewhere is resumed and suspended a few times there.
            most_early: expected.saturating_mul(4).saturating_add(SOME_EARLY),
            last: 0,
        }
    }

    pub(crate) fn begin(&mut self, begin: &Begin<'_>) {
        self.calls.begin(begin);
        self.gatherer
            .begin(begin.thread, begin.at, begin.call, begin.function);
        keep_first(&mut self.first_of_thread, begin.thread, begin.call);
        if let Some(task) = begin.task {
            keep_first(&mut self.first_of_task, task, begin.call);
        }
        self.last = self.last.max(begin.at);
    }

    /// A loop of a running call is entered again.
    pub(crate) fn enter_loop(&mut self, call: u32, header: u32, entries: u32) {
        if self.calls.has_begun(call) {
            self.calls.enter_loop(call, header, entries);
        }
    }

    pub(crate) fn suspend(&mut self, thread: u32, at: u64, call: u32) {
        if self.is_known(at, call, Change::Suspended) {
            self.gatherer.leave(thread, at, call);
            self.change(at, call, Change::Suspended);
        }
    }

    pub(crate) fn resume(&mut self, thread: u32, at: u64, call: u32) {
        if self.is_known(at, call, Change::Resumed) {
            let function = self.calls.function(CallNumber(call)).0;
            self.gatherer.enter(thread, at, call, function);
            self.change(at, call, Change::Resumed);
        }
    }

    pub(crate) fn end(
        &mut self,
        thread: u32,
        at: u64,
        call: u32,
        outcome: Outcome,
        left_with: Option<u64>,
    ) {
        let change = Change::Ended(outcome, left_with);
        if self.is_known(at, call, change) {
            self.gatherer.leave(thread, at, call);
            self.change(at, call, change);
        }
    }

    /// The exception of a call that raised, when it is only known later.
    pub(crate) fn set_exception(&mut self, call: u32, value: u64) {
        if self.calls.has_begun(call) {
            self.calls.set_left_with(call, value);
        }
    }

    /// The exception that leaves the call, or has left it, is no failure.
    pub(crate) fn set_exit(&mut self, call: u32) {
        let number = CallNumber(call);
        if self.calls.has_begun(call) && self.calls.has_failed(number) {
            self.gatherer.excuse(self.calls.function(number).0);
        }
        self.calls.set_exit(call);
    }

    /// Whether the call has begun. What happened to others is kept: a call that went on in another
    /// thread may be met there before its beginning.
    fn is_known(&mut self, at: u64, call: u32, change: Change) -> bool {
        self.last = self.last.max(at);
        let is_known = self.calls.has_begun(call);
        if !is_known && self.early.len() < self.most_early {
            self.early.push((at, call, change));
        }
        is_known
    }

    fn change(&mut self, at: u64, call: u32, change: Change) {
        match change {
            Change::Suspended => self.pauses.entry(call).or_default().since = Some(at),
            Change::Resumed => {
                let pauses = self.pauses.entry(call).or_default();
                if let Some(since) = pauses.since.take() {
                    pauses.sum = pauses.sum.saturating_add(at.saturating_sub(since));
                }
            }
            Change::Ended(outcome, left_with) => {
                self.calls.end(call, at, outcome, left_with);
                let suspended = self.settle(call, at);
                let number = CallNumber(call);
                let ran = at
                    .saturating_sub(self.calls.start_ns(number))
                    .saturating_sub(suspended);
                let function = self.calls.function(number).0;
                let has_failed = self.calls.has_failed(number);
                self.gatherer
                    .end(call, function, ran, suspended, has_failed);
            }
        }
    }

    /// Makes up for changes that came before the beginning of their calls.
    fn catch_up(&mut self) {
        let mut early = std::mem::take(&mut self.early);
        early.sort_by_key(|change| change.0);
        for (at, call, change) in early {
            let is_open = self.calls.has_begun(call)
                && self.calls.outcome(CallNumber(call)) == Outcome::Unfinished;
            if is_open {
                self.change(at, call, change);
            }
        }
    }

    /// Writes down how long a call was suspended in all.
    fn settle(&mut self, call: u32, at: u64) -> u64 {
        if self.pauses.is_empty() {
            return 0;
        }
        let Some(pauses) = self.pauses.remove(&call) else {
            return 0;
        };
        let now = pauses.since.map_or(0, |since| at.saturating_sub(since));
        let suspended = pauses.sum.saturating_add(now);
        if suspended > 0 {
            self.calls.set_suspended(call, suspended);
        }
        suspended
    }

    /// `end`: when the recording ended, unless events say that it was later. The creators of threads and tasks, by their numbers, stand on the first call of each.
    pub(crate) fn finish(
        mut self,
        functions: usize,
        end: u64,
        thread_creators: impl Iterator<Item = Option<u32>>,
        task_creators: impl Iterator<Item = Option<u32>>,
    ) -> Assembled {
        let end = self.last.max(end);
        self.catch_up();
        let open: Vec<u32> = self.pauses.keys().copied().collect();
        for call in open {
            self.settle(call, end);
        }
        self.calls.finish();
        let mut creators = creators_of(&self.first_of_task, task_creators);
        creators.extend(creators_of(&self.first_of_thread, thread_creators));
        self.calls.set_creators(&creators);
        Assembled {
            calls: self.calls,
            figures: self.gatherer.finish(end, functions),
            duration_ns: end,
        }
    }
}

fn keep_first(firsts: &mut FxHashMap<u32, u32>, key: u32, call: u32) {
    let first = firsts.entry(key).or_insert(call);
    *first = call.min(*first);
}

fn creators_of(
    firsts: &FxHashMap<u32, u32>,
    creators: impl Iterator<Item = Option<u32>>,
) -> Vec<(u32, u32)> {
    creators
        .enumerate()
        .filter_map(|(index, creator)| Some((*firsts.get(&(index as u32))?, creator?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(call: u32, at: u64, parent: Option<u32>) -> Begin<'static> {
        Begin {
            call,
            at,
            function: call,
            parent,
            site: None,
            thread: 0,
            task: None,
            created_by: None,
            args: &[],
        }
    }

    fn finish(assembler: Assembler) -> Assembled {
        assembler.finish(2, 0, std::iter::empty(), std::iter::empty())
    }

    #[test]
    fn a_generator_is_one_call_with_its_pauses() {
        let mut assembler = Assembler::new(2);
        assembler.begin(&begin(0, 0, None));
        assembler.begin(&begin(1, 10, Some(0)));
        assembler.suspend(0, 20, 1);
        assembler.resume(0, 50, 1);
        assembler.suspend(0, 60, 1);
        assembler.end(0, 90, 1, Outcome::Closed, None);
        assembler.end(0, 100, 0, Outcome::Returned, Some(3));
        let Assembled {
            calls,
            figures,
            duration_ns,
        } = finish(assembler);
        let generator = CallNumber(1);
        assert_eq!(calls.suspended_ns(generator), 60);
        assert_eq!(calls.outcome(generator), Outcome::Closed);
        assert_eq!(calls.end_ns(generator), Some(90));
        assert_eq!((figures[1].self_ns, figures[0].self_ns), (20, 80));
        assert_eq!(duration_ns, 100);
    }

    #[test]
    fn a_call_may_end_on_a_thread_that_is_read_first() {
        let mut assembler = Assembler::new(2);
        assembler.resume(1, 50, 0);
        assembler.end(1, 60, 0, Outcome::Returned, Some(4));
        assembler.begin(&begin(0, 10, None));
        assembler.suspend(0, 20, 0);
        let calls = finish(assembler).calls;
        let call = CallNumber(0);
        assert_eq!(
            (calls.end_ns(call), calls.suspended_ns(call)),
            (Some(60), 30)
        );
        assert_eq!(calls.outcome(call), Outcome::Returned);
    }

    #[test]
    fn a_call_that_never_ended_is_unfinished() {
        let mut assembler = Assembler::new(1);
        assembler.begin(&begin(0, 5, None));
        let calls = finish(assembler).calls;
        assert_eq!(calls.outcome(CallNumber(0)), Outcome::Unfinished);
        assert_eq!(calls.end_ns(CallNumber(0)), None);
        assert_eq!(calls.result(CallNumber(0)), None);
    }

    #[test]
    fn a_number_without_a_beginning_is_no_call() {
        let mut assembler = Assembler::new(1);
        assembler.begin(&begin(2, 5, Some(1)));
        assembler.end(0, 7, 1, Outcome::Returned, None);
        let calls = finish(assembler).calls;
        assert_eq!(calls.iter().collect::<Vec<_>>(), [CallNumber(2)]);
        assert_eq!((calls.count(), calls.rows()), (1, 3));
    }
}
