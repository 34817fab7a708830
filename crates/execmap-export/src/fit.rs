//! Maps that are written within a limit.

use execmap_map::{Folded, Map, MapError, MapQuery, fold_map};
use execmap_query::Trace;

/// How long a written map may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Without a limit.
    None,
    /// So many characters, those outside Unicode's first plane counted twice, as Mermaid does.
    Chars(usize),
    /// So many tokens of a language model, about: three bytes each.
    Tokens(usize),
}

impl Limit {
    fn of(self, text: &str) -> usize {
        match self {
            Limit::None => 0,
            Limit::Chars(_) => text.encode_utf16().count(),
            Limit::Tokens(_) => text.len().div_ceil(3),
        }
    }

    fn most(self) -> usize {
        match self {
            Limit::None => usize::MAX,
            Limit::Chars(most) | Limit::Tokens(most) => most,
        }
    }
}

/// Values are cut to so many characters, to fewer where the map grows too long.
const VALUE_CHARS: [usize; 3] = [40, 24, 12];

/// The map as text: with shorter values where it is too long, then with fewer messages.
pub fn fitted(
    trace: &Trace,
    folded: &Folded,
    query: &MapQuery,
    limit: Limit,
    render: &dyn Fn(&Map, usize) -> String,
) -> Result<String, MapError> {
    let mut query = query.clone();
    loop {
        let map = fold_map(trace, folded, &query)?;
        let mut length = 0;
        for value_chars in VALUE_CHARS {
            let text = render(&map, value_chars);
            length = limit.of(&text);
            if length <= limit.most() {
                return Ok(text);
            }
        }
        let messages = map.messages();
        if messages <= 2 {
            return Err(MapError::TooShort { least: length });
        }
        query.messages = Some((messages * 3 / 4).max(2));
    }
}
