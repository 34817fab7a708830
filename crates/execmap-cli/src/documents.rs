//! Maps in Markdown documents, with the commands they come from.
//!
//! A comment that begins with `$` stands right above the fenced block:
//!
//! ````text
//! <!-- $ execmap run examples/shop/shop.py 1042
//!      $ execmap map --max-messages 16 -->
//! ```mermaid
//! ...
//! ```
//! ````
//!
//! Its lines are commands of execmap, and nothing else: a program to record, where
//! one is, and the map.

/// A map in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// Line of the comment, from 1.
    pub(crate) line: usize,
    /// Programs to record before.
    pub(crate) runs: Vec<Vec<String>>,
    /// The words of `execmap map`, those two left out.
    pub(crate) map: Vec<String>,
    /// Where the fenced block begins, and where what follows it does: lines, from 0.
    pub(crate) block: (usize, usize),
}

/// What is wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DocumentError {
    #[error("line {line}: the comment does not end: `-->` is missing")]
    NoEnd { line: usize },
    #[error("line {line}: only `execmap run` and `execmap map` may stand here, not `{command}`")]
    NotOurs { line: usize, command: String },
    #[error(
        "line {line}: `{what}` would mean something to a shell, and there is none: quote it, or leave it out"
    )]
    Shell { line: usize, what: char },
    #[error("line {line}: a quote is not closed")]
    Quote { line: usize },
    #[error("line {line}: the last command has to be `execmap map`, and the only one")]
    NoMap { line: usize },
    #[error("line {line}: no fenced block (```mermaid) follows the comment")]
    NoBlock { line: usize },
}

const BEGIN: &str = "<!-- $ ";

/// The maps of a document that say where they come from.
pub(crate) fn maps(text: &str) -> Result<Vec<Drawn>, DocumentError> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if let Some(fence) = fence(lines[at]) {
            // What stands in a block is an example, not a command.
            at = end_of_block(&lines, at, fence);
            continue;
        }
        if !lines[at].trim_start().starts_with(BEGIN) {
            at += 1;
            continue;
        }
        let line = at + 1;
        let (commands, behind) = comment(&lines, at)?;
        let mut all = Vec::new();
        for (line, command) in commands {
            let words = words(command, line)?;
            match words.first_chunk() {
                Some([program, verb])
                    if program == "execmap" && (verb == "run" || verb == "map") =>
                {
                    all.push(words);
                }
                _ => {
                    return Err(DocumentError::NotOurs {
                        line,
                        command: command.trim().to_owned(),
                    });
                }
            }
        }
        let Some((map, runs)) = all.split_last() else {
            return Err(DocumentError::NoMap { line });
        };
        if map[1] != "map" || runs.iter().any(|words| words[1] == "map") {
            return Err(DocumentError::NoMap { line });
        }
        let begin = lines.get(behind).and_then(|line| fence(line));
        let Some(begin) = begin else {
            return Err(DocumentError::NoBlock { line });
        };
        let end = end_of_block(&lines, behind, begin);
        found.push(Drawn {
            line,
            runs: runs.iter().map(|words| words[2..].to_vec()).collect(),
            map: map[2..].to_vec(),
            block: (behind, end),
        });
        at = end;
    }
    Ok(found)
}

/// How many of which character a fence is made of.
fn fence(line: &str) -> Option<(char, usize)> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = line.chars().take_while(|c| *c == mark).count();
    (length >= 3).then_some((mark, length))
}

/// The line behind a block that begins at a line.
fn end_of_block(lines: &[&str], begin: usize, (mark, length): (char, usize)) -> usize {
    let ends = |line: &&str| {
        let line = line.trim();
        line.chars().all(|c| c == mark) && line.chars().count() >= length
    };
    let rest = &lines[begin + 1..];
    let end = rest.iter().position(ends);
    end.map_or(lines.len(), |end| begin + end + 2)
}

/// A command in a comment, and its line, from 1.
type Line<'t> = (usize, &'t str);

/// The commands of a comment with their lines, from 1, and the line behind it, from 0.
fn comment<'t>(lines: &[&'t str], begin: usize) -> Result<(Vec<Line<'t>>, usize), DocumentError> {
    let mut commands = Vec::new();
    for (at, line) in lines.iter().enumerate().skip(begin) {
        let line = line.trim();
        let line = line.strip_prefix("<!--").map_or(line, str::trim_start);
        let (line, is_last) = match line.split_once("-->") {
            Some((line, _)) => (line, true),
            None => (line, false),
        };
        let line = line.trim();
        if let Some(command) = line.strip_prefix('$') {
            commands.push((at + 1, command));
        } else if !line.is_empty() {
            return Err(DocumentError::NotOurs {
                line: at + 1,
                command: line.to_owned(),
            });
        }
        if is_last {
            return Ok((commands, at + 1));
        }
    }
    Err(DocumentError::NoEnd { line: begin + 1 })
}

/// The words of a command line: quotes and backslashes as in a shell, and nothing else of one.
fn words(command: &str, line: usize) -> Result<Vec<String>, DocumentError> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        None => return Err(DocumentError::Quote { line }),
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' => word.extend(chars.next()),
                        Some(what @ ('$' | '`')) if c == '"' => {
                            return Err(DocumentError::Shell { line, what });
                        }
                        Some(c) => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' | '*' | '?' | '~' | '#' => {
                return Err(DocumentError::Shell { line, what: c });
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// What of a diagram is compared: calls, order, counts and outcomes, a line each; nothing where a
/// line says none of these.
pub(crate) fn behaviour(line: &str) -> Option<String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with("%%") {
        return None;
    }
    if let Some((head, label)) = line.split_once(": ")
        && head.starts_with('p')
    {
        if head.contains("--x") {
            let kind = label.split([':', '(']).next().unwrap_or_default();
            return Some(format!("{head}: {kind}"));
        }
        if head.contains("-->>") {
            // A value is no behaviour, its absence is.
            let label = if label == "closed" { label } else { "" };
            return Some(format!("{head}: {label}"));
        }
        if let Some((name, rest)) = label.split_once('(') {
            let times = rest.rsplit_once(") ").map_or("", |(_, times)| times);
            let is_count = times.ends_with('×')
                && times
                    .trim_end_matches('×')
                    .chars()
                    .all(|c| c.is_ascii_digit() || c == ',');
            return Some(format!(
                "{head}: {name}() {}",
                if is_count { times } else { "" }
            ));
        }
    }
    if line.starts_with("loop ") {
        // Lines of code do not count.
        let text = line.rsplit_once(", line ").map_or(line, |(text, _)| text);
        return Some(text.to_owned());
    }
    Some(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "\
# Shop

<!-- $ execmap run examples/shop.py 'a b'
     $ execmap map --root c-12 -->
```mermaid
sequenceDiagram
```

````text
<!-- $ rm -rf / -->
```mermaid
```
````
<!-- an ordinary comment -->
<!-- $ execmap map checkout.execmap -->
~~~mermaid
";

    #[test]
    fn maps_are_found_with_their_commands() {
        let found = maps(SHOP).expect("all is well");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].runs, [["examples/shop.py", "a b"]]);
        assert_eq!(found[0].map, ["--root", "c-12"]);
        assert_eq!((found[0].line, found[0].block), (3, (4, 7)));
        assert_eq!(found[1].map, ["checkout.execmap"]);
        assert_eq!(found[1].block, (15, 16));
    }

    #[test]
    fn nothing_but_our_commands_stands_in_a_comment() {
        let error = |text: &str| maps(text).expect_err("it is refused").to_string();
        insta::assert_snapshot!(error("<!-- $ rm -rf / -->\n```mermaid\n```"), @"line 1: only `execmap run` and `execmap map` may stand here, not `rm -rf /`");
        insta::assert_snapshot!(error("<!-- $ execmap map; rm x -->\n```\n```"), @"line 1: `;` would mean something to a shell, and there is none: quote it, or leave it out");
        insta::assert_snapshot!(error("<!-- $ execmap map \"$(id)\" -->\n```\n```"), @"line 1: `$` would mean something to a shell, and there is none: quote it, or leave it out");
        insta::assert_snapshot!(error("<!-- $ execmap view\n -->"), @"line 1: only `execmap run` and `execmap map` may stand here, not `execmap view`");
        insta::assert_snapshot!(error("<!-- $ execmap map 'a -->"), @"line 1: a quote is not closed");
        insta::assert_snapshot!(error("<!-- $ execmap map"), @"line 1: the comment does not end: `-->` is missing");
        insta::assert_snapshot!(error("x\n<!-- $ execmap run a.py -->\n```\n"), @"line 2: the last command has to be `execmap map`, and the only one");
        insta::assert_snapshot!(error("<!-- $ execmap map -->\n\ntext"), @"line 1: no fenced block (```mermaid) follows the comment");
    }

    #[test]
    fn values_and_lines_of_code_are_no_behaviour() {
        let told = |line: &str| behaviour(line).unwrap_or_default();
        assert_eq!(
            told("    p0->>+p1: add(name='a) 3×', qty=2) 4×"),
            "p0->>+p1: add() 4×"
        );
        assert_eq!(told("p0->>+p1: add(name=') 3×')"), "p0->>+p1: add() ");
        assert_eq!(told("p1--xp0: KeyError: 'a'"), "p1--xp0: KeyError");
        assert_eq!(told("p1-->>-p0: 39.80"), told("p1-->>-p0: None"));
        assert_ne!(told("p1-->>-p0: closed"), told("p1-->>-p0: None"));
        assert_eq!(told("loop 40×, line 12"), "loop 40×");
        assert_eq!(
            told("Note over p1: 3 calls inside"),
            "Note over p1: 3 calls inside"
        );
        assert_eq!(behaviour("    %% left out: 8 values"), None);
    }
}
