//! Whose code is recorded: by default the project's own.
//!
//! Patterns are path globs (`src/*.py`), module globs (`shop` or `shop.*`) or
//! `module:qualname` globs (`shop.pricing:*`). Exclusion wins over inclusion.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// A pattern that is none.
#[derive(Debug, thiserror::Error)]
#[error("not a pattern: {pattern}: {source}")]
pub struct FilterError {
    pattern: String,
    source: globset::Error,
}

/// What the filter goes by.
#[derive(Clone, Debug, Default)]
pub struct FilterOptions {
    /// Patterns of what is recorded beside the project.
    pub include: Vec<String>,
    /// Patterns of what is not recorded.
    pub exclude: Vec<String>,
    /// Folders of the project: the working directory, the script's folder.
    pub roots: Vec<PathBuf>,
    /// Folders that are never the project's: the standard library, installed packages, execmap.
    pub foreign: Vec<PathBuf>,
    /// Relative file names are taken from here.
    pub working_dir: PathBuf,
}

/// Whether code is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is.
    Recorded,
    /// It is not.
    LeftOut,
}

enum Pattern {
    Path(GlobMatcher),
    Module(GlobMatcher),
    Function(GlobMatcher, GlobMatcher),
}

/// Names of code that was typed into a prompt, a notebook, an example.
const TYPED: [&str; 4] = ["<stdin>", "<python-input", "<ipython-input", "<doctest "];

/// The decision for each code object; asked once for each.
pub struct Filter {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
    options: FilterOptions,
}

fn glob(pattern: &str) -> Result<GlobMatcher, FilterError> {
    GlobBuilder::new(pattern)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|source| FilterError {
            pattern: pattern.to_owned(),
            source,
        })
}

impl Pattern {
    fn parse(pattern: &str) -> Result<Pattern, FilterError> {
        if let Some((module, qualname)) = pattern.split_once(':') {
            return Ok(Pattern::Function(glob(module)?, glob(qualname)?));
        }
        let is_path = pattern.contains('/')
            || Path::new(pattern)
                .extension()
                .is_some_and(|end| end == "py");
        if is_path {
            glob(pattern).map(Pattern::Path)
        } else {
            glob(pattern).map(Pattern::Module)
        }
    }

    fn matches(&self, file: &Path, relative: &Path, module: &str, qualname: &str) -> bool {
        match self {
            Pattern::Path(glob) => {
                glob.is_match(relative)
                    || glob.is_match(file)
                    || file.file_name().is_some_and(|name| glob.is_match(name))
            }
            Pattern::Module(glob) => module_matches(glob, module),
            Pattern::Function(of, name) => {
                module_matches(of, module)
                    && (name.is_match(qualname)
                        || qualname
                            .rsplit("<locals>.")
                            .next()
                            .is_some_and(|last| name.is_match(last)))
            }
        }
    }
}

/// Whether a glob names a module or one of the packages around it.
fn module_matches(glob: &GlobMatcher, module: &str) -> bool {
    let ends = module
        .match_indices('.')
        .map(|(at, _)| at)
        .chain([module.len()]);
    ends.into_iter().any(|end| glob.is_match(&module[..end]))
}

impl Filter {
    /// A filter, unless a pattern is none.
    pub fn new(options: FilterOptions) -> Result<Filter, FilterError> {
        let parse = |patterns: &[String]| -> Result<Vec<Pattern>, FilterError> {
            patterns
                .iter()
                .map(|pattern| Pattern::parse(pattern))
                .collect()
        };
        Ok(Filter {
            include: parse(&options.include)?,
            exclude: parse(&options.exclude)?,
            options,
        })
    }

    /// Whether code of this file, module and qualified name is recorded.
    #[must_use]
    pub fn decide(&self, file: &str, module: &str, qualname: &str) -> Decision {
        let path = self.options.working_dir.join(file);
        let relative = path
            .strip_prefix(&self.options.working_dir)
            .unwrap_or(&path);
        // Generated code belongs to whoever runs it, so no pattern names it; what a person types in
        // is their own.
        let is_typed = TYPED.iter().any(|prefix| file.starts_with(prefix));
        let is_file = !file.starts_with('<');
        if !is_file && !is_typed && !file.starts_with("<frozen") {
            return Decision::LeftOut;
        }
        let is_named = |patterns: &[Pattern]| {
            patterns
                .iter()
                .any(|one| one.matches(&path, relative, module, qualname))
        };
        if is_named(&self.exclude) {
            return Decision::LeftOut;
        }
        if is_named(&self.include) || is_typed || (is_file && self.is_own(&path)) {
            Decision::Recorded
        } else {
            Decision::LeftOut
        }
    }

    fn is_own(&self, path: &Path) -> bool {
        if self
            .options
            .foreign
            .iter()
            .any(|folder| path.starts_with(folder))
        {
            return false;
        }
        let is_installed =
            |name: &std::ffi::OsStr| name == "site-packages" || name == "dist-packages";
        self.options.roots.iter().any(|root| {
            path.strip_prefix(root)
                .is_ok_and(|inside| !inside.iter().any(is_installed))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(
        include: &[&str],
        exclude: &[&str],
        file: &str,
        module: &str,
        qualname: &str,
    ) -> bool {
        let own = |patterns: &[&str]| patterns.iter().map(|text| (*text).to_owned()).collect();
        let options = FilterOptions {
            include: own(include),
            exclude: own(exclude),
            roots: vec!["/home/ann/shop".into()],
            foreign: vec!["/usr/lib/python3.13".into(), "/home/ann/shop/.venv".into()],
            working_dir: "/home/ann/shop".into(),
        };
        let filter = Filter::new(options).expect("the patterns are sound");
        filter.decide(file, module, qualname) == Decision::Recorded
    }

    #[test]
    fn the_project_is_recorded_and_nothing_else() {
        assert!(decide(
            &[],
            &[],
            "/home/ann/shop/cart.py",
            "cart",
            "Cart.add"
        ));
        assert!(decide(&[], &[], "cart.py", "cart", "Cart.add"));
        assert!(!decide(
            &[],
            &[],
            "/usr/lib/python3.13/json/decoder.py",
            "json.decoder",
            "x"
        ));
        assert!(!decide(&[], &[], "/home/ann/shop/.venv/lib/x.py", "x", "x"));
        assert!(!decide(
            &[],
            &[],
            "/home/ann/shop/env/lib/site-packages/x.py",
            "x",
            "x"
        ));
        assert!(!decide(&[], &[], "/home/ann/shopping/x.py", "x", "x"));
        assert!(!decide(&[], &[], "<frozen os>", "os", "x"));
        assert!(!decide(&["os"], &[], "<string>", "os", "x"));
        assert!(decide(&["os"], &[], "<frozen os>", "os", "x"));
        assert!(decide(&[], &[], "<python-input-3>", "__main__", "x"));
    }

    #[test]
    fn patterns_name_files_modules_and_functions() {
        let lib = "/usr/lib/python3.13/json/decoder.py";
        assert!(decide(&["json"], &[], lib, "json.decoder", "x"));
        assert!(decide(&["json.*"], &[], lib, "json.decoder", "x"));
        assert!(!decide(&["json"], &[], lib, "jsonschema", "x"));
        assert!(decide(&["*/json/*.py"], &[], lib, "json.decoder", "x"));
        assert!(decide(
            &["json.decoder:JSON*"],
            &[],
            lib,
            "json.decoder",
            "JSONDecoder.decode"
        ));
        assert!(!decide(
            &[],
            &["cart:Cart.*"],
            "cart.py",
            "cart",
            "Cart.add"
        ));
        assert!(!decide(
            &["cart"],
            &["cart.py"],
            "cart.py",
            "cart",
            "Cart.add"
        ));
    }
}
