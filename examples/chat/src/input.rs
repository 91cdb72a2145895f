//! The line that a person types, with a cursor.

/// A line and where the cursor stands in it, in characters.
#[derive(Debug, Default)]
pub(crate) struct Input {
    text: Vec<char>,
    cursor: usize,
}

impl Input {
    /// What was typed.
    pub(crate) fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// What stands before the cursor.
    pub(crate) fn before(&self) -> String {
        self.text[..self.cursor].iter().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn put(&mut self, c: char) {
        self.text.insert(self.cursor, c);
        self.cursor += 1;
    }

    pub(crate) fn put_all(&mut self, text: &str) {
        for c in text.chars().filter(|c| *c == '\n' || !c.is_control()) {
            self.put(c);
        }
    }

    pub(crate) fn backspace(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            self.text.remove(self.cursor);
        }
    }

    pub(crate) fn delete(&mut self) {
        if self.cursor < self.text.len() {
            self.text.remove(self.cursor);
        }
    }

    /// Takes the word before the cursor away.
    pub(crate) fn delete_word(&mut self) {
        while self.cursor > 0 && self.text[self.cursor - 1].is_whitespace() {
            self.backspace();
        }
        while self.cursor > 0 && !self.text[self.cursor - 1].is_whitespace() {
            self.backspace();
        }
    }

    pub(crate) fn left(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }

    pub(crate) fn right(&mut self) {
        self.cursor = (self.cursor + 1).min(self.text.len());
    }

    pub(crate) fn home(&mut self) {
        self.cursor = 0;
    }

    pub(crate) fn end(&mut self) {
        self.cursor = self.text.len();
    }

    /// Gives the line, and begins an empty one.
    pub(crate) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_at_its_cursor() {
        let mut input = Input::default();
        input.put_all("grün 👍 words");
        input.delete_word();
        assert_eq!(input.text(), "grün 👍 ");
        input.home();
        input.delete();
        input.right();
        input.put('x');
        assert_eq!(input.text(), "rxün 👍 ");
        assert_eq!(input.before(), "rx");
        assert_eq!(input.take(), "rxün 👍 ");
        assert!(input.is_empty());
    }
}
