//! What the writing of values needs and keeps: symbols, types, secrets, and what was left out.

use execmap_record::Redactor;
use pyo3::ffi;

use super::symbols::Symbols;
use super::types::Types;

/// What was left out of values, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LeftOut {
    pub(super) hidden: u64,
    pub(super) cut: u64,
    pub(super) not_recorded: u64,
}

/// All that is needed to write values.
pub(super) struct Values {
    pub(super) symbols: Symbols,
    pub(super) types: Types,
    pub(super) redactor: Redactor,
    pub(super) is_redacting: bool,
    pub(super) left_out: LeftOut,
    /// Names under which something was hidden, for the report.
    pub(super) hidden_names: Vec<String>,
    verdicts: Vec<(usize, isize, isize, bool)>,
}

const VERDICTS: usize = 1024;

impl Values {
    pub(super) fn new(redactor: Redactor, is_redacting: bool) -> Values {
        Values {
            symbols: Symbols::new(),
            types: Types::default(),
            redactor,
            is_redacting,
            left_out: LeftOut::default(),
            hidden_names: Vec::new(),
            verdicts: vec![(0, 0, 0, false); VERDICTS],
        }
    }

    /// Whether a text is a secret by its shape; the answer is remembered for a text that keeps its
    /// address, length and hash.
    pub(super) unsafe fn is_secret_text(&mut self, text: *mut ffi::PyObject, bytes: &[u8]) -> bool {
        if !self.is_redacting || bytes.len() < 6 {
            return false;
        }
        // SAFETY: a live `str`.
        let (len, hash) = unsafe {
            let head = text.cast::<ffi::PyASCIIObject>();
            ((*head).length, (*head).hash)
        };
        if hash == -1 {
            return self.redactor.is_secret_text(bytes);
        }
        let place = (text as usize >> 4) & (VERDICTS - 1);
        let known = self.verdicts[place];
        if (known.0, known.1, known.2) == (text as usize, len, hash) {
            return known.3;
        }
        let is_secret = self.redactor.is_secret_text(bytes);
        self.verdicts[place] = (text as usize, len, hash, is_secret);
        is_secret
    }

    /// The name of a thread or task, unless it looks like a secret.
    pub(super) fn shown_name(&mut self, name: String) -> String {
        if self.is_redacting && self.redactor.is_secret_text(name.as_bytes()) {
            self.left_out.hidden += 1;
            return "hidden".to_owned();
        }
        name
    }

    /// Remembers a secret that was hidden by its name, wherever it turns up later.
    pub(super) fn remember(&mut self, secret: &[u8]) {
        if self.redactor.remember(secret) {
            self.verdicts.fill((0, 0, 0, false));
        }
    }

    /// Counts what was hidden; a name is kept for the report when it is one, and no secret itself.
    pub(super) fn note_hidden(&mut self, name: &str) {
        self.left_out.hidden += 1;
        let is_name = name.len() <= 40
            && name
                .chars()
                .all(|char| char.is_alphanumeric() || "_-. ".contains(char));
        let name = if is_name && !self.redactor.is_secret_text(name.as_bytes()) {
            name
        } else {
            "a key"
        };
        if self.hidden_names.len() < 32 && !self.hidden_names.iter().any(|known| known == name) {
            self.hidden_names.push(name.to_owned());
        }
    }
}
