//! Which call is the innermost one: parents by the chain of frames, greenlets, tasks.

use execmap_record::format::{kind, pack, pack_counted};

use super::code;
use super::engine::Engine;
use super::frame::Frame;
use super::logs::ThreadLog;

impl Engine {
    /// A call begins whose caller is not the innermost recorded call: finds its parent on the chain
    /// of frames, and the task it runs in. Gives the site + 1, or 0.
    ///
    /// # Safety
    /// In a hook; `frame` is the running frame.
    #[cold]
    pub(super) unsafe fn enter(&mut self, log: &mut ThreadLog, frame: Frame) -> u32 {
        // SAFETY: the caller's.
        let site = unsafe { self.find_parent(log, frame) };
        if self.tasks.is_ready() {
            // SAFETY: in a hook for a beginning or going on, so no exception is set.
            let task = unsafe { self.current_task() };
            if task != log.task && self.make_room(log, 64) {
                log.task_bases.push((log.stack.len(), log.task));
                log.task = task;
                log.log.cursor.word(pack_counted(kind::TASK, 0, task));
                if let Some(creator) = self.tasks.take_new_creator() {
                    log.creator = Some(creator.0);
                }
            }
        }
        if let Some(creator) = log.creator.take()
            && self.make_room(log, 64)
        {
            Self::check_tick(log);
            log.log
                .cursor
                .words(pack(kind::CREATED_BY, 0, log.log.last_tick), creator);
        }
        site
    }

    /// After a call has ended or was suspended: calls begin in the task before again.
    #[inline]
    pub(super) fn leave_task(&mut self, log: &mut ThreadLog) {
        if log
            .task_bases
            .last()
            .is_some_and(|(base, _)| log.stack.len() <= *base)
        {
            self.restore_task(log);
        }
    }

    #[cold]
    fn restore_task(&mut self, log: &mut ThreadLog) {
        while let Some(&(base, before)) = log.task_bases.last()
            && log.stack.len() <= base
        {
            log.task_bases.pop();
            if self.make_room(log, 64) {
                log.task = before;
                log.log.cursor.word(pack_counted(kind::TASK, 0, before));
            }
        }
    }

    unsafe fn find_parent(&mut self, log: &mut ThreadLog, frame: Frame) -> u32 {
        let Some(top) = log.stack.last().copied() else {
            if log.parked.is_empty() {
                return 0;
            }
            // SAFETY: the caller's.
            return unsafe { self.switch_by_chain(log, frame) };
        };
        // SAFETY: the frames below a running frame are alive.
        unsafe {
            let mut below = frame.previous();
            let mut is_direct = true;
            while !below.is_none() {
                if below == top.frame {
                    return if is_direct {
                        below.offset(top.start) + 1
                    } else {
                        0
                    };
                }
                is_direct &= below.is_of_c() || code::is_init_shim(below.code());
                below = below.previous();
            }
            self.switch_by_chain(log, frame)
        }
    }

    /// The innermost recorded call is not below the running frame: another greenlet runs, or frames
    /// have gone without a word. Gives the site + 1, or 0.
    unsafe fn switch_by_chain(&mut self, log: &mut ThreadLog, frame: Frame) -> u32 {
        // SAFETY: the frames below a running frame are alive.
        unsafe {
            let mut below = frame.previous();
            let mut is_direct = true;
            while !below.is_none() {
                if self.switch_to(log, below) {
                    let start = log.stack.last().map(|node| node.start);
                    return start
                        .filter(|_| is_direct)
                        .map_or(0, |start| below.offset(start) + 1);
                }
                is_direct &= below.is_of_c() || code::is_init_shim(below.code());
                below = below.previous();
            }
        }
        if !log.stack.is_empty() {
            let stack = std::mem::take(&mut log.stack);
            log.parked.push(stack);
        }
        self.note_switch(log, u64::MAX);
        0
    }

    /// Makes a recorded frame the innermost one, whichever stack it is on. False when it is on none.
    pub(super) fn switch_to(&mut self, log: &mut ThreadLog, frame: Frame) -> bool {
        if let Some(at) = log.stack.iter().rposition(|node| node.frame == frame) {
            self.neighbours.unseen_ends += (log.stack.len() - at - 1) as u64;
            log.stack.truncate(at + 1);
        } else {
            let found = log
                .parked
                .iter()
                .position(|stack| stack.last().is_some_and(|node| node.frame == frame));
            let Some(index) = found else { return false };
            let stack = std::mem::replace(&mut log.parked[index], std::mem::take(&mut log.stack));
            if log.parked[index].is_empty() {
                log.parked.swap_remove(index);
            }
            log.stack = stack;
        }
        let call = log.stack.last().map_or(u64::MAX, |node| node.call);
        self.note_switch(log, call);
        true
    }

    fn note_switch(&mut self, log: &mut ThreadLog, call: u64) {
        if self.make_room(log, 64) {
            Self::check_tick(log);
            log.log
                .cursor
                .words(pack(kind::SWITCH, 0, log.log.last_tick), call);
        }
    }
}
