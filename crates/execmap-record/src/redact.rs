//! What must not reach the disk: secrets by the name they go under and by their shape.

use std::collections::VecDeque;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::Regex;

/// Words that make a name a secret's, compared without case and separators.
const WORDS: [&str; 24] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "secrets",
    "token",
    "tokens",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "signingkey",
    "encryptionkey",
    "authorization",
    "authtoken",
    "auth",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "sessionid",
    "csrf",
    "card",
];

/// What begins the text of each known shape; a text without any of these is not looked at further.
const STARTS: [&str; 23] = [
    "-----BEGIN",
    "eyJ",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "sk-",
    "sk_live_",
    "rk_live_",
    "AIza",
    "npm_",
    "pypi-",
    "://",
    "earer ",
    "asic ",
    "=",
    ":",
];

/// Shapes of secrets.
const SHAPES: &str = r#"(?x-u)
    -----BEGIN\ [A-Z0-9\ ]*PRIVATE\ KEY
  | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}
  | \b(?:AKIA|ASIA)[A-Z0-9]{12,}
  | \bgh[pousr]_[A-Za-z0-9]{16,} | \bgithub_pat_[A-Za-z0-9_]{16,} | \bglpat-[A-Za-z0-9_-]{16,}
  | \bxox[abeoprs]-[A-Za-z0-9-]{8,}
  | \bsk-[A-Za-z0-9_-]{16,} | \b[sr]k_live_[A-Za-z0-9]{10,}
  | \bAIza[A-Za-z0-9_-]{30,} | \bnpm_[A-Za-z0-9]{30,} | \bpypi-[A-Za-z0-9_-]{30,}
  | [A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'"]*:[^\s/@'"]+@
  | (?i:\b(?:bearer|basic))\ (?:[A-Za-z+/_.=~-]{4,}[0-9]|[A-Za-z+/_.=~-]*[0-9][A-Za-z0-9+/_.=~-]{6}|[A-Za-z0-9+/_.=~-]{2,}[a-z][A-Z][A-Za-z0-9+/_.=~-]{4})
  | (?i:(?:^|[^A-Za-z])[A-Za-z0-9]*[_-]?(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key)["']?\s*[=:]\s*["']?[^\s"',;&()\]}]{3,})
  | (?i:(?:^|[^A-Za-z])[A-Za-z0-9]*[_-]?(?:token|cookie|authorization|auth)["']?\s*[=:]\s*["']?[^\s"',;&()\]}]*[0-9][^\s"',;&()\]}]{3,})
"#;

/// Bytes of a text that are searched for shapes. What lies beyond is cut from the trace anyway.
const SEARCHED: usize = 16 << 10;
/// Bytes of a longer secret by which it is known again.
pub const REMEMBERED_BYTES: usize = 256;
/// Secrets remembered, so that they are hidden wherever they turn up again.
const REMEMBERED: usize = 64;
/// A shorter secret would hide ordinary text.
const SHORTEST: usize = 6;

/// Decides what is hidden. Remembers the secrets it hid by name, in memory only.
pub struct Redactor {
    extra: Vec<String>,
    starts: AhoCorasick,
    shapes: Regex,
    known: Known,
}

/// Secrets that were hidden by their name. A new one costs no more than the first: programs make
/// passwords by the thousand.
struct Known {
    secrets: VecDeque<Box<[u8]>>,
    /// A bit for each pair of bytes with which one of them begins.
    starts: Box<[u64; 1 << 10]>,
}

impl Known {
    fn new() -> Known {
        Known {
            secrets: VecDeque::new(),
            starts: Box::new([0; 1 << 10]),
        }
    }

    fn place(pair: &[u8]) -> (usize, u64) {
        let number = usize::from(pair[0]) << 8 | usize::from(pair[1]);
        (number >> 6, 1 << (number & 63))
    }

    fn is_in(&self, text: &[u8]) -> bool {
        !self.secrets.is_empty()
            && text.windows(2).enumerate().any(|(at, pair)| {
                let (word, bit) = Known::place(pair);
                self.starts[word] & bit != 0
                    && self
                        .secrets
                        .iter()
                        .any(|secret| text[at..].starts_with(secret))
            })
    }

    /// False when it is known already.
    fn add(&mut self, secret: &[u8]) -> bool {
        if self.secrets.iter().any(|known| **known == *secret) {
            return false;
        }
        if self.secrets.len() == REMEMBERED {
            self.secrets.pop_front();
            self.starts.fill(0);
            for secret in &self.secrets {
                let (word, bit) = Known::place(secret);
                self.starts[word] |= bit;
            }
        }
        let (word, bit) = Known::place(secret);
        self.starts[word] |= bit;
        self.secrets.push_back(secret.into());
        true
    }
}

impl Redactor {
    /// A redactor that also hides what goes under `extra` names.
    ///
    /// # Panics
    /// Never: the built-in patterns are sound, which a test shows.
    #[must_use]
    pub fn new(extra: &[String]) -> Redactor {
        let starts = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&STARTS[..STARTS.len() - 2])
            .expect("the built-in texts make a search");
        Redactor {
            extra: extra.iter().map(|name| squeeze(name)).collect(),
            starts,
            shapes: Regex::new(SHAPES).expect("the built-in patterns are sound"),
            known: Known::new(),
        }
    }

    /// Whether text under this name is a secret.
    #[must_use]
    pub fn is_secret_name(&self, name: &str) -> bool {
        let words = words_of(name);
        let is_listed =
            |text: &str| WORDS.contains(&text) || self.extra.iter().any(|extra| extra == text);
        // One word, or two neighbours that are one in the list: `api_key`.
        (0..words.len()).any(|at| {
            is_listed(&words[at])
                || words
                    .get(at + 1)
                    .is_some_and(|next| is_listed(&format!("{}{next}", words[at])))
        }) || is_listed(&squeeze(name))
    }

    /// Whether a text looks like a secret, or holds one that was hidden before.
    #[inline]
    #[must_use]
    pub fn is_secret_text(&self, text: &[u8]) -> bool {
        text.len() >= SHORTEST && self.search(&text[..text.len().min(SEARCHED)])
    }

    fn search(&self, text: &[u8]) -> bool {
        if self.known.is_in(text) {
            return true;
        }
        let may_be = memchr_any(text) || self.starts.is_match(text);
        may_be && self.shapes.is_match(text)
    }

    /// Remembers a secret that was hidden by its name; a long one by how it begins. False when it was
    /// known already, or is too short.
    pub fn remember(&mut self, secret: &[u8]) -> bool {
        let secret = &secret[..secret.len().min(REMEMBERED_BYTES)];
        secret.len() >= SHORTEST && self.known.add(secret)
    }

    /// The secrets that are remembered.
    pub fn remembered(&self) -> impl Iterator<Item = &[u8]> {
        self.known.secrets.iter().map(AsRef::as_ref)
    }

    /// A command line without its secrets: `--password x`, `--token=x`, and whatever looks like one.
    #[must_use]
    pub fn command_line(&mut self, words: &[String]) -> (Vec<String>, u64) {
        let mut hidden = 0;
        let mut is_next_secret = false;
        let mut out = Vec::with_capacity(words.len());
        for word in words {
            let mut shown = word.clone();
            let is_option = word.starts_with('-');
            if let Some((name, value)) = word.split_once('=')
                && self.is_secret_name(name)
            {
                self.remember(value.as_bytes());
                shown = format!("{name}=hidden");
            } else if (is_next_secret && !is_option) || self.is_secret_text(word.as_bytes()) {
                self.remember(word.as_bytes());
                "hidden".clone_into(&mut shown);
            }
            hidden += u64::from(shown != *word);
            is_next_secret = is_option && !word.contains('=') && self.is_secret_name(word);
            out.push(shown);
        }
        (out, hidden)
    }
}

/// Whether a text holds a sign that stands between a name and its value.
fn memchr_any(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'=' | b':'))
}

fn squeeze(name: &str) -> String {
    name.chars()
        .filter(|char| char.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The words of a name in snake, kebab or camel case, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_is_lower = false;
    for char in name.chars() {
        if !char.is_alphanumeric() || (char.is_uppercase() && before_is_lower) {
            words.push(String::new());
        }
        if char.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(char.to_lowercase());
        }
        before_is_lower = char.is_lowercase() || char.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_any_case() {
        let redactor = Redactor::new(&["pin".to_owned()]);
        for name in [
            "password",
            "db_password",
            "API_KEY",
            "apiKey",
            "X-Auth-Token",
            "Authorization",
            "pin",
            "userPin",
            "card",
        ] {
            assert!(redactor.is_secret_name(name), "{name}");
        }
        for name in [
            "author",
            "tokenizer",
            "passing",
            "spinner",
            "key",
            "cardinal",
            "discard",
        ] {
            assert!(!redactor.is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn shapes_of_secrets_are_known() {
        let redactor = Redactor::new(&[]);
        for text in [
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "postgres://admin:s3cret@db.example/shop",
            "login failed: password=hunter2x",
            "{\"api_key\": \"abcdefgh\"}",
            "Authorization: Bearer abcdefgh123",
            "Basic dXNlcjpwYXNzd29yZA==",
        ] {
            assert!(redactor.is_secret_text(text.as_bytes()), "{text}");
        }
        for text in [
            "https://example.com/a:b",
            "SELECT free FROM stock WHERE sku = ?",
            "time: 12:30",
            "a=b",
            "key: value",
        ] {
            assert!(!redactor.is_secret_text(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_secret_once_hidden_is_hidden_elsewhere() {
        let mut redactor = Redactor::new(&[]);
        assert!(!redactor.is_secret_text(b"cannot log in with hunter2!"));
        redactor.remember(b"hunter2");
        assert!(redactor.is_secret_text(b"cannot log in with hunter2!"));
    }

    #[test]
    fn a_long_secret_is_known_by_how_it_begins() {
        let mut redactor = Redactor::new(&[]);
        let secret = [vec![b'k'; 300], vec![b'l'; 100_000]].concat();
        assert!(redactor.remember(&secret));
        assert!(!redactor.remember(&secret));
        assert!(redactor.is_secret_text(&secret));
        assert!(!redactor.is_secret_text(&secret[200..]));
    }

    #[test]
    fn the_latest_secrets_are_remembered() {
        let mut redactor = Redactor::new(&[]);
        for n in 0..100 {
            assert!(redactor.remember(format!("hunter-{n:04}").as_bytes()));
        }
        let is_known = |n: u32| redactor.is_secret_text(format!("it is hunter-{n:04}.").as_bytes());
        assert!((0..36).all(|n| !is_known(n)));
        assert!((36..100).all(is_known));
        assert_eq!(redactor.remembered().count(), REMEMBERED);
    }

    #[test]
    fn command_lines_lose_their_secrets() {
        let mut redactor = Redactor::new(&[]);
        let words = [
            "shop.py",
            "--password",
            "hunter2",
            "--token=abcdef",
            "postgres://a:bcd@c/",
            "1042",
        ];
        let (shown, hidden) = redactor.command_line(&words.map(str::to_owned));
        assert_eq!(
            shown,
            [
                "shop.py",
                "--password",
                "hidden",
                "--token=hidden",
                "hidden",
                "1042"
            ]
        );
        assert_eq!(hidden, 3);
    }
}
