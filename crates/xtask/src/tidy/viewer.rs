//! Who may import whom among the folders of `viewer/src`.

use std::sync::LazyLock;

use regex::Regex;

use super::Finding;
use super::files::ending;

const ROOT: &str = "viewer/src/";

/// From below to above; a folder imports only from rows before its own, so
/// those of one row do not know each other.
const LAYERS: &[&[&str]] = &[
    &["gen", "style"],
    &["lib"],
    &["data"],
    &["logic"],
    &["draw", "state"],
    &["views"],
    &["main"],
];

/// What an import names, in the line it stands in or ends in.
static IMPORT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:^\s*import|\bfrom|\bimport\s*\()\s*['"]([^'"]+)['"]"#)
        .expect("the pattern is a constant")
});

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let is_code = matches!(ending(path), "ts" | "tsx");
    let Some(inside) = path.strip_prefix(ROOT).filter(|_| is_code) else {
        return Vec::new();
    };
    let folder = folder_of(inside);
    let Some(own_layer) = layer(folder) else {
        let message = format!("`{folder}` has no place in the order of the viewer's folders");
        return vec![Finding::error(path, None, message)];
    };
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for import in IMPORT.captures_iter(line) {
            if let Some(message) = judge(inside, folder, own_layer, &import[1]) {
                findings.push(Finding::error(path, Some(index + 1), message));
            }
        }
    }
    findings
}

/// What is wrong with `specifier` in a file of `folder`, if anything is.
fn judge(inside: &str, folder: &str, own_layer: usize, specifier: &str) -> Option<String> {
    if !specifier.starts_with('.') {
        // The rows below drawing are plain functions, tested without a DOM.
        let is_pure = own_layer < layer("draw").unwrap_or_default();
        let is_framework = specifier == "preact" || specifier.starts_with("preact/");
        return (is_pure && is_framework).then(|| format!("{folder} may not import {specifier}"));
    }
    let target = resolve(inside, specifier)?;
    let target_folder = folder_of(&target);
    let is_allowed = target_folder == folder
        || layer(target_folder).is_some_and(|target_layer| target_layer < own_layer);
    (!is_allowed).then(|| format!("{folder} may not import from {target_folder}"))
}

/// The first part of a path; a file that lies in no folder counts as `main`.
fn folder_of(inside: &str) -> &str {
    inside.split_once('/').map_or("main", |(folder, _)| folder)
}

fn layer(folder: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&folder))
}

/// A relative import as a path below `viewer/src`; `None` when it leaves it.
fn resolve(importer: &str, specifier: &str) -> Option<String> {
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&format!("{ROOT}{path}"), text)
            .into_iter()
            .map(|found| found.to_string())
            .collect()
    }

    #[test]
    fn a_folder_imports_from_below() {
        let text = "import {fold} from '../logic/fold.ts'\nimport {h} from 'preact'\n";
        assert_eq!(messages("views/map.tsx", text), Vec::<String>::new());
    }

    #[test]
    fn imports_from_above_and_beside_are_named() {
        assert_eq!(
            messages(
                "logic/deep/fold.ts",
                "import {\n  a,\n} from '../../views/map.tsx'"
            ),
            ["viewer/src/logic/deep/fold.ts:3: logic may not import from views"]
        );
        assert_eq!(
            messages("draw/lanes.ts", "export * from '../state/url.ts'"),
            ["viewer/src/draw/lanes.ts:1: draw may not import from state"]
        );
    }

    #[test]
    fn logic_knows_no_framework() {
        assert_eq!(
            messages("logic/fold.ts", "import {useState} from 'preact/hooks'"),
            ["viewer/src/logic/fold.ts:1: logic may not import preact/hooks"]
        );
    }

    #[test]
    fn a_file_without_a_folder_is_main_and_an_unknown_folder_is_an_error() {
        assert_eq!(
            messages(
                "main.tsx",
                "import './views/page.tsx'\nimport './style/page.css'"
            ),
            Vec::<String>::new()
        );
        assert_eq!(messages("utils/x.ts", "").len(), 1);
    }
}
