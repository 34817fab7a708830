//! What the commands answer.

use std::fs;

use execmap_cli::Done;

use crate::support::{execmap, execmap_at, fib, folder, text};

#[test]
fn info_says_what_and_whether_whole() {
    let folder = folder();
    let path = fib(&folder, 4);
    insta::assert_snapshot!(execmap(&["info", text(&path)]).seen(), @r"
    exit 0
    -- out
    state       whole, 2 things left out
    calls       11 of 3 functions, 1 failed
    ran on      1 thread
    took        24 µs
    detail      calls with values
    left out    2 values hidden: token
                  secrets, by name or by shape; `--no-redact` records them
    files       fib.execmap  505 bytes
    command     fib.py 24
    folder      /src
    recorded    2026-11-20 09:40:00.000 UTC
    python      3.13.0  /usr/bin/python3
    execmap     0.1.0
    -- err
    ");
    insta::assert_snapshot!(execmap(&["info", text(folder.path()), "--json"]).out, @r#"
    {
      "schema": 1,
      "trace": "fib.execmap",
      "command": "fib.py 24",
      "argv": [
        "fib.py",
        "24"
      ],
      "calls": 11,
      "functions": 3,
      "failed": 1,
      "unfinished": 0,
      "threads": 1,
      "tasks": 0,
      "processes": 1,
      "running": 0,
      "process_list": [],
      "child_of": null,
      "duration_ns": 23999,
      "bytes": 505,
      "part_bytes": 0,
      "state": "whole",
      "verdict": "whole, 2 things left out",
      "waited_ns": 0,
      "degraded": false,
      "complete": true,
      "checked": true,
      "recovered": false,
      "python": "3.13.0",
      "executable": "/usr/bin/python3",
      "execmap": "0.1.0",
      "platform": "",
      "folder": "/src",
      "pid": null,
      "started": "2026-11-20T09:40:00.000Z",
      "detail": "calls",
      "values": true,
      "left_out": {
        "values hidden": 2
      },
      "left_out_detail": {
        "values hidden": [
          "token"
        ]
      },
      "left_out_advice": {
        "values hidden": "secrets, by name or by shape; `--no-redact` records them"
      }
    }
    "#);
}

#[test]
fn tree_fits_where_it_is_read() {
    let folder = folder();
    let path = fib(&folder, 4);
    insta::assert_snapshot!(execmap(&["tree", text(&path)]).seen(), @r"
    exit 0
    -- out
    fib.<module>() → None   22 µs
    ├─ fib.fib(n=4) → 3   17 µs
    │  ├─ fib.fib(n=3) → 2   9.0 µs
    │  │  ├─ fib.fib(n=2) → 1   5.0 µs
    │  │  │  ├─ fib.fib(n=1) → 1   1.0 µs
    │  │  │  └─ fib.fib(n=0) → 0   1.0 µs
    │  │  └─ fib.fib(n=1) → 1   1.0 µs
    │  └─ fib.fib(n=2) → 1   5.0 µs
    │     ├─ fib.fib(n=1) → 1   1.0 µs
    │     └─ fib.fib(n=0) → 0   1.0 µs
    └─ fib.fails(user='ann\x1b[31m') × ValueError: bad; one   2.0 µs
    left out: 2 values hidden. `execmap info` says more
    -- err
    ");
    insta::assert_snapshot!(execmap_at(Some(40), &["tree", text(&path), "--depth", "3"]).seen(), @r"
    exit 0
    -- out
    fib.<module>() → None   22 µs
    ├─ fib.fib(n=4) → 3   17 µs
    │  ├─ fib.fib(…) → 2   9.0 µs   ▸ 4 calls
    │  └─ fib.fib(…) → 1   5.0 µs   ▸ 2 calls
    └─ fib.fails(…) × ValueError:…   2.0 µs
    5 of 11 calls shown. More: --depth 4, --root c-2, --all
    left out: 2 values hidden. `execmap info` says more
    -- err
    ");
    insta::assert_snapshot!(execmap(&["tree", text(&path), "--rows", "5"]).seen(), @r"
    exit 0
    -- out
    fib.<module>() → None   22 µs
    ├─ fib.fib(n=4) → 3   17 µs
    │  ├─ fib.fib(n=3) → 2   9.0 µs   ▸ 4 calls
    │  └─ fib.fib(n=2) → 1   5.0 µs   ▸ 2 calls
    └─ fib.fails(user='ann\x1b[31m') × ValueError: bad; one   2.0 µs
    5 of 11 calls shown. More: --depth 4, --root c-2, --all
    left out: 2 values hidden. `execmap info` says more
    -- err
    ");
    insta::assert_snapshot!(execmap(&["tree", text(&path), "--function", "fails"]).seen(), @r"
    exit 0
    -- out
    fib.<module>() → None   22 µs
    └─ fib.fails(user='ann\x1b[31m') × ValueError: bad; one   2.0 µs
    9 calls left out by what was asked for
    left out: 2 values hidden. `execmap info` says more
    -- err
    ");
    insta::assert_snapshot!(execmap(&["tree", text(&path), "--root", "c-99"]).seen(), @r"
    exit 2
    -- out
    -- err
    error: no call c-99 in fib.execmap: it has 11 calls
    ");
}

#[test]
fn stats_count_recursion_once() {
    let folder = folder();
    let path = fib(&folder, 4);
    insta::assert_snapshot!(execmap(&["stats", text(&path)]).seen(), @r"
    exit 0
    -- out
    calls   failed     self    total     mean   slowest   function
        9             17 µs    17 µs   4.6 µs     17 µs   fib.fib        fib.py:3
        1            3.0 µs    22 µs    22 µs     22 µs   fib.<module>   fib.py:1
        1        1   2.0 µs   2.0 µs   2.0 µs    2.0 µs   fib.fails      fib.py:9
    left out: 2 values hidden. `execmap info` says more
    -- err
    ");
    insta::assert_snapshot!(execmap(&["stats", text(&path), "--sort", "calls", "-n", "1"]).seen(), @r"
    exit 0
    -- out
    calls    self   total     mean   slowest   function
        9   17 µs   17 µs   4.6 µs     17 µs   fib.fib   fib.py:3
    … 2 more functions with 2 calls: --all
    left out: 2 values hidden. `execmap info` says more
    -- err
    ");
}

#[test]
fn map_is_a_diagram_or_text() {
    let folder = folder();
    let path = fib(&folder, 24);
    insta::assert_snapshot!(execmap(&["map", text(&path), "--max-messages", "6"]).seen(), @r"
    exit 0
    -- out
    sequenceDiagram
        %% left out: 2 values hidden
        actor p0 as fib.py
        participant p1 as fib
        p0->>+p1: <module>()
        p1->>+p1: fib(n=24)
        Note over p1: 150,048 calls inside
        p1-->>-p1: 46368
        p1->>+p1: fails(user='ann\x1b[31m')
        p1--x-p1: ValueError: bad； one
        p1-->>-p0: None
    -- err
    ");
    insta::assert_snapshot!(execmap(&["map", text(&path), "-f", "text", "--depth", "2"]).seen(), @r"
    exit 0
    -- out
    fib.<module>() → None
      fib.fib(n=24) → 46368   ▸ 150,048 calls
      fib.fails(user='ann\x1b[31m') × ValueError: bad; one
    left out: 2 values hidden
    -- err
    ");
}

#[test]
fn export_writes_each_format() {
    let folder = folder();
    let path = fib(&folder, 4);
    let ndjson = execmap(&["export", "-f", "ndjson", text(&path)]);
    assert_eq!(ndjson.out.lines().count(), 11);
    insta::assert_snapshot!(ndjson.out.lines().last().unwrap_or_default(), @r#"{"handle":"c-10","parent":"c-0","created_by":null,"process":"p-0","thread":"t-0","task":null,"function":"fails","module":"__main__","file":"/src/fib.py","line":9,"call_line":1,"start_ns":19999,"end_ns":21999,"suspended_ns":0,"args":{"user":"'ann\\x1b[31m'"},"result":null,"outcome":"raised","exception":"ValueError: bad; one"}"#);
    for (name, beginning) in [
        ("fib.html", "<!doctype html>"),
        ("fib.json", "{\"schema\":1"),
        ("fib.ndjson", "{\"handle\":\"c-0\""),
        ("fib.mmd", "sequenceDiagram"),
        ("fib.md", "```mermaid"),
    ] {
        let file = folder.path().join(name);
        let ran = execmap(&["export", text(&path), "-o", text(&file)]);
        assert_eq!(ran.done, Done::Exit(0), "{}", ran.err);
        assert!(ran.err.contains(name), "{}", ran.err);
        let written = fs::read_to_string(&file).expect("the file was written");
        assert!(
            written
                .to_lowercase()
                .starts_with(&beginning.to_lowercase()),
            "{name}"
        );
    }
}

#[test]
fn colours_are_left_out_unless_wanted() {
    let folder = folder();
    let path = fib(&folder, 4);
    assert!(!execmap(&["tree", text(&path)]).out.contains('\u{1b}'));
    assert!(
        execmap(&["--color", "always", "tree", text(&path)])
            .out
            .contains("\u{1b}[1mfib\u{1b}[0m")
    );
}

#[test]
fn diff_says_what_two_runs_did_differently() {
    let folders = [folder(), folder()];
    let [old, new] = [(0, 4), (1, 5)].map(|(at, n)| fib(&folders[at], n));
    let (old, new) = (text(&old), text(&new));
    insta::assert_snapshot!(execmap(&["diff", old, old]).seen(), @r"
    exit 0
    -- out
    equal: 11 calls in the same order, with the same arguments, results and outcomes
    old  fib.execmap   11 calls   fib.py 24
    new  fib.execmap   11 calls   fib.py 24
    both runs: left out: 2 values hidden
    -- err
    ");
    insta::assert_snapshot!(execmap_at(Some(100), &["diff", old, new]).seen(), @r"
    exit 1
    -- out
    different: 4 differences, 11 → 17 calls
    old  fib.execmap   11 calls   fib.py 24
    new  fib.execmap   17 calls   fib.py 24
    both runs: left out: 2 values hidden

    first divergence
      fib.<module>()   c-0
      └─ fib.fib(n=5)   line 3   c-1
         ~ fib.fib  n: 4 → 5   1 of 15 calls

    all differences
      ~ fib.fib  n: 4 → 5   1 of 15 calls
      + fib.fib(n=4) → 3   8 calls inside   from fib.fib
      - fib.fib(n=2) → 1   2 calls inside   from fib.fib
      ~ fib.fib  result: 3 → 5   1 of 15 calls
    -- err
    ");
    insta::assert_snapshot!(execmap(&["diff", old, new, "-f", "mermaid"]).out, @r"
    sequenceDiagram
        %% different: 4 differences, 11 → 17 calls
        %% both runs: left out: 2 values hidden
        actor p0 as fib.py
        participant p1 as fib
        p0->>+p1: <module>()
        rect rgba(210, 153, 34, 0.15)
        p1->>+p1: ~ fib(n=4 → 5)
        end
        rect rgba(46, 160, 67, 0.15)
        p1->>p1: + fib.fib(n=4) → 3, 8 calls inside
        end
        rect rgba(248, 81, 73, 0.15)
        p1->>p1: - fib.fib(n=2) → 1, 2 calls inside
        end
        rect rgba(210, 153, 34, 0.15)
        p1-->>-p1: ~ 3 → 5
        end
        p1-->>-p0: the same
    ");
    let json = execmap(&["diff", old, new, "--json"]);
    assert_eq!(json.done, Done::Exit(1));
    let answer: serde_json::Value = serde_json::from_str(&json.out).expect("it is JSON");
    assert_eq!(answer["equal"], false);
    assert_eq!(answer["first"]["way"][1]["call"], "fib.fib(n=5)");
    assert_eq!(answer["changes"][0]["argument"], "n");
    assert_eq!(answer["changes"][1]["calls_inside"], 8);
    assert_eq!(execmap(&["diff", old]).done, Done::Exit(2));
    let same = execmap(&["diff", old, old, "-o", old, "-f", "text"]);
    assert_eq!(same.done, Done::Exit(2));
}

#[test]
fn documents_run_no_program_without_an_interpreter() {
    let folder = folder();
    let path = folder.path().join("guide.md");
    let document = "<!-- $ execmap run a.py\n     $ execmap map -->\n```mermaid\n```\n";
    fs::write(&path, document).expect("the folder can be written");
    let ran = execmap(&["map", "--check", text(&path)]);
    assert_eq!(ran.done, Done::Exit(2));
    assert!(
        ran.err.contains("no Python here to run a program with"),
        "{}",
        ran.err
    );
    let trace = fib(&folder, 3);
    let document = format!("<!-- $ execmap map {} -->\n```mermaid\n```\n", text(&trace));
    fs::write(&path, document).expect("the folder can be written");
    assert_eq!(
        execmap(&["map", "--check", text(&path)]).done,
        Done::Exit(1)
    );
    let update = ["map", "--check", text(&path), "--update"];
    assert_eq!(execmap(&update).done, Done::Exit(0));
    assert_eq!(
        execmap(&["map", "--check", text(&path)]).done,
        Done::Exit(0)
    );
    // Beside a document with a map, one without is no mistake.
    let plain = folder.path().join("plain.md");
    fs::write(&plain, "# Nothing\n").expect("the folder can be written");
    let both = execmap(&["map", "--check", text(&plain), text(&path)]);
    assert_eq!(both.done, Done::Exit(0));
    let alone = execmap(&["map", "--check", text(&plain)]);
    assert_eq!(alone.done, Done::Exit(2));
}
