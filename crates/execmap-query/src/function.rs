//! Functions of a trace, as readers name and group them.

use std::borrow::Cow;

use serde::Serialize;

use crate::loops::Loops;
use crate::text::is_unseen;

/// What a code object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionKind {
    /// An ordinary function, a lambda included.
    Function,
    /// Suspended by `yield`.
    Generator,
    /// Suspended by `await`.
    Coroutine,
    /// Suspended by both.
    AsyncGenerator,
    /// The body of a module.
    Module,
    /// The body of a class.
    Class,
}

impl FunctionKind {
    /// The kind in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            FunctionKind::Function => "function",
            FunctionKind::Generator => "generator",
            FunctionKind::Coroutine => "coroutine",
            FunctionKind::AsyncGenerator => "async generator",
            FunctionKind::Module => "module body",
            FunctionKind::Class => "class body",
        }
    }
}

/// A code object whose calls were recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Qualified name; `<module>` for a module's body.
    pub name: String,
    /// `__name__` of its globals.
    pub module: String,
    /// Its file, absolute where possible.
    pub file: String,
    /// The line where it begins.
    pub line: u32,
    /// What it is.
    pub kind: FunctionKind,
    /// Names of its arguments, in signature order.
    pub args: Vec<String>,
    /// The class it is a method of.
    pub class_name: Option<String>,
    /// Its loops.
    pub loops: Loops,
}

impl Function {
    /// The module as a reader knows it: a script's file name stands for `__main__`, where it can be
    /// shown.
    #[must_use]
    pub fn module_shown(&self) -> &str {
        if self.module != "__main__" {
            return &self.module;
        }
        let name = self.file.rsplit(['/', '\\']).next().unwrap_or_default();
        match name.strip_suffix(".py") {
            Some(stem) if !["", "__main__"].contains(&stem) && !stem.contains(is_unseen) => stem,
            _ => &self.module,
        }
    }

    /// `module.name`, or the module alone for its body.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.module_shown(), self.name)
    }

    /// `module.name` as it is shown: the body of a class is no call of the class.
    #[must_use]
    pub fn shown_name(&self) -> String {
        match self.kind {
            FunctionKind::Class => format!("{}.class {}", self.module_shown(), self.name),
            _ => self.full_name(),
        }
    }

    /// What it is drawn on: its class, or its module.
    #[must_use]
    pub fn participant(&self) -> &str {
        self.class_name
            .as_deref()
            .unwrap_or_else(|| self.module_shown())
    }

    /// The package of what it is drawn on: the module of a class, the parent package of a module.
    #[must_use]
    pub fn package(&self) -> &str {
        let module = self.module_shown();
        if self.class_name.is_some() {
            return module;
        }
        module.rsplit_once('.').map_or("", |(package, _)| package)
    }

    /// The name as it is shown, without what [`Function::participant`] already says.
    #[must_use]
    pub fn short_name(&self) -> Cow<'_, str> {
        if self.kind == FunctionKind::Class {
            return format!("class {}", self.name).into();
        }
        let name = self
            .class_name
            .as_deref()
            .and_then(|class| self.name.strip_prefix(class)?.strip_prefix('.'))
            .unwrap_or(&self.name);
        name.into()
    }

    /// Whether the argument at `index` is the object or class the method was called on.
    #[must_use]
    pub fn is_receiver(&self, index: usize) -> bool {
        // A damaged trace may have arguments of calls without names for them.
        let name = self.args.first().filter(|_| index == 0);
        self.class_name.is_some()
            && name.is_some_and(|name| matches!(name.as_str(), "self" | "cls"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method() -> Function {
        Function {
            name: "Cart.add".into(),
            module: "__main__".into(),
            file: "/home/ann/shop.py".into(),
            line: 3,
            kind: FunctionKind::Function,
            args: vec!["self".into(), "item".into()],
            class_name: Some("Cart".into()),
            loops: Loops::default(),
        }
    }

    #[test]
    fn a_method_is_drawn_on_its_class_and_a_function_on_its_module() {
        let method = method();
        assert_eq!(
            (
                method.participant(),
                method.package(),
                &*method.short_name()
            ),
            ("Cart", "shop", "add")
        );
        let function = Function {
            name: "price".into(),
            module: "shop.pricing".into(),
            class_name: None,
            ..method
        };
        assert_eq!(
            (
                function.participant(),
                function.package(),
                &*function.short_name()
            ),
            ("shop.pricing", "shop", "price")
        );
    }

    #[test]
    fn the_receiver_is_the_first_argument_of_a_method_if_it_has_one() {
        let method = method();
        assert_eq!(
            (method.is_receiver(0), method.is_receiver(1)),
            (true, false)
        );
        let nameless = Function {
            args: Vec::new(),
            ..method
        };
        assert!(!nameless.is_receiver(0));
    }

    #[test]
    fn the_script_is_named_by_its_file() {
        assert_eq!(method().full_name(), "shop.Cart.add");
        let typed = Function {
            file: "<string>".into(),
            ..method()
        };
        assert_eq!(typed.full_name(), "__main__.Cart.add");
    }

    #[test]
    fn the_body_of_a_class_is_no_call_of_it() {
        let body = Function {
            name: "Cart".into(),
            kind: FunctionKind::Class,
            class_name: None,
            ..method()
        };
        assert_eq!(
            (body.shown_name(), &*body.short_name()),
            ("shop.class Cart".into(), "class Cart")
        );
    }
}
