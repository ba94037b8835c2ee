//! Times as people and programs read them: RFC 3339 UTC with milliseconds in JSON, the configured zone in text.

use jiff::{Timestamp, tz::TimeZone};

/// The smallest time that can be printed: 0001-01-01T00:00:00.000Z, in milliseconds since the Unix epoch.
pub const MIN_TIME_MS: i64 = -62_135_596_800_000;
/// The largest: 9999-12-31T23:59:59.999Z.
pub const MAX_TIME_MS: i64 = 253_402_300_799_999;

const DAY_MS: i64 = 86_400_000;

/// Appends `2026-02-12T04:57:38.000Z`. Times beyond [`MIN_TIME_MS`]..=[`MAX_TIME_MS`] are refused before they get here;
/// they print as the nearest that can be.
pub fn write_rfc3339(time_ms: i64, out: &mut Vec<u8>) {
    let time_ms = time_ms.clamp(MIN_TIME_MS, MAX_TIME_MS);
    let (year, month, day) = civil_date(time_ms.div_euclid(DAY_MS));
    let in_day_ms = time_ms.rem_euclid(DAY_MS);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put_digits(&mut text[0..4], year);
    put_digits(&mut text[5..7], month);
    put_digits(&mut text[8..10], day);
    put_clock(&mut text[11..19], in_day_ms / 1_000);
    put_digits(&mut text[20..23], in_day_ms % 1_000);
    out.extend_from_slice(&text);
}

/// The zone in which text output prints its times.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl From<TimeZone> for Zone {
    fn from(zone: TimeZone) -> Self {
        Self(zone)
    }
}

impl Zone {
    /// A zone of the IANA database (`Asia/Seoul`, `UTC`), which is built into the program.
    pub fn named(name: &str) -> Result<Self, jiff::Error> {
        TimeZone::get(name).map(Self)
    }

    /// Appends `13:57:02`.
    pub fn write_time(&self, time_ms: i64, out: &mut Vec<u8>) {
        let mut text = *b"00:00:00";
        put_clock(&mut text, self.local_ms(time_ms).rem_euclid(DAY_MS) / 1_000);
        out.extend_from_slice(&text);
    }

    /// Appends `2026-02-12 13:57:38`.
    pub fn write_date_time(&self, time_ms: i64, out: &mut Vec<u8>) {
        let local_ms = self.local_ms(time_ms);
        let (year, month, day) = civil_date(local_ms.div_euclid(DAY_MS));
        // A zone may lead out of the years that have four digits, by hours.
        let year = year.clamp(0, 9999);
        let mut text = *b"0000-00-00 00:00:00";
        put_digits(&mut text[0..4], year);
        put_digits(&mut text[5..7], month);
        put_digits(&mut text[8..10], day);
        put_clock(&mut text[11..19], local_ms.rem_euclid(DAY_MS) / 1_000);
        out.extend_from_slice(&text);
    }

    fn local_ms(&self, time_ms: i64) -> i64 {
        let offset_s = Timestamp::from_millisecond(time_ms).map_or(0, |time| self.0.to_offset(time).seconds());
        time_ms.clamp(MIN_TIME_MS, MAX_TIME_MS) + i64::from(offset_s) * 1_000
    }
}

/// Days since 1970-01-01 → (year, month, day), proleptic Gregorian (H. Hinnant, `civil_from_days`).
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `00:00:00`, filled in.
fn put_clock(text: &mut [u8], second_of_day: i64) {
    put_digits(&mut text[0..2], second_of_day / 3_600);
    put_digits(&mut text[3..5], second_of_day / 60 % 60);
    put_digits(&mut text[6..8], second_of_day % 60);
}

/// The last digits of a number that is not negative, as many as `text` is long.
fn put_digits(text: &mut [u8], value: i64) {
    let mut rest = value as u32;
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc3339(time_ms: i64) -> String {
        let mut out = Vec::new();
        write_rfc3339(time_ms, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rfc3339_in_utc_with_milliseconds() {
        // Right-hand sides from `date -u -d @SECONDS`.
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_770_872_258_000), "2026-02-12T04:57:38.000Z");
        assert_eq!(rfc3339(951_782_400_007), "2000-02-29T00:00:00.007Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(MIN_TIME_MS), "0001-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(MAX_TIME_MS), "9999-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_day_agrees_with_jiff() {
        for day in (-719_000..2_932_000).step_by(97) {
            let time_ms = day * DAY_MS + 43_210_123;
            let expected = Timestamp::from_millisecond(time_ms).unwrap().strftime("%Y-%m-%dT%H:%M:%S.123Z").to_string();
            assert_eq!(rfc3339(time_ms), expected);
        }
    }

    #[test]
    fn text_prints_in_the_zone() {
        let zone = Zone::named("Asia/Seoul").unwrap();
        let mut out = Vec::new();
        zone.write_date_time(1_770_872_258_000, &mut out);
        out.push(b'|');
        zone.write_time(1_770_872_400_000, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "2026-02-12 13:57:38|14:00:00");
        assert!(Zone::named("Asia/Soul").is_err());
    }

    #[test]
    fn zones_with_summer_time_follow_it() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let mut out = Vec::new();
        zone.write_date_time(1_782_864_000_000, &mut out); // 2026-07-01T00:00:00Z
        assert_eq!(String::from_utf8(out).unwrap(), "2026-07-01 02:00:00");
    }
}
