//! Capture time: the only clock below the binary.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Nanoseconds since 1970-01-01T00:00:00Z in capture time; no leap seconds. Covers 1970 to 2554.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

/// A civil date and time of day, proleptic Gregorian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year, 1970 or later.
    pub year: i64,
    /// 1..=12.
    pub month: u32,
    /// 1..=31.
    pub day: u32,
    /// 0..=23.
    pub hour: u32,
    /// 0..=59.
    pub minute: u32,
    /// 0..=59.
    pub second: u32,
}

const SECOND: u64 = 1_000_000_000;

impl Timestamp {
    /// The latest time that can be written.
    pub const MAX: Timestamp = Timestamp(u64::MAX);

    /// From whole seconds and nanoseconds, as capture files hold them; saturates.
    pub fn from_parts(seconds: u64, nanos: u64) -> Self {
        Timestamp(seconds.saturating_mul(SECOND).saturating_add(nanos))
    }

    /// Time from `earlier` to this; zero if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> u64 {
        self.0 / SECOND
    }

    /// The civil time in UTC (days-from-civil inverted: Hinnant, "chrono-compatible low-level date algorithms").
    pub fn civil(self) -> Civil {
        let seconds = self.seconds();
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        let z = days as i64 + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        Civil {
            year: yoe + era * 400 + i64::from(month <= 2),
            month: month as u32,
            day: (doy - (153 * mp + 2) / 5 + 1) as u32,
            hour: (rest / 3_600) as u32,
            minute: (rest % 3_600 / 60) as u32,
            second: (rest % 60) as u32,
        }
    }
}

/// RFC 3339 in UTC with nine decimals.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
            c.year,
            c.month,
            c.day,
            c.hour,
            c.minute,
            c.second,
            self.0 % SECOND
        )
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}

impl Span {
    /// Whole milliseconds.
    pub const fn millis(n: u64) -> Span {
        Span(n * 1_000_000)
    }
    /// Whole seconds.
    pub const fn seconds(n: u64) -> Span {
        Span(n * SECOND)
    }
    /// Whole minutes.
    pub const fn minutes(n: u64) -> Span {
        Span::seconds(n * 60)
    }
    /// Whole hours.
    pub const fn hours(n: u64) -> Span {
        Span::seconds(n * 3_600)
    }
    /// Whole days of 86,400 seconds.
    pub const fn days(n: u64) -> Span {
        Span::seconds(n * 86_400)
    }
    /// The span in seconds, for rates.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }
    /// Reads `90s`, `10m`, `2h`, `7d`, `250ms`.
    pub fn parse(text: &str) -> Option<Span> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let scale = match unit {
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3_600 * SECOND,
            "d" => 86_400 * SECOND,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(scale).map(Span)
    }
}

/// The largest unit that divides the span: `10m`, not `600s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400 * SECOND, "d"), (3_600 * SECOND, "h"), (60 * SECOND, "m"), (SECOND, "s")];
        for (size, name) in units {
            if self.0 >= size && self.0.is_multiple_of(size) {
                return write!(f, "{}{name}", self.0 / size);
            }
        }
        write!(f, "{}ms", self.0 / 1_000_000)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_u64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if !d.is_human_readable() {
            return u64::deserialize(d).map(Span);
        }
        let text = String::deserialize(d)?;
        Span::parse(&text).ok_or_else(|| {
            de::Error::custom(format!(
                "`{text}` is no length of time; write a number and ms, s, m, h or d, as in \"10m\""
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_with_nine_decimals() {
        assert_eq!(Timestamp::from_parts(0, 1).to_string(), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(Timestamp::from_parts(1_709_164_800, 0).to_string(), "2024-02-29T00:00:00.000000000Z");
        assert_eq!(Timestamp::from_parts(1_795_399_999, 5).to_string(), "2026-11-23T02:13:19.000000005Z");
    }

    #[test]
    fn a_span_is_read_and_written_in_its_largest_unit() {
        for text in ["250ms", "90s", "10m", "2h", "7d"] {
            assert_eq!(Span::parse(text).expect("a span").to_string(), text);
        }
        assert_eq!(Span::parse("600s"), Some(Span::minutes(10)));
        for wrong in ["", "10", "m", "-1s", "1w", "99999999999999999999d"] {
            assert_eq!(Span::parse(wrong), None, "{wrong}");
        }
    }
}
