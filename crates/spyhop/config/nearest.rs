//! The nearest known name to one that was mistyped.

/// Names longer than this are not compared: nobody mistypes them by a letter.
const LONGEST: usize = 64;

/// The known name that was most likely meant: equal but for case, `-` or the family before its dot, or a few slips away.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = plain(written);
    if wanted.is_empty() || wanted.len() > LONGEST {
        return None;
    }
    let allowed = (wanted.len() / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let whole = distance(&wanted, &plain(candidate));
        // `brute_force` for `auth.brute_force`: the family was left out.
        let last = candidate.rsplit_once('.').map_or(whole, |(_, last)| distance(&wanted, &plain(last)) + 1);
        let slips = whole.min(last);
        if slips <= allowed.max(1) && best.is_none_or(|(least, _)| slips < least) {
            best = Some((slips, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> Vec<char> {
    name.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Optimal string alignment: insertions, deletions, replacements, and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    if b.len() > LONGEST {
        return usize::MAX / 2;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut least = (above[j + 1] + 1).min(row[j] + 1).min(above[j] + usize::from(x != y));
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        let count = |a: &str, b: &str| distance(&plain(a), &plain(b));
        assert_eq!(count("passwords", "passwords"), 0);
        assert_eq!(count("passwrods", "passwords"), 1, "a swap is one slip");
        assert_eq!(count("pasword", "passwords"), 2);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("abc", ""), 3);
    }

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not_suggested() {
        let kinds = ["auth.brute_force", "auth.weak_password", "data.unmasked"];
        assert_eq!(nearest("auth.brute-force", kinds), Some("auth.brute_force"));
        assert_eq!(nearest("brute_force", kinds), Some("auth.brute_force"));
        assert_eq!(nearest("data.unmaskd", kinds), Some("data.unmasked"));
        assert_eq!(nearest("weak_pasword", kinds), Some("auth.weak_password"));
        assert_eq!(nearest("metrics", kinds), None);
        assert_eq!(nearest("", kinds), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), kinds), None);
    }
}
