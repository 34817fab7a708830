//! Patterns that choose functions: `price`, `Cart.*`, `shop.pricing:*`, `src/*.py`.

use std::path::Path;

use globset::{Glob, GlobMatcher};

use crate::function::Function;

/// A pattern that is no glob.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{pattern}` is not a pattern: {why}. Examples: 'price', 'Cart.*', 'shop.pricing:*', 'src/*.py'"
)]
pub struct BadPattern {
    pattern: String,
    why: String,
}

/// What a pattern is compared with.
#[derive(Clone, Debug)]
enum Part {
    /// `module:qualname`
    Colon(GlobMatcher, GlobMatcher),
    File(GlobMatcher),
    Name(GlobMatcher),
}

/// Chooses functions by module and name, or by file.
#[derive(Clone, Debug)]
pub struct FunctionPattern {
    part: Part,
}

impl FunctionPattern {
    /// Reads a pattern: `MODULE:NAME`, a path (with a `/` or ending in `.py`), or a name with or
    /// without its module.
    pub fn new(pattern: &str) -> Result<Self, BadPattern> {
        let part = if let Some((module, name)) = pattern.split_once(':') {
            Part::Colon(glob(module, pattern)?, glob(name, pattern)?)
        } else if pattern.contains('/')
            || Path::new(pattern)
                .extension()
                .is_some_and(|ending| ending == "py")
        {
            Part::File(glob(
                &format!("{{,*/}}{}", pattern.trim_start_matches("./")),
                pattern,
            )?)
        } else {
            Part::Name(glob(pattern, pattern)?)
        };
        Ok(FunctionPattern { part })
    }

    /// Whether the pattern chooses this function.
    #[must_use]
    pub fn matches(&self, function: &Function) -> bool {
        match &self.part {
            Part::Colon(module, name) => {
                (module.is_match(&function.module) || module.is_match(function.module_shown()))
                    && name.is_match(&function.name)
            }
            Part::File(file) => file.is_match(&function.file),
            Part::Name(name) => {
                let last = function.name.rsplit('.').next().unwrap_or_default();
                name.is_match(&function.name)
                    || name.is_match(last)
                    || name.is_match(function.full_name())
            }
        }
    }
}

fn glob(part: &str, pattern: &str) -> Result<GlobMatcher, BadPattern> {
    Glob::new(part)
        .map(|glob| glob.compile_matcher())
        .map_err(|error| BadPattern {
            pattern: pattern.to_owned(),
            why: error.kind().to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FunctionKind;

    fn function() -> Function {
        Function {
            name: "Cart.add".into(),
            module: "shop.cart".into(),
            file: "/src/shop/cart.py".into(),
            line: 1,
            kind: FunctionKind::Function,
            args: Vec::new(),
            class_name: Some("Cart".into()),
            loops: crate::Loops::default(),
        }
    }

    #[test]
    fn a_function_is_found_by_any_of_its_names() {
        for pattern in [
            "add",
            "Cart.add",
            "Cart.*",
            "shop.cart:*",
            "shop.*:Cart.add",
            "shop.cart.Cart.add",
            "shop/*.py",
            "cart.py",
        ] {
            assert!(
                FunctionPattern::new(pattern)
                    .expect("a glob")
                    .matches(&function()),
                "{pattern}"
            );
        }
        for pattern in ["Cart", "art.py", "shop:add", "shop.price:*"] {
            assert!(
                !FunctionPattern::new(pattern)
                    .expect("a glob")
                    .matches(&function()),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_bad_pattern_says_why() {
        let error = FunctionPattern::new("shop.[")
            .expect_err("no glob")
            .to_string();
        assert!(error.starts_with("`shop.[` is not a pattern: "), "{error}");
    }
}
