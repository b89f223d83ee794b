//! Formatting of figures: consistent, and never truncated.

use unicode_width::UnicodeWidthStr;

use crate::{messages::Lang, shop::number_format};

/// Powers of a thousand.
const UNITS: [(u64, &str); 6] = [
    (1_000_000_000_000_000_000, "E"),
    (1_000_000_000_000_000, "P"),
    (1_000_000_000_000, "T"),
    (1_000_000_000, "G"),
    (1_000_000, "M"),
    (1_000, "k"),
];

/// The number format of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The decimal mark.
    mark: char,
}

impl Numbers {
    /// The format of `lang`.
    pub(super) fn of(lang: Lang) -> Self {
        Self { mark: lang.decimal_mark() }
    }

    /// `12 345`, or if that is too wide `12345`, `12k`, `1,2M`; if nothing fits, `~`.
    pub(super) fn count(self, number: i64, width: usize) -> String {
        let sign = if number < 0 { "−" } else { "" };
        let magnitude = number.unsigned_abs();
        let grouped = format!("{sign}{}", number_format::thousands(magnitude));
        if grouped.width() <= width {
            return grouped;
        }
        let plain = format!("{sign}{magnitude}");
        if plain.width() <= width {
            return plain;
        }
        self.shortened(sign, magnitude, "", width)
    }

    /// `12 345,67 kr`, or if that is too wide `12 345 kr`, `12 kkr`, `1,2 Mkr`.
    pub(super) fn kronor(self, ore: i64, width: usize) -> String {
        let full = number_format::kronor_with(ore, self.mark);
        if full.width() <= width {
            return full;
        }
        self.whole_kronor(ore / 100, width)
    }

    /// `12 345 kr`, or if that is too wide `12 kkr`, `1,2 Mkr`.
    pub(super) fn whole_kronor(self, kronor: i64, width: usize) -> String {
        let sign = if kronor < 0 { "−" } else { "" };
        let magnitude = kronor.unsigned_abs();
        let whole = format!("{sign}{}\u{a0}kr", number_format::thousands(magnitude));
        if whole.width() <= width {
            return whole;
        }
        self.shortened(sign, magnitude, "kr", width)
    }

    /// `402,9 Mkr`, for a sum too long for large digits; small ones stay as they are.
    pub(super) fn short_kronor(self, kronor: i64) -> String {
        let sign = if kronor < 0 { "−" } else { "" };
        self.shortened(sign, kronor.unsigned_abs(), "kr", 11)
    }

    /// `1,2 Mkr`: with a prefix for a power of a thousand; `~` if nothing fits.
    fn shortened(self, sign: &str, magnitude: u64, unit: &str, width: usize) -> String {
        let space = if unit.is_empty() { "" } else { "\u{a0}" };
        for (power, prefix) in UNITS.into_iter().filter(|(power, _)| magnitude >= *power) {
            let whole = magnitude / power;
            let fine =
                format!("{sign}{whole}{}{}{space}{prefix}{unit}", self.mark, magnitude / (power / 10) % 10);
            if fine.width() <= width {
                return fine;
            }
            let coarse = format!("{sign}{whole}{space}{prefix}{unit}");
            if coarse.width() <= width {
                return coarse;
            }
        }
        let bare = format!("{sign}{magnitude}");
        if bare.width() <= width { bare } else { "~".repeat(width.min(1)) }
    }

    /// A decimal fraction: `4,8`, and from 100 on without decimals.
    pub(super) fn decimal(self, number: f64) -> String {
        if !number.is_finite() {
            return "–".to_owned();
        }
        let tenths = (number * 10.0).round();
        if tenths.abs() >= 1000.0 {
            return self.count(whole(number), 12);
        }
        let sign = if tenths < 0.0 { "−" } else { "" };
        let tenths = whole(tenths).unsigned_abs();
        format!("{sign}{}{}{}", tenths / 10, self.mark, tenths % 10)
    }

    /// A chosen rate: without decimals if it is an integer.
    pub(super) fn rate(self, number: f64) -> String {
        if number.is_finite() && (number - number.round()).abs() < 1e-9 {
            self.count(whole(number), 12)
        } else {
            self.decimal(number)
        }
    }

    /// A change in percent: `+12 %`.
    pub(super) fn percent(self, change: f64) -> String {
        let whole = whole(change);
        let sign = if whole < 0 { "" } else { "+" };
        format!("{sign}{}\u{a0}%", self.count(whole, 6))
    }

    /// A value on a scale: `2,5`, `150`, `20k`, `3M`.
    pub(super) fn on_scale(self, value: f64, width: usize) -> String {
        if (value - value.round()).abs() > 0.01 {
            return self.decimal(value);
        }
        self.count(whole(value), width).replace(&format!("{}0", self.mark), "")
    }

    /// How long: `40 s`, `2 min 10 s`, `1 h 05 min`, `3 d 4 h`.
    pub(super) fn duration(self, seconds: i64) -> String {
        match seconds.max(0) {
            seconds @ ..60 => format!("{seconds} s"),
            seconds @ 60..3600 if seconds % 60 == 0 => format!("{} min", seconds / 60),
            seconds @ 60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
            seconds @ 3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
            seconds => format!("{} d {} h", self.count(seconds / 86_400, 12), seconds / 3600 % 24),
        }
    }

    /// A time until sold out: `12 d`, `3,4 d`, below two days `31 h`, below ten hours `1 h 50`, below one `40 min`.
    pub(super) fn lasts(self, days: f64) -> String {
        if !days.is_finite() {
            return "–".to_owned();
        }
        let minutes = whole(days * 1440.0).max(0);
        match minutes {
            ..60 => format!("{minutes} min"),
            60..600 => format!("{} h {:02}", minutes / 60, minutes % 60),
            600..2880 => format!("{} h", minutes / 60),
            2880..14_400 => format!("{} d", self.decimal(days)),
            _ => format!("{} d", self.count(minutes / 1440, 5)),
        }
    }
}

/// The nearest integer.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is what is wanted here")]
pub(super) fn whole(number: f64) -> i64 {
    number.round() as i64
}

/// A count as a signed integer, saturating.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SV: Numbers = Numbers { mark: ',' };

    #[test]
    fn figures_shrink_before_they_are_cut() {
        assert_eq!(SV.count(12_345, 6), "12\u{a0}345");
        assert_eq!(SV.count(12_345, 5), "12345");
        assert_eq!(SV.count(12_345, 4), "12k");
        assert_eq!(SV.count(1_234_567, 4), "1,2M");
        assert_eq!(SV.count(1_234_567, 2), "1M");
        assert_eq!(SV.count(-1_234, 3), "−1k");
        assert_eq!(SV.count(5, 0), "");
        assert_eq!(SV.kronor(1_234_567, 12), "12\u{a0}345,67 kr");
        assert_eq!(SV.kronor(1_234_567, 11), "12\u{a0}345\u{a0}kr");
        assert_eq!(SV.kronor(1_234_567, 8), "12,3\u{a0}kkr");
        assert_eq!(SV.decimal(4.84), "4,8");
        assert_eq!(SV.decimal(99.96), "100");
        assert_eq!(SV.decimal(1234.5), "1\u{a0}235");
        assert_eq!(SV.decimal(f64::NAN), "–");
        assert_eq!(SV.rate(5.0), "5");
        assert_eq!(SV.rate(0.5), "0,5");
    }

    #[test]
    fn decimals_are_set_as_the_language_does() {
        let en = Numbers::of(Lang::En);
        assert_eq!(Numbers::of(Lang::Sv), SV);
        let told = [
            en.count(1_234_567, 4),
            en.kronor(1_234_567, 12),
            en.whole_kronor(12_345, 8),
            en.short_kronor(402_883_266),
            en.decimal(4.84),
            en.rate(0.5),
            en.lasts(3.44),
        ];
        assert_eq!(
            told,
            ["1.2M", "12\u{a0}345.67 kr", "12.3\u{a0}kkr", "402.8\u{a0}Mkr", "4.8", "0.5", "3.4 d"]
        );
    }

    #[test]
    fn time_is_told_as_people_tell_it() {
        let told = [0, 59, 60, 130, 3_900, 90_000].map(|seconds| SV.duration(seconds));
        assert_eq!(told, ["0 s", "59 s", "1 min", "2 min 10 s", "1 h 05 min", "1 d 1 h"]);
        assert_eq!(SV.duration(-4), "0 s");
        let lasting = [0.01, 0.0764, 0.5, 1.9, 3.44, 12.7, f64::NAN].map(|days| SV.lasts(days));
        assert_eq!(lasting, ["14 min", "1 h 50", "12 h", "45 h", "3,4 d", "12 d", "–"]);
    }

    proptest! {
        #[test]
        fn a_figure_keeps_to_its_width_and_is_never_cut(number: i64, width in 0_usize..30) {
            for text in [SV.count(number, width), SV.kronor(number, width)] {
                prop_assert!(text.width() <= width, "{text:?} in {width}");
            }
            let digits: String = SV.count(number, width).chars().filter(char::is_ascii_digit).collect();
            let truth = number.unsigned_abs().to_string();
            prop_assert!(truth.starts_with(&digits), "{digits} of {truth}");
        }
    }
}
