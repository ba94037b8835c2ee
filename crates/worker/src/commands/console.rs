//! What the terminal can do.

/// What the terminal can do.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    /// Colour results on stdout.
    pub colour: bool,
    /// Stdout is a terminal.
    pub terminal: bool,
}
