//! Traces of every released format version, and what is said of them.

use std::fs;
use std::path::{Path, PathBuf};

use execmap_cli::Done;
use execmap_cli::testing::execmap;
use serde_json::Value;

/// Each question with the ending of the file that holds its answer: lines of JSON.
const QUESTIONS: [(&str, &[&str]); 2] = [
    ("info.json", &["info", "--json"]),
    ("ndjson", &["export", "-f", "ndjson"]),
];

/// What is answered as well; how it looks may change.
const ANSWERED: [&[&str]; 4] = [
    &["tree", "--all", "--no-fold"],
    &["stats", "--all"],
    &["map"],
    &["export", "-f", "html", "-o", "-"],
];

fn answer(question: &[&str], trace: &Path) -> String {
    let path = trace.to_str().expect("its name is ASCII");
    let ran = execmap(&[question, &[path]].concat());
    assert_eq!(
        ran.done,
        Done::Exit(0),
        "{question:?} on {path}: {}",
        ran.err
    );
    ran.out
}

fn traces() -> Vec<PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let below = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("the golden traces are there");
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let versions = below(&golden).into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_dir() && name.starts_with('v')
    });
    let files = versions.flat_map(|folder| below(&folder));
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "execmap"))
        .collect()
}

/// The JSON values in a text.
fn values(text: &str) -> Vec<Value> {
    let stream = serde_json::Deserializer::from_str(text).into_iter();
    stream.collect::<Result<_, _>>().expect("an answer is JSON")
}

/// Whether an answer says all that was said once. It may say more.
fn holds(now: &Value, known: &Value) -> bool {
    match (now, known) {
        (Value::Object(now), Value::Object(known)) => known
            .iter()
            .all(|(key, known)| now.get(key).is_some_and(|now| holds(now, known))),
        _ => now == known,
    }
}

#[test]
fn every_trace_of_every_version_is_read_as_ever() {
    let traces = traces();
    assert!(traces.len() >= 6, "the golden traces are there: {traces:?}");
    let mut differing = Vec::new();
    for trace in &traces {
        for (ending, question) in QUESTIONS {
            let expected = trace.with_extension(ending);
            let said = answer(question, trace);
            if std::env::var_os("EXECMAP_GENERATE").is_some() {
                fs::write(&expected, &said).expect("the folder can be written");
            }
            let known = fs::read_to_string(&expected).unwrap_or_default();
            let (known, now) = (values(&known), values(&said));
            let is_as_ever = known.len() == now.len()
                && !known.is_empty()
                && known.iter().zip(&now).all(|(known, now)| holds(now, known));
            if !is_as_ever {
                differing.push(format!("{}:\n{said}", expected.display()));
            }
        }
        for question in ANSWERED {
            assert_ne!(answer(question, trace), "", "{question:?}");
        }
    }
    assert!(
        differing.is_empty(),
        "answers differ from those that were given once; where that is wanted, run with EXECMAP_GENERATE=1 and look at \
         the difference line by line\n{}",
        differing.join("\n\n")
    );
}
