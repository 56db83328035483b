//! The time zone in which people read times. What programs read is always UTC.

use std::fmt;

use jiff::tz::TimeZone;
use spyhop_model::Timestamp;

static UTC: TimeZone = TimeZone::UTC;

/// A time zone; read once and kept as long as the program runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Zone(&'static TimeZone);

impl Zone {
    /// Coordinated Universal Time.
    pub fn utc() -> Zone {
        Zone(&UTC)
    }

    /// By its name in the IANA database, such as `Asia/Shanghai`.
    ///
    /// # Errors
    /// A sentence, if there is no zone of that name.
    pub fn named(name: &str) -> Result<Zone, String> {
        match TimeZone::get(name) {
            Ok(zone) => Ok(Zone(Box::leak(Box::new(zone)))),
            Err(_) => Err(format!(
                "`{name}` is no time zone; write a name of the IANA database, such as \"Asia/Shanghai\" or \"UTC\""
            )),
        }
    }

    /// The instant that a text names: RFC 3339, or a date or a date with a time in this zone. Of a date alone it is the
    /// first instant, or the last.
    ///
    /// # Errors
    /// A sentence.
    pub fn instant(self, text: &str, last: bool) -> Result<Timestamp, String> {
        let unclear = |_| {
            format!(
                "`{text}` is no time; write a date such as 2026-11-20, with a time as in 2026-11-20T10:00:00, or RFC 3339"
            )
        };
        let nanos = |at: jiff::Timestamp| Timestamp(u64::try_from(at.as_nanosecond()).unwrap_or(0));
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Ok(nanos(at));
        }
        if let Ok(date) = text.parse::<jiff::civil::Date>()
            && !text.contains([':', 'T'])
        {
            let day = if last { date.tomorrow() } else { Ok(date) };
            let at = day.and_then(|day| self.0.to_timestamp(day.at(0, 0, 0, 0))).map_err(unclear)?;
            let at = nanos(at);
            return Ok(if last { Timestamp(at.0.saturating_sub(1)) } else { at });
        }
        let at = text.parse::<jiff::civil::DateTime>().and_then(|at| self.0.to_timestamp(at)).map_err(unclear)?;
        Ok(nanos(at))
    }

    /// In one text.
    pub fn told(self, at: Timestamp) -> String {
        let (day, clock, offset) = self.parts(at);
        format!("{day} {clock} {offset}")
    }

    /// Date, time of day to the second, and offset from UTC: `2026-11-20`, `10:00:00`, `+08:00`.
    pub(super) fn parts(self, at: Timestamp) -> (String, String, String) {
        let seconds = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
        let Ok(instant) = jiff::Timestamp::from_second(seconds) else {
            // Beyond the year 9999.
            let text = at.to_string();
            return (text, String::new(), "UTC".to_owned());
        };
        let zoned = instant.to_zoned_datetime(self.0.clone());
        let offset = if zoned.offset().is_zero() { "UTC".to_owned() } else { zoned.strftime("%:z").to_string() };
        (zoned.strftime("%Y-%m-%d").to_string(), zoned.strftime("%H:%M:%S").to_string(), offset)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.0.iana_name().unwrap_or("unnamed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_where_it_is_read() {
        let at = Timestamp::from_parts(1_795_140_000, 999_999_999);
        let parts = |zone: Zone| zone.parts(at);
        let say = |(date, time, offset): (String, String, String)| format!("{date} {time} {offset}");
        assert_eq!(say(parts(Zone::named("Asia/Shanghai").expect("a zone"))), "2026-11-20 10:00:00 +08:00");
        assert_eq!(say(parts(Zone::utc())), "2026-11-20 02:00:00 UTC");
        assert!(Zone::named("Asia/Shangai").expect_err("no zone").contains("IANA"));
        assert!(!Zone::utc().parts(Timestamp::MAX).0.is_empty());
    }
}
