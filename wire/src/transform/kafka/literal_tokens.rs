//! The tokens of Connect's literals: delimiters, and the texts between them.

/// Reads tokens, and steps back.
#[derive(Debug)]
pub(super) struct Tokens {
    text: Vec<char>,
    at: usize,
    /// A token that was looked at.
    ahead: Option<Vec<char>>,
}

impl Tokens {
    /// The tokens of a text.
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.chars().collect(),
            at: 0,
            ahead: None,
        }
    }

    /// All of the text.
    pub(super) fn original(&self) -> String {
        self.text.iter().collect()
    }

    /// Where the next token starts.
    pub(super) fn mark(&self) -> usize {
        let ahead = self.ahead.as_ref().map_or(0, Vec::len);
        self.at - ahead
    }

    /// Steps back to a mark.
    pub(super) fn rewind(&mut self, mark: usize) {
        self.at = mark;
        self.ahead = None;
    }

    /// Whether there is another token.
    pub(super) fn has_next(&self) -> bool {
        self.ahead.is_some() || self.at < self.text.len()
    }

    /// The next token.
    pub(super) fn next(&mut self) -> String {
        let token = self.ahead.take().unwrap_or_else(|| self.consume());
        token.into_iter().collect()
    }

    /// The text of the next four tokens, if there are so many.
    pub(super) fn next_four(&mut self) -> Option<String> {
        let start = self.mark();
        for _ in 0..4 {
            if !self.has_next() {
                self.rewind(start);
                return None;
            }
            self.next();
        }
        Some(self.text.get(start..self.at)?.iter().collect())
    }

    /// Takes the next token if it is this one, spaces around it aside. Blank tokens before it are
    /// gone in any case, as in Connect.
    pub(super) fn accept(&mut self, expected: &str) -> bool {
        if !self.has_next() {
            return false;
        }
        let mut token = self.ahead.take().unwrap_or_else(|| self.consume());
        while token.iter().all(|character| character.is_whitespace()) && self.at < self.text.len() {
            token = self.consume();
        }
        let text: String = token.iter().collect();
        if text.trim() == expected {
            return true;
        }
        self.ahead = Some(token);
        false
    }

    fn consume(&mut self) -> Vec<char> {
        let mut escaped = false;
        let mut token = Vec::new();
        while let Some(&character) = self.text.get(self.at) {
            if !escaped && ":,{}[]\"".contains(character) {
                if token.is_empty() {
                    token.push(character);
                    self.at += 1;
                }
                break;
            }
            escaped = character == '\\' && !escaped;
            token.push(character);
            self.at += 1;
        }
        token
    }
}
