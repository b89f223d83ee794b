//! Amounts in öre as text.

use std::fmt::Write;

/// Whole öre as kronor in Swedish form, as the files have them: `12 345,67 kr`, thousands by a no-break space.
pub fn kronor(ore: i64) -> String {
    kronor_with(ore, ',')
}

/// The same with another decimal separator.
pub fn kronor_with(ore: i64, mark: char) -> String {
    let magnitude = ore.unsigned_abs();
    let sign = if ore < 0 { "−" } else { "" };
    let mut text = grouped(sign, itoa::Buffer::new().format(magnitude / 100));
    // Writing to a String cannot fail.
    let _ = write!(text, "{mark}{:02} kr", magnitude % 100);
    text
}

/// A number with thousands grouped by no-break spaces: `12 345`.
pub fn thousands(number: u64) -> String {
    grouped("", itoa::Buffer::new().format(number))
}

/// The same for negative numbers: `−12 345`.
pub fn signed(number: i64) -> String {
    let sign = if number < 0 { "−" } else { "" };
    grouped(sign, itoa::Buffer::new().format(number.unsigned_abs()))
}

/// A fraction, 0 or more, with so many decimals after `mark`: `12 345,67`.
pub fn decimal(number: f64, places: usize, mark: char) -> String {
    let text = format!("{number:.places$}");
    match text.split_once('.') {
        Some((whole, rest)) => format!("{}{mark}{rest}", grouped("", whole)),
        None => grouped("", &text),
    }
}

fn grouped(sign: &str, digits: &str) -> String {
    // Includes the capacity for a suffix.
    let mut text = String::with_capacity(sign.len() + digits.len() + digits.len() / 3 * 2 + ",00 kr".len());
    text.push_str(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_money_does() {
        assert_eq!(thousands(531_250), "531\u{a0}250");
        assert_eq!(signed(-16_290_058), "−16\u{a0}290\u{a0}058");
        assert_eq!(decimal(779.458, 2, ','), "779,46");
        assert_eq!(decimal(1_234.5, 1, '.'), "1\u{a0}234.5");
        assert_eq!(decimal(999.96, 1, ','), "1\u{a0}000,0");
        assert_eq!(decimal(20.0, 0, ','), "20");
    }

    #[test]
    fn money_reads_as_in_sweden() {
        assert_eq!(kronor(0), "0,00 kr");
        assert_eq!(kronor(1_234_567), "12\u{a0}345,67 kr");
        assert_eq!(kronor_with(1_234_567, '.'), "12\u{a0}345.67 kr");
        assert_eq!(kronor(-5), "−0,05 kr");
        assert_eq!(kronor(i64::MIN), "−92\u{a0}233\u{a0}720\u{a0}368\u{a0}547\u{a0}758,08 kr");
    }
}
