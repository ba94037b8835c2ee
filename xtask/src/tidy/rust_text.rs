//! Rust source as plain text: where its tests begin, and its code without comments and literals.

use crate::tidy::tree::File;

/// The line, counted from 1, where `#[cfg(test)] mod tests` begins; a file of tests begins with them.
pub(crate) fn first_test_line(file: &File) -> Option<usize> {
    if is_test_file(&file.path) {
        return Some(1);
    }
    let mut lines = file.text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        if line == "#[cfg(test)]" {
            while lines.next_if(|(_, next)| next.starts_with("#[")).is_some() {}
            if lines.peek().is_some_and(|(_, next)| next.starts_with("mod tests")) {
                return Some(index + 1);
            }
        }
    }
    None
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.starts_with("tests/") || path.contains("/tests/")
}

/// How many lines stand before the tests.
pub(crate) fn lines_without_tests(file: &File) -> usize {
    first_test_line(file).map_or_else(|| file.text.lines().count(), |line| line - 1)
}

/// The code before the tests, comments and literals blanked out; lines stay where they are.
pub(crate) fn code_without_tests(file: &File) -> String {
    let text: String = file.text.split_inclusive('\n').take(lines_without_tests(file)).collect();
    code_only(&text)
}

/// The tests' text.
pub(crate) fn tests_of(file: &File) -> String {
    file.text.split_inclusive('\n').skip(lines_without_tests(file)).collect()
}

/// Comments, strings and character literals become blanks.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = code.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        let length = match skipped(rest, after_word) {
            0 => {
                code.push(first);
                first.len_utf8()
            }
            length => {
                let (gone, _) = rest.split_at(length);
                code.extend(gone.chars().map(|c| if c == '\n' { c } else { ' ' }));
                length
            }
        };
        rest = rest.split_at(length).1;
    }
    code
}

/// How many bytes of a comment or literal stand at the beginning; 0 if it is code.
fn skipped(rest: &str, after_word: bool) -> usize {
    let end = |from: usize, mark: &str| {
        rest.get(from..).and_then(|tail| tail.find(mark)).map_or(rest.len(), |at| from + at + mark.len())
    };
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if rest.starts_with('"') {
        return quoted(rest);
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    if !after_word {
        let prefix = rest.strip_prefix("br").or_else(|| rest.strip_prefix("cr")).or_else(|| rest.strip_prefix('r'));
        if let Some(raw) = prefix {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            if raw.get(hashes..).is_some_and(|tail| tail.starts_with('"')) {
                return end(rest.len() - raw.len() + hashes + 1, &format!("\"{}", "#".repeat(hashes)));
            }
        }
    }
    0
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn quoted(rest: &str) -> usize {
    let mut escaped = true; // the opening quote itself
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `'x'`, `'\n'`, `'\u{1f}'`; a lifetime is code.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let from = at + escaped.len_utf8();
            rest.get(from..).and_then(|tail| tail.find('\'')).map_or(0, |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("std::fs", 'x', '\'', "\"", b"y")"#, "f(         ,    ,     ,     , b   )"),
            ("r\"\\\" + br##\"a\"# b\"## + cr\"\"", "     +               +     "),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("'\\u{1f}' + '가'", "         +    "),
            ("for r in x", "for r in x"),
            ("\"open", "     "),
            ("/* open", "       "),
        ] {
            assert_eq!(code_only(text), code, "{text}");
        }
    }

    #[test]
    fn tests_begin_at_their_module() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into(), executable: false };
        let code = "//! x\n#[cfg(test)]\nuse a;\nfn f() {}\n";
        assert_eq!(lines_without_tests(&file("crates/a/src/a.rs", code)), 4);
        let with_tests = format!("{code}#[cfg(test)]\n#[expect(x)]\nmod tests {{\n}}\n");
        assert_eq!(lines_without_tests(&file("crates/a/src/a.rs", &with_tests)), 4);
        assert_eq!(tests_of(&file("crates/a/src/a.rs", &with_tests)), "#[cfg(test)]\n#[expect(x)]\nmod tests {\n}\n");
        assert_eq!(lines_without_tests(&file("crates/a/tests/a/b.rs", code)), 0);
        assert_eq!(lines_without_tests(&file("crates/a/src/a/tests.rs", code)), 0);
    }
}
