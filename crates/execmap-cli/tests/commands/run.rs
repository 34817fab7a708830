//! What may be typed.

use execmap_cli::{Detail, Done, RunRequest, Target};

use crate::support::execmap;

fn request(args: &[&str]) -> RunRequest {
    match execmap(args).done {
        Done::Run(request) => *request,
        Done::Exit(code) => panic!("{args:?} ended with {code}"),
    }
}

#[test]
fn options_after_the_script_belong_to_the_program() {
    let run = request(&[
        "run",
        "-o",
        "x.execmap",
        "shop.py",
        "-o",
        "y",
        "--quiet",
        "--",
        "z",
    ]);
    assert_eq!(run.target, Target::Script("shop.py".into()));
    assert_eq!(run.output, Some("x.execmap".into()));
    assert_eq!(run.args, ["-o", "y", "--quiet", "--", "z"]);
    assert!(!run.quiet);

    let run = request(&[
        "--color",
        "never",
        "run",
        "--include",
        "a/*",
        "--include=b",
        "-qm",
        "pytest",
        "-x",
        "--help",
        "-m",
        "slow",
    ]);
    assert_eq!(run.target, Target::Module("pytest".into()));
    assert_eq!(run.args, ["-x", "--help", "-m", "slow"]);
    assert_eq!(run.include, ["a/*", "b"]);
    assert!(run.quiet);

    let run = request(&[
        "run",
        "--detail",
        "statements",
        "--max-size",
        "1GB",
        "-cprint(1)",
        "--no-html",
    ]);
    assert_eq!(
        (run.target, run.detail),
        (Target::Code("print(1)".into()), Detail::Statements)
    );
    assert_eq!(
        (run.args, run.max_size, run.html),
        (vec!["--no-html".into()], Some(1_000_000_000), true)
    );

    assert_eq!(request(&["run", "-", "a"]).target, Target::Stdin);
    assert_eq!(
        request(&["run", "pytest", "tests/"]).target,
        Target::Command("pytest".into())
    );
    assert_eq!(
        request(&["run", "--", "-odd.py"]).target,
        Target::Script("-odd.py".into())
    );
}

#[test]
fn help_is_short_and_has_examples() {
    insta::assert_snapshot!(execmap(&["--help"]).seen(), @r"
    exit 0
    -- out
    Records what a Python program did and draws it as a map

    Usage: execmap [OPTIONS] <COMMAND>

    Commands:
      run     Run a Python program and record it
      info    What a trace holds, and whether it is whole
      tree    The call tree
      stats   Functions by time, calls and failures
      map     The map: who called whom, as a sequence diagram
      diff    What two runs did differently
      export  Write a trace in another format

    Options:
          --color <auto|always|never>  When to use colours
      -h, --help                       Print help
      -V, --version                    Print version

    Examples:
      execmap run shop.py              record a script; writes shop.execmap and shop.html
      execmap run -m pytest tests/     record a module
      execmap tree                     the calls of the newest trace here
      execmap map shop.execmap         its map, as a Mermaid diagram
      execmap diff a.execmap b.execmap what they did differently
      execmap export -o shop.ndjson    all calls, one a line
    -- err
    ");
    insta::assert_snapshot!(execmap(&["run", "--help"]).seen(), @r"
    exit 0
    -- out
    Run a Python program and record it

    Usage: execmap run [OPTIONS] SCRIPT [ARGS]...
           execmap run [OPTIONS] -m MODULE [ARGS]...
           execmap run [OPTIONS] -c CODE [ARGS]...

    Arguments:
      [SCRIPT [ARGS]]...  The script (`-`: standard input; or a command such as pytest) and its own
                          arguments

    Options:
          --color <auto|always|never>  When to use colours
      -m <MODULE>                      Run a module, as `python -m` does
      -c <CODE>                        Run a piece of code
      -h, --help                       Print help

    Output:
      -o, --output <FILE>     Where the trace goes; NAME.execmap here when left out
          --no-html           Write no page
          --open              Open the page when the program has ended
          --page-size <SIZE>  How large the page may be [default: 5MB]
      -q, --quiet             Say nothing after the run

    What is recorded:
          --detail <WHAT>         calls, or statements too [default: calls]
          --statements <PATTERN>  Every statement of these functions
          --include <GLOB>        Record this code too, a library for instance
          --exclude <GLOB>        Do not record this code
          --no-values             Record no values: calls and times alone
          --no-boundary           Leave out calls into other people's code
          --repr                  Call `repr` of the program's own types; runs its code

    Secrets:
          --redact <NAME>  Hide values of this name too, beside password, token, ...
          --no-redact      Hide nothing

    Limits:
          --max-size <SIZE>  Stop recording before a process's trace is larger
          --max-calls <N>    Stop recording after so many calls of a process
          --ring <SIZE>      Keep the latest of a process, about so much, instead of all; 1MB or more

    Patterns are paths (`src/*.py`) or names (`shop.pricing:*`).

    Examples:
      execmap run shop.py --fast               options after the script belong to it
      execmap run -o /tmp/t.execmap -m pytest tests/
      execmap run --include 'sqlglot/*' convert.py
      execmap run --no-values --max-calls 1000000 job.py
    -- err
    ");
    insta::assert_snapshot!(execmap(&["tree", "-h"]).seen(), @r"
    exit 0
    -- out
    The call tree

    Usage: execmap tree [OPTIONS] [TRACE]

    Arguments:
      [TRACE]  The trace; the newest *.execmap here when left out

    Options:
          --color <auto|always|never>  When to use colours
          --json                       Answer in JSON
      -h, --help                       Print help

    What is shown:
      -f, --function <PATTERN>  Only calls of these functions, with the way to them: `price`, `Cart.*`,
                                `shop.cart:*`, `src/*.py`
          --min <TIME>          Only calls that took so long: `1ms`, `20us`, `0.5s`
          --root <HANDLE>       The call to begin with, such as c-12

    How much:
      -d, --depth <N>  All calls down to this depth
          --rows <N>   About so many rows, opened where it matters most [default: 120]
      -a, --all        Every call
          --no-fold    A row for each of several equal calls

    Examples:
      execmap tree --depth 5
      execmap tree --function 'shop.cart:*' --min 1ms
      execmap tree --root c-12 --all
    -- err
    ");
}
