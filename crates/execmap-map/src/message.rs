//! A message of the map: a call with its values, or many of them.

use execmap_query::{CallNumber, Outcome};

use crate::Message;
use crate::arena::End;
use crate::plan::{CallItem, State};
use crate::values::EdgeValues;
use crate::view::Writer;

impl Writer<'_> {
    /// The participant that started the thread or submitted the job of an outermost call.
    pub(crate) fn creator(&self, call: &CallItem) -> Option<usize> {
        let created_by = self.trace.calls().created_by(self.number(call))?;
        self.participants
            .known_index_of(self.trace.function_of(created_by))
    }

    pub(crate) fn message(&mut self, call: &CallItem, from: Option<usize>, level: u32) -> Message {
        let trace = self.trace;
        let number = self.number(call);
        let function = trace.function_of(number);
        let to = self.participants.index_of(function);
        let (values, result) = self.values(call, number);
        let args = function.args.iter().zip(values).enumerate();
        // A generator expression's iterator has a name that nobody wrote.
        let args = args
            .filter(|(index, (name, _))| !function.is_receiver(*index) && !name.starts_with('.'));
        let exception = trace.failure_text(number).map(|text| {
            let is_one = call.count == 1
                || call.nodes.iter().all(|times| {
                    let other = self.folded.call_at(times.first);
                    times.count == 1
                        && trace.calls().exception(other) == trace.calls().exception(number)
                });
            if is_one {
                text
            } else {
                format!("such as {text}")
            }
        });
        let is_open = matches!(call.state, State::Open(_));
        Message {
            level,
            times: call.count,
            handle: number,
            from,
            to,
            name: self.participants.name_on(to, function),
            args: args.map(|(_, (name, text))| (name.clone(), text)).collect(),
            has_unknown_args: trace.has_unknown_args(number),
            result,
            outcome: match call.key.end {
                End::Returned => Outcome::Returned,
                End::Closed => Outcome::Closed,
                End::Unfinished => Outcome::Unfinished,
                End::Exit | End::Failed(_) => Outcome::Raised,
            },
            exception,
            has_failed: matches!(call.key.end, End::Failed(_)),
            calls_inside: call.inside,
            closed: call.inside > 0 && !is_open,
            again: matches!(call.state, State::Again),
            function: call.key.function,
        }
    }

    /// The arguments of an item's calls, and what they returned.
    fn values(&self, call: &CallItem, number: CallNumber) -> (Vec<String>, Option<String>) {
        let trace = self.trace;
        if call.count == 1 {
            let args = trace.args(number).map(|(_, key)| trace.value_text(key));
            return (args.collect(), trace.result_text(number));
        }
        let mut own = EdgeValues::default();
        let known = self
            .folded
            .values(call.caller, call.key)
            .filter(|values| values.calls == call.count);
        let is_whole = known.is_some() || call.nodes.iter().all(|times| times.count == 1);
        let values = known.unwrap_or_else(|| {
            for times in &call.nodes {
                own.add(trace, self.folded.call_at(times.first));
            }
            &own
        });
        let text = |text: String| {
            if is_whole {
                text
            } else {
                format!("such as {text}")
            }
        };
        let args = values.args.iter();
        let args = args.map(|summary| summary.text(trace).map(text).unwrap_or_default());
        let result = match call.key.end {
            End::Returned => values.result.text(trace).map(text),
            _ => None,
        };
        (args.collect(), result)
    }
}
