//! `unsafe` stands in two folders only: where `CPython` is touched, and where the
//! operating system is.
//!
//! Clippy demands the SAFETY note of each block; this demands the place.

use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};

use super::Finding;
use super::files::ending;

const INSIDE: &[&str] = &[
    "crates/execmap-py/src/cpython/",
    "crates/execmap-record/src/os/",
];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    if ending(path) != "rs" || INSIDE.iter().any(|folder| path.starts_with(folder)) {
        return Vec::new();
    }
    let Ok(tokens) = TokenStream::from_str(text) else {
        return vec![Finding::error(path, None, "is not Rust".to_owned())];
    };
    let mut lines = Vec::new();
    unsafe_lines(tokens, &mut lines);
    let message = format!("`unsafe` outside of {}", INSIDE.join(" and "));
    lines
        .into_iter()
        .map(|line| Finding::error(path, Some(line), message.clone()))
        .collect()
}

/// The lines of the keyword `unsafe`; comments and texts are no tokens.
fn unsafe_lines(tokens: TokenStream, lines: &mut Vec<usize>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => unsafe_lines(group.stream(), lines),
            TokenTree::Ident(word) if word == "unsafe" => lines.push(word.span().start().line),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<Option<usize>> {
        check(path, text)
            .into_iter()
            .map(|found| found.line)
            .collect()
    }

    #[test]
    fn the_keyword_is_found_and_the_word_is_not() {
        let text =
            "//! unsafe\n#![forbid(unsafe_code)]\nfn f() { g(\"unsafe\") }\nunsafe fn g() {}";
        assert_eq!(lines("crates/execmap-map/src/lib.rs", text), [Some(4)]);
    }

    #[test]
    fn inside_the_fence_it_may_stand() {
        assert_eq!(
            lines("crates/execmap-record/src/os/linux.rs", "unsafe fn g() {}"),
            []
        );
        assert_eq!(
            lines("crates/execmap-record/src/osmosis.rs", "unsafe fn g() {}"),
            [Some(1)]
        );
    }
}
