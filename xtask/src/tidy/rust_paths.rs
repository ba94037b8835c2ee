//! The paths that Rust code names, `use` trees spelled out: `use std::{fs, time::Instant as I}` names `std::fs` and `std::time::Instant`.

use std::iter::Peekable;
use std::vec;

/// A path in the code, segments in order; a glob ends in `*`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RustPath {
    /// Counted from 1.
    pub(crate) line: usize,
    /// `["std", "fs"]`
    pub(crate) segments: Vec<String>,
}

/// A path may follow them with its own leading `::`; none of them is a path's beginning.
const KEYWORDS: [&str; 19] = [
    "use", "return", "in", "mut", "ref", "dyn", "impl", "for", "where", "let", "match", "if", "else", "while", "move",
    "pub", "break", "fn", "unsafe",
];

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    As,
    Keyword,
    Colons,
    Open,
    Close,
    Comma,
    Star,
    Other,
}

type Tokens = Peekable<vec::IntoIter<(usize, Token)>>;

/// All paths in code that has neither comments nor literals any more.
pub(crate) fn paths(code: &str) -> Vec<RustPath> {
    let mut tokens = tokens(code).into_iter().peekable();
    let mut found = Vec::new();
    while let Some((_, token)) = tokens.peek() {
        if matches!(token, Token::Word(_)) {
            path(&mut tokens, &mut Vec::new(), &mut found);
        } else {
            tokens.next();
        }
    }
    found
}

/// One path from here on, or the whole tree that it ends in.
fn path(tokens: &mut Tokens, segments: &mut Vec<String>, found: &mut Vec<RustPath>) {
    let mut line = 0;
    loop {
        match tokens.peek() {
            Some((at, Token::Word(word))) => {
                line = *at;
                if word != "self" || segments.is_empty() {
                    segments.push(word.clone());
                }
            }
            Some((at, Token::Star)) => {
                line = *at;
                segments.push("*".to_owned());
            }
            Some((_, Token::Open)) => return tree(tokens, segments, found),
            _ => break,
        }
        tokens.next();
        if tokens.next_if(|(_, token)| *token == Token::Colons).is_none() {
            break;
        }
    }
    if line > 0 {
        found.push(RustPath { line, segments: segments.clone() });
    }
}

fn tree(tokens: &mut Tokens, segments: &mut Vec<String>, found: &mut Vec<RustPath>) {
    tokens.next();
    let common = segments.len();
    while let Some((_, token)) = tokens.peek() {
        match token {
            Token::Close => {
                tokens.next();
                return;
            }
            Token::As => {
                tokens.next();
                tokens.next();
            }
            Token::Word(_) | Token::Star => {
                path(tokens, segments, found);
                segments.truncate(common);
            }
            _ => {
                tokens.next();
            }
        }
    }
}

fn tokens(code: &str) -> Vec<(usize, Token)> {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            let token = match c {
                c if c.is_whitespace() => continue,
                c if c.is_alphanumeric() || c == '_' => {
                    let mut word = String::from(c);
                    while let Some(next) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                        word.push(next);
                    }
                    match word.as_str() {
                        "as" => Token::As,
                        word if KEYWORDS.contains(&word) => Token::Keyword,
                        _ => Token::Word(word),
                    }
                }
                ':' if chars.next_if_eq(&':').is_some() => Token::Colons,
                '{' => Token::Open,
                '}' => Token::Close,
                ',' => Token::Comma,
                '*' => Token::Star,
                _ => Token::Other,
            };
            found.push((index + 1, token));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_spelled_out() {
        for (code, expected) in [
            ("use std::fs;", vec!["std::fs"]),
            (
                "use std::{fs, io::{self, Read as _}, time::*};",
                vec!["std::fs", "std::io", "std::io::Read", "std::time::*"],
            ),
            (
                "use ::std::{time::{Duration, Instant as Now}};\nx",
                vec!["std::time::Duration", "std::time::Instant", "x"],
            ),
            ("let a = std :: fs ::\n read(x * y);", vec!["a", "std::fs::read", "x", "y"]),
            ("Vec::<u8>::new()", vec!["Vec", "u8", "new"]),
            ("fn f() { a::b { c } }", vec!["f", "a::b", "c"]),
            ("return ::std::fs::read(p);", vec!["std::fs::read", "p"]),
            ("self.x", vec!["self", "x"]),
            ("use std::{fs", vec!["std::fs"]),
        ] {
            let found: Vec<_> = paths(code).iter().map(|path| path.segments.join("::")).collect();
            assert_eq!(found, expected, "{code}");
        }
    }

    #[test]
    fn lines_are_counted_from_one() {
        let lines: Vec<_> = paths("\nuse std::{\n  fs,\n};").iter().map(|path| path.line).collect();
        assert_eq!(lines, [3]);
    }
}
