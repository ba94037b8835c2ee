//! What a path of the API is: its method, what it takes, what it gives.

use super::reply::{Ask, Reply};

/// What is done by a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Put,
}

impl Method {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// What a path gives.
#[derive(Clone, Copy)]
pub(super) enum Gives {
    /// JSON, by this function.
    Json(fn(&Ask<'_>) -> Reply),
    /// The page and what belongs to it; served by `page`.
    Page,
    /// Prometheus' text; `true`: under Flink's names.
    Metrics(bool),
    /// `ok` while the process lives.
    Alive,
    /// `ok` once it is ready.
    Ready,
    /// Server-sent events, one a second.
    Events,
}

/// A path of the API.
pub(super) struct Route {
    pub(super) method: Method,
    /// `{…}` stands for one segment.
    pub(super) path: &'static str,
    pub(super) gives: Gives,
    pub(super) summary: &'static str,
    /// Parameters behind `?`. All may be left out.
    pub(super) query: &'static [Input],
    /// Fields of the body.
    pub(super) body: &'static [Input],
    /// The status of a good answer.
    pub(super) status: u16,
    /// Fields that a good answer always has, by their JSON type; none where it is a list.
    pub(super) fields: &'static [(&'static str, &'static str)],
}

/// Something that a path takes, behind `?` or in its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    /// What it means.
    pub(super) what: &'static str,
    /// It cannot be left out.
    pub(super) must: bool,
}

/// What values it takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Takes {
    /// Any text.
    Text,
    /// A path: any text but none.
    Path,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A whole number from 1 to this.
    Count(usize),
    /// True or false.
    Switch,
    /// False only: Flink has it, and it cannot be done here.
    Off,
}

/// One that may be left out.
pub(super) const fn input(name: &'static str, takes: Takes, what: &'static str) -> Input {
    Input { name, takes, what, must: false }
}
