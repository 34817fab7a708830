//! Sizes and times as people type them.

/// Reads `5MB`, `64 KiB`, `1GB`, `800000`: bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 10] = [
        ("kib", 1024.0),
        ("mib", 1_048_576.0),
        ("gib", 1_073_741_824.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("k", 1e3),
        ("m", 1e6),
        ("g", 1e9),
        ("b", 1.0),
    ];
    read(text, &UNITS, Some(1.0))
        .ok_or_else(|| "a size is a number with B, kB, MB or GB, such as 5MB".to_owned())
}

/// Reads the size of what is kept of a recording that goes on.
pub(crate) fn ring(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 1_000_000;
    let size = size(text)?;
    if size < LEAST {
        return Err("less than 1MB holds too little to be of use".to_owned());
    }
    Ok(size)
}

/// Reads `1ms`, `20us`, `0.5s`, `2min`: nanoseconds.
pub(crate) fn time(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 7] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("μs", 1e3),
        ("ms", 1e6),
        ("min", 60e9),
        ("s", 1e9),
    ];
    read(text, &UNITS, None)
        .ok_or_else(|| "a time is a number with ns, us, ms, s or min, such as 1ms".to_owned())
}

fn read(text: &str, units: &[(&str, f64)], bare: Option<f64>) -> Option<u64> {
    let text = text.trim().to_lowercase().replace(['_', ','], "");
    let unit = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = match unit {
        Some(found) => found,
        None => (text.as_str(), bare?),
    };
    let number: f64 = number.trim().parse().ok()?;
    let value = number * factor;
    (value.is_finite() && value >= 0.0).then_some(value.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_with_their_units() {
        assert_eq!(
            ["5MB", "64 KiB", "800_000", "1.5g"].map(size),
            [5_000_000, 65_536, 800_000, 1_500_000_000].map(Ok)
        );
        assert_eq!(
            ["1ms", "20us", "0.5s", "2min"].map(time),
            [1_000_000, 20_000, 500_000_000, 120_000_000_000].map(Ok)
        );
        assert!(time("5").is_err() && size("much").is_err() && size("-1").is_err());
    }
}
