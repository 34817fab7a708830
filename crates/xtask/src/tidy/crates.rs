//! Who may import whom among the crates, and which outside crates belong to
//! one of ours alone.

use toml::{Table, Value};

use super::Finding;

/// Each crate with those of ours it may import: the picture in ARCHITECTURE.md
/// as a table. A crate that is not listed may not exist.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("execmap-format", &[]),
    ("execmap-record", &["execmap-format"]),
    ("execmap-query", &["execmap-format"]),
    ("execmap-map", &["execmap-query"]),
    ("execmap-export", &["execmap-query", "execmap-map"]),
    ("execmap-web", &["execmap-query", "execmap-map"]),
    (
        "execmap-cli",
        &[
            "execmap-query",
            "execmap-map",
            "execmap-export",
            "execmap-web",
        ],
    ),
    (
        "execmap-py",
        &[
            "execmap-record",
            "execmap-query",
            "execmap-map",
            "execmap-export",
            "execmap-web",
            "execmap-cli",
        ],
    ),
    ("xtask", &[]),
];

/// Outside crates that stand for a responsibility, and the one crate that has it.
const OWNED: &[(&str, &str)] = &[
    ("anyhow", "execmap-cli"),
    ("axum", "execmap-web"),
    ("clap", "execmap-cli"),
    ("hyper", "execmap-web"),
    ("libc", "execmap-record"),
    ("memmap2", "execmap-record"),
    ("pyo3", "execmap-py"),
    ("pyo3-build-config", "execmap-py"),
    ("pyo3-ffi", "execmap-py"),
    ("tokio", "execmap-web"),
];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let is_manifest = path.starts_with("crates/") && path.ends_with("/Cargo.toml");
    if !is_manifest {
        return Vec::new();
    }
    match text.parse::<Table>() {
        Ok(manifest) => check_manifest(&manifest)
            .into_iter()
            .map(|message| Finding::error(path, None, message))
            .collect(),
        Err(error) => vec![Finding::error(path, None, format!("is not TOML: {error}"))],
    }
}

fn check_manifest(manifest: &Table) -> Vec<String> {
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let Some(allowed) = may_import(name) else {
        return vec![format!(
            "crate `{name}` has no place in the table of import directions"
        )];
    };
    let mut messages = Vec::new();
    for dependency in dependencies(manifest) {
        let is_ours = may_import(&dependency.name).is_some();
        let is_allowed = match dependency.kind {
            // Tests may make their input with whatever lies below, and with features of their own crate.
            Kind::Test => dependency.name == name || lies_below(name, &dependency.name),
            Kind::Code => allowed.contains(&dependency.name.as_str()),
        };
        if is_ours && !is_allowed {
            messages.push(format!("{name} may not import {}", dependency.name));
        }
        if let Some(owner) = owner(&dependency.name)
            && owner != name
            && dependency.kind == Kind::Code
        {
            messages.push(format!(
                "only {owner} may import {}, not {name}",
                dependency.name
            ));
        }
    }
    messages
}

struct Dependency {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Test,
}

/// The packages a manifest names, those of single targets included.
fn dependencies(manifest: &Table) -> Vec<Dependency> {
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values().filter_map(Value::as_table));
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(of_section)
        .collect()
}

fn of_section(section: &Table) -> Vec<Dependency> {
    let kinds = [
        ("dependencies", Kind::Code),
        ("build-dependencies", Kind::Code),
        ("dev-dependencies", Kind::Test),
    ];
    let mut found = Vec::new();
    for (key, kind) in kinds {
        let Some(table) = section.get(key).and_then(Value::as_table) else {
            continue;
        };
        for (alias, value) in table {
            let name = value
                .get("package")
                .and_then(Value::as_str)
                .unwrap_or(alias);
            found.push(Dependency {
                name: name.to_owned(),
                kind,
            });
        }
    }
    found
}

fn may_import(name: &str) -> Option<&'static [&'static str]> {
    MAY_IMPORT
        .iter()
        .find(|(of, _)| *of == name)
        .map(|(_, allowed)| *allowed)
}

fn owner(dependency: &str) -> Option<&'static str> {
    OWNED
        .iter()
        .find(|(name, _)| *name == dependency)
        .map(|(_, owner)| *owner)
}

/// Whether `other` is reached from `name` by allowed imports.
fn lies_below(name: &str, other: &str) -> bool {
    may_import(name)
        .unwrap_or_default()
        .iter()
        .any(|below| *below == other || lies_below(below, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(name: &str, sections: &str) -> Vec<String> {
        let text = format!("[package]\nname = \"{name}\"\n{sections}");
        check(&format!("crates/{name}/Cargo.toml"), &text)
            .into_iter()
            .map(|found| found.message)
            .collect()
    }

    #[test]
    fn imports_go_one_way() {
        let format = "[dependencies]\nexecmap-format.workspace = true";
        assert_eq!(messages("execmap-query", format), Vec::<String>::new());
        assert_eq!(
            messages("execmap-web", format),
            ["execmap-web may not import execmap-format"]
        );
    }

    #[test]
    fn tests_may_reach_further_down_but_not_up() {
        let format = "[dev-dependencies]\nexecmap-format.workspace = true";
        assert_eq!(messages("execmap-web", format), Vec::<String>::new());
        let own = "[dev-dependencies]\nexecmap-web = { path = \".\", features = [\"testing\"] }";
        assert_eq!(messages("execmap-web", own), Vec::<String>::new());
        let map = "[dev-dependencies]\nexecmap-map.workspace = true";
        assert_eq!(
            messages("execmap-query", map),
            ["execmap-query may not import execmap-map"]
        );
    }

    #[test]
    fn another_name_or_one_target_does_not_hide_an_import() {
        let renamed = "[dependencies]\npython = { package = \"pyo3\", version = \"1\" }";
        let message = "only execmap-py may import pyo3, not execmap-record";
        assert_eq!(messages("execmap-record", renamed), [message]);
        let target = "[target.'cfg(unix)'.dependencies]\npyo3 = \"1\"";
        assert_eq!(messages("execmap-record", target), [message]);
    }

    #[test]
    fn a_new_crate_needs_a_place() {
        assert_eq!(messages("execmap-extra", "").len(), 1);
    }
}
