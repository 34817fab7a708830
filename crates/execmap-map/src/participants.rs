//! What the map is drawn on: classes and modules, or their packages when there
//! are too many.

use std::collections::{BTreeMap, HashMap};

use execmap_query::Function;
use serde::Serialize;

/// A class, a module, or a package that stands for several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Participant {
    /// Name of the class or module.
    pub name: String,
    /// The module of a class, the package of a module.
    pub package: String,
    /// Whether it is a class.
    pub is_class: bool,
    /// How many calls are shown on it.
    pub calls: u64,
}

/// Package and name.
type Key = (String, String);

/// What calls are drawn on, before anything is merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupBy {
    /// Methods on their classes, functions on their modules.
    #[default]
    Class,
    /// All on their modules.
    Module,
    /// All on the packages of their modules.
    Package,
}

impl GroupBy {
    fn key(self, function: &Function) -> Key {
        let module = function.module_shown();
        let above = |name: &str| match name.rsplit_once('.') {
            Some((package, _)) => package.to_owned(),
            None => String::new(),
        };
        let package = above(module);
        match self {
            GroupBy::Class => (
                function.package().to_owned(),
                function.participant().to_owned(),
            ),
            GroupBy::Package if !package.is_empty() => (above(&package), package),
            GroupBy::Module | GroupBy::Package => (package, module.to_owned()),
        }
    }
}

/// Finds the participant of every function that is shown.
pub(crate) struct Participants {
    group_by: GroupBy,
    /// Participants that others stand for.
    merged: HashMap<Key, Key>,
    known: HashMap<Key, usize>,
    list: Vec<Participant>,
}

impl Participants {
    /// The participants of calls of these functions, at most about `most` of them.
    pub(crate) fn of<'f>(
        functions: impl Iterator<Item = &'f Function>,
        most: usize,
        group_by: GroupBy,
    ) -> Self {
        let mut calls: BTreeMap<Key, u64> = BTreeMap::new();
        for function in functions {
            *calls.entry(group_by.key(function)).or_default() += 1;
        }
        Participants {
            group_by,
            merged: merge(calls, most.max(1)),
            known: HashMap::new(),
            list: Vec::new(),
        }
    }

    /// The participant of a function, numbered by first appearance. Counts a call on it.
    pub(crate) fn index_of(&mut self, function: &Function) -> usize {
        let own = self.group_by.key(function);
        let merged = self.merged.get(&own).cloned();
        let is_class =
            merged.is_none() && self.group_by == GroupBy::Class && function.class_name.is_some();
        let key = merged.unwrap_or(own);
        let list = &mut self.list;
        let index = *self.known.entry(key).or_insert_with_key(|(package, name)| {
            list.push(Participant {
                name: name.clone(),
                package: package.clone(),
                is_class,
                calls: 0,
            });
            list.len() - 1
        });
        self.list[index].calls += 1;
        index
    }

    /// The participant of a function, if a call on it was shown.
    pub(crate) fn known_index_of(&self, function: &Function) -> Option<usize> {
        let own = self.group_by.key(function);
        self.known
            .get(self.merged.get(&own).unwrap_or(&own))
            .copied()
    }

    /// A function's name without what its participant says.
    pub(crate) fn name_on(&self, index: usize, function: &Function) -> String {
        let participant = &self.list[index];
        if participant.name == function.participant() {
            return function.short_name().into_owned();
        }
        let full = function.shown_name();
        full.strip_prefix(&participant.name)
            .and_then(|rest| rest.strip_prefix('.'))
            .map_or_else(|| full.clone(), str::to_owned)
    }

    pub(crate) fn finish(self) -> Vec<Participant> {
        self.list
    }
}

/// Merges the least used participants into their packages until there are few enough.
fn merge(mut calls: BTreeMap<Key, u64>, most: usize) -> HashMap<Key, Key> {
    let mut merged: HashMap<Key, Key> = HashMap::new();
    while calls.len() > most {
        let least = calls
            .iter()
            .filter(|((package, _), _)| !package.is_empty())
            .min_by_key(|(key, count)| (**count, std::cmp::Reverse(depth(key)), (*key).clone()));
        let Some((key, count)) = least.map(|(key, count)| (key.clone(), *count)) else {
            break;
        };
        let into = parent(&key);
        calls.remove(&key);
        *calls.entry(into.clone()).or_default() += count;
        for target in merged.values_mut().filter(|target| **target == key) {
            *target = into.clone();
        }
        merged.insert(key, into);
    }
    merged
}

fn depth((package, name): &Key) -> usize {
    package.matches('.').count() + name.matches('.').count()
}

/// The package as a participant of its own.
fn parent((package, _): &Key) -> Key {
    let above = package.rsplit_once('.').map_or("", |(above, _)| above);
    (above.to_owned(), package.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_query::FunctionKind;

    fn function(module: &str, name: &str) -> Function {
        Function {
            name: name.into(),
            module: module.into(),
            file: "x.py".into(),
            line: 1,
            kind: FunctionKind::Function,
            args: Vec::new(),
            class_name: name.split_once('.').map(|(class, _)| class.into()),
            loops: execmap_query::Loops::default(),
        }
    }

    fn names(functions: &[Function], most: usize) -> Vec<(String, String)> {
        let mut participants = Participants::of(functions.iter(), most, GroupBy::Class);
        functions
            .iter()
            .map(|function| {
                let index = participants.index_of(function);
                (
                    participants.list[index].name.clone(),
                    participants.name_on(index, function),
                )
            })
            .collect()
    }

    #[test]
    fn the_least_used_are_merged_into_their_package() {
        let functions = [
            function("shop.cart", "Cart.add"),
            function("shop.cart", "Cart.add"),
            function("shop.price", "of"),
            function("shop.stock", "take"),
        ];
        let wide = names(&functions, 3);
        assert_eq!(wide[0], ("Cart".into(), "add".into()));
        assert_eq!(wide[2], ("shop.price".into(), "of".into()));
        let narrow = names(&functions, 2);
        assert_eq!(narrow[0], ("Cart".into(), "add".into()));
        assert_eq!(narrow[2], ("shop".into(), "price.of".into()));
        assert_eq!(narrow[3], ("shop".into(), "stock.take".into()));
    }
}
