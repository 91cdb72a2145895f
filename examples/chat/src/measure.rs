//! Texts in cells: how wide they are, where they break, what of them fits.

use ratatui::style::Style;
use ratatui::text::Span;

/// Breaks a text into rows of at most `columns` cells, between words where that can be.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in text.split('\n') {
        let mut row = String::new();
        for word in line.split_inclusive(' ') {
            if !row.is_empty() && width(&row) + width(word.trim_end()) > columns {
                rows.push(std::mem::take(&mut row).trim_end().to_owned());
            }
            if width(word) <= columns {
                row.push_str(word);
                continue;
            }
            let span = Span::raw(word);
            for grapheme in span.styled_graphemes(Style::new()) {
                if width(&row) + width(grapheme.symbol) > columns {
                    rows.push(std::mem::take(&mut row));
                }
                row.push_str(grapheme.symbol);
            }
        }
        rows.push(row.trim_end().to_owned());
    }
    rows
}

/// The beginning of a text that fits, with an ellipsis if it is not all.
pub(crate) fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut clipped = String::new();
    for grapheme in Span::raw(text).styled_graphemes(Style::new()) {
        if width(&clipped) + width(grapheme.symbol) + 1 > columns {
            break;
        }
        clipped.push_str(grapheme.symbol);
    }
    if columns > 0 {
        clipped.push('…');
    }
    clipped
}

/// The cells that a text takes.
pub(crate) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

pub(crate) fn cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(wrap("👩‍👩‍👧👩‍👩‍👧", 2), ["👩‍👩‍👧", "👩‍👩‍👧"]);
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(clip("conversation", 6), "conve…");
        assert_eq!(clip("漢字漢字", 4), "漢…");
        assert_eq!(clip("short", 6), "short");
    }
}
