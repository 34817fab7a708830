//! Exact figures of every function, gathered while the events pass by.
//!
//! Time goes to the call that runs on its thread: a suspended call gets none,
//! and a function that calls itself is counted once.

use rustc_hash::{FxHashMap, FxHashSet};

/// Bins of [`Figures::spread`].
pub const SPREAD_BINS: usize = 17;

/// Figures of one function over all its calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How often it was called.
    pub calls: u64,
    /// How many of the calls failed: see [`Calls::has_failed`](crate::Calls::has_failed).
    pub failed: u64,
    /// How many of the calls ended while they were recorded.
    pub ended: u64,
    /// Time it ran, calls from it included; a function that calls itself counts once.
    pub total_ns: u64,
    /// Time it ran itself.
    pub self_ns: u64,
    /// Time its calls were suspended.
    pub suspended_ns: u64,
    /// Sum over the ended calls of the time each ran, calls from it included.
    pub ran_ns: u64,
    /// The longest of these.
    pub slowest_ns: u64,
    /// The call that took it.
    pub slowest: Option<u32>,
    /// When it was first called.
    pub first_ns: u64,
    /// Threads it was called on.
    pub threads: u32,
    /// How many ended calls ran 4ⁿ ns or longer, and less than 4ⁿ⁺¹ ns; the last bin is open.
    pub spread: [u32; SPREAD_BINS],
}

impl Figures {
    /// Takes in what the same function did in another process, whose calls and times were moved.
    pub(crate) fn add(&mut self, other: &Figures, first_call: u32, time_ns: u64) {
        if other.calls == 0 {
            return;
        }
        let first_ns = other.first_ns.saturating_add(time_ns);
        if self.calls == 0 || first_ns < self.first_ns {
            self.first_ns = first_ns;
        }
        if other.slowest.is_some() && (self.slowest.is_none() || other.slowest_ns > self.slowest_ns)
        {
            self.slowest = other.slowest.map(|call| first_call + call);
            self.slowest_ns = other.slowest_ns;
        }
        self.calls += other.calls;
        self.failed += other.failed;
        self.ended += other.ended;
        self.total_ns += other.total_ns;
        self.self_ns += other.self_ns;
        self.suspended_ns += other.suspended_ns;
        self.ran_ns += other.ran_ns;
        self.threads += other.threads;
        for (own, more) in self.spread.iter_mut().zip(other.spread) {
            *own = own.saturating_add(more);
        }
    }
}

/// A call that runs on a thread.
struct Frame {
    call: u32,
    function: u32,
}

#[derive(Default)]
struct ThreadState {
    running: Vec<Frame>,
    /// When time was last given to somebody.
    last: u64,
}

/// The functions a thread is inside of: how deep, and since when.
type Inside = FxHashMap<(u32, u32), (u32, u64)>;

/// Gathers [`Figures`]. Every thread's events come in order.
#[derive(Default)]
pub(crate) struct Gatherer {
    figures: Vec<Figures>,
    threads: Vec<ThreadState>,
    inside: Inside,
    seen: FxHashSet<(u32, u32)>,
}

impl Gatherer {
    pub(crate) fn begin(&mut self, thread: u32, at: u64, call: u32, function: u32) {
        let is_new_here = self.seen.insert((thread, function));
        let figures = self.of(function);
        if figures.calls == 0 || at < figures.first_ns {
            figures.first_ns = at;
        }
        figures.calls += 1;
        figures.threads += u32::from(is_new_here);
        self.enter(thread, at, call, function);
    }

    /// The call runs on this thread from here: it began or was resumed.
    pub(crate) fn enter(&mut self, thread: u32, at: u64, call: u32, function: u32) {
        self.pass_time(thread, at);
        self.threads[thread as usize]
            .running
            .push(Frame { call, function });
        let inside = self.inside.entry((thread, function)).or_insert((0, at));
        if inside.0 == 0 {
            inside.1 = at;
        }
        inside.0 += 1;
    }

    /// The call does not run on this thread from here: it ended or was suspended.
    pub(crate) fn leave(&mut self, thread: u32, at: u64, call: u32) {
        self.pass_time(thread, at);
        let running = &mut self.threads[thread as usize].running;
        let Some(position) = running.iter().rposition(|frame| frame.call == call) else {
            return;
        };
        let function = running.remove(position).function;
        self.come_out(thread, at, function);
    }

    /// The call has ended after it ran so long.
    pub(crate) fn end(
        &mut self,
        call: u32,
        function: u32,
        ran_ns: u64,
        suspended_ns: u64,
        has_failed: bool,
    ) {
        let figures = self.of(function);
        figures.ended += 1;
        figures.failed += u64::from(has_failed);
        figures.ran_ns = figures.ran_ns.saturating_add(ran_ns);
        figures.suspended_ns = figures.suspended_ns.saturating_add(suspended_ns);
        figures.spread[bin(ran_ns)] += 1;
        if figures.slowest.is_none() || ran_ns > figures.slowest_ns {
            figures.slowest_ns = ran_ns;
            figures.slowest = Some(call);
        }
    }

    /// A call that was counted as a failure was none.
    pub(crate) fn excuse(&mut self, function: u32) {
        let failed = &mut self.of(function).failed;
        *failed = failed.saturating_sub(1);
    }

    /// Figures by function; what still runs has run until `end`.
    pub(crate) fn finish(mut self, end: u64, functions: usize) -> Vec<Figures> {
        for thread in 0..self.threads.len() as u32 {
            self.pass_time(thread, end);
            while let Some(frame) = self.threads[thread as usize].running.pop() {
                self.come_out(thread, end, frame.function);
            }
        }
        self.figures
            .resize_with(functions.max(self.figures.len()), Figures::default);
        self.figures
    }

    fn come_out(&mut self, thread: u32, at: u64, function: u32) {
        let Some(inside) = self.inside.get_mut(&(thread, function)) else {
            return;
        };
        inside.0 -= 1;
        if inside.0 == 0 {
            let since = inside.1;
            let total = &mut self.of(function).total_ns;
            *total = total.saturating_add(at.saturating_sub(since));
        }
    }

    /// Gives the time since the thread's last event to the call that ran.
    fn pass_time(&mut self, thread: u32, at: u64) {
        if self.threads.len() <= thread as usize {
            self.threads
                .resize_with(thread as usize + 1, ThreadState::default);
        }
        let state = &mut self.threads[thread as usize];
        let passed = at.saturating_sub(state.last);
        state.last = state.last.max(at);
        if let Some(function) = state.running.last().map(|frame| frame.function) {
            let own = &mut self.of(function).self_ns;
            *own = own.saturating_add(passed);
        }
    }

    fn of(&mut self, function: u32) -> &mut Figures {
        let index = function as usize;
        if self.figures.len() <= index {
            self.figures.resize_with(index + 1, Figures::default);
        }
        &mut self.figures[index]
    }
}

/// The bin of a time: its logarithm to base 4.
fn bin(nanos: u64) -> usize {
    (nanos.max(1).ilog2() as usize / 2).min(SPREAD_BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_calls_itself_is_counted_once() {
        let mut gatherer = Gatherer::default();
        gatherer.begin(0, 10, 0, 0);
        gatherer.begin(0, 20, 1, 0);
        gatherer.leave(0, 50, 1);
        gatherer.leave(0, 70, 0);
        let figures = &gatherer.finish(100, 1)[0];
        assert_eq!(
            (figures.calls, figures.total_ns, figures.self_ns),
            (2, 60, 60)
        );
    }

    #[test]
    fn suspended_time_is_nobodys() {
        let mut gatherer = Gatherer::default();
        gatherer.begin(0, 0, 0, 0);
        gatherer.begin(0, 10, 1, 1);
        gatherer.leave(0, 15, 1);
        gatherer.enter(0, 90, 1, 1);
        gatherer.leave(0, 95, 1);
        gatherer.leave(0, 100, 0);
        let figures = gatherer.finish(100, 2);
        assert_eq!((figures[0].total_ns, figures[0].self_ns), (100, 90));
        assert_eq!((figures[1].total_ns, figures[1].self_ns), (10, 10));
    }

    #[test]
    fn what_never_ended_ran_until_the_end() {
        let mut gatherer = Gatherer::default();
        gatherer.begin(1, 40, 0, 0);
        let figures = &gatherer.finish(100, 1)[0];
        assert_eq!(
            (figures.total_ns, figures.self_ns, figures.threads),
            (60, 60, 1)
        );
    }

    #[test]
    fn bins_are_logarithmic() {
        assert_eq!(
            [0, 1, 3, 4, 15, 16, u64::MAX].map(bin),
            [0, 0, 0, 1, 1, 2, 16]
        );
    }
}
