//! A change event's text: which value stands under which key. Nothing is judged here.
//!
//! `op` comes after the rows it speaks of, and whether the message is wrapped shows at its end; so every member that
//! may matter is noted in one pass. Of repeated keys the last wins: its value replaces the earlier one whole.

use super::columns::{ColumnSet, ColumnTable, RowText};
use super::json::{Broken, Code, Key, KeyHints, Reader, Span, code};

/// What is expected of a message's objects.
#[derive(Clone, Debug, Default)]
pub(super) struct Hints {
    message: KeyHints<Member>,
    payload: KeyHints<Member>,
    source: KeyHints<SourceMember>,
    row: KeyHints<ColumnSet>,
}

const AFTER: Code = code("after");
const BEFORE: Code = code("before");
const DB: Code = code("db");
const DDL: Code = code("ddl");
const EVENT_COUNT: Code = code("event_count");
const FILE: Code = code("file");
const ID: Code = code("id");
const OP: Code = code("op");
const PAYLOAD: Code = code("payload");
const POS: Code = code("pos");
const ROW: Code = code("row");
const SCHEMA: Code = code("schema");
const SOURCE: Code = code("source");
const STATUS: Code = code("status");
const TABLE: Code = code("table");
const TABLE_CHANGES: Code = code("tableChanges");
const TS_MS: Code = code("ts_ms");

/// A member of `source` that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceMember {
    Db,
    Table,
    TsMs,
    File,
    Pos,
    Row,
    Other,
}

impl SourceMember {
    fn of(key: &Key<'_>) -> Self {
        match key.code() {
            DB => Self::Db,
            TABLE => Self::Table,
            TS_MS => Self::TsMs,
            FILE => Self::File,
            POS => Self::Pos,
            ROW => Self::Row,
            _ => Self::Other,
        }
    }
}

/// `source`: where the event comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SourceText {
    /// The whole value.
    pub(super) raw: Span,
    pub(super) db: Span,
    pub(super) table: Span,
    pub(super) ts_ms: Span,
    pub(super) file: Span,
    pub(super) pos: Span,
    pub(super) row: Span,
}

impl SourceText {
    fn read(&mut self, reader: &mut Reader<'_>, hints: &mut Hints) -> Result<(), Broken> {
        if self.raw != Span::default() {
            *self = Self::default();
        }
        let start = reader.mark();
        if reader.enter_object()? {
            let mut slot = 0;
            while let Some(member) = reader.next_member(&mut hints.source, slot, SourceMember::of)? {
                slot += 1;
                let value = reader.value()?;
                match member {
                    SourceMember::Db => self.db = value,
                    SourceMember::Table => self.table = value,
                    SourceMember::TsMs => self.ts_ms = value,
                    SourceMember::File => self.file = value,
                    SourceMember::Pos => self.pos = value,
                    SourceMember::Row => self.row = value,
                    SourceMember::Other => {}
                }
            }
            self.raw = reader.since(start);
        } else {
            self.raw = reader.value()?;
        }
        Ok(())
    }
}

/// Which keys an object has, as far as they tell types of records apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys(u8);

impl Keys {
    pub(super) const TS_MS: Self = Self(1);
    pub(super) const TRANSACTION: Self = Self(Self::STATUS.0 | Self::ID.0 | Self::EVENT_COUNT.0);
    pub(super) const SCHEMA_CHANGE: Self = Self(Self::DDL.0 | Self::TABLE_CHANGES.0);
    const STATUS: Self = Self(2);
    const ID: Self = Self(4);
    const EVENT_COUNT: Self = Self(8);
    const DDL: Self = Self(16);
    const TABLE_CHANGES: Self = Self(32);
    const OTHER: Self = Self(64);

    /// Whether all of `keys` are there.
    pub(super) const fn contain(self, keys: Self) -> bool {
        self.0 & keys.0 == keys.0
    }
}

/// A member that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Before,
    After,
    Source,
    Op,
    TsMs,
    Schema,
    Payload,
    /// Only its being there counts.
    Noted(Keys),
}

impl Member {
    #[inline]
    fn of(key: &Key<'_>) -> Self {
        match key.code() {
            BEFORE => Self::Before,
            AFTER => Self::After,
            SOURCE => Self::Source,
            OP => Self::Op,
            TS_MS => Self::TsMs,
            SCHEMA => Self::Schema,
            PAYLOAD => Self::Payload,
            STATUS => Self::Noted(Keys::STATUS),
            ID => Self::Noted(Keys::ID),
            DDL => Self::Noted(Keys::DDL),
            EVENT_COUNT if key.name() == "event_count" => Self::Noted(Keys::EVENT_COUNT),
            TABLE_CHANGES if key.name() == "tableChanges" => Self::Noted(Keys::TABLE_CHANGES),
            _ => Self::Noted(Keys::OTHER),
        }
    }
}

/// A change event's members, or those of whatever object came instead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Envelope {
    pub(super) keys: Keys,
    pub(super) op: Span,
    pub(super) ts_ms: Span,
    pub(super) source: SourceText,
    pub(super) before: RowText,
    pub(super) after: RowText,
}

impl Envelope {
    /// Reads the value of `member`.
    #[inline]
    fn read_member(
        &mut self,
        member: Member,
        reader: &mut Reader<'_>,
        table: &ColumnTable,
        hints: &mut Hints,
    ) -> Result<(), Broken> {
        let mut seen = Keys::OTHER;
        match member {
            Member::Before => self.before.read(reader, table, &mut hints.row)?,
            Member::After => self.after.read(reader, table, &mut hints.row)?,
            Member::Source => self.source.read(reader, hints)?,
            Member::Op => self.op = reader.value()?,
            Member::TsMs => {
                self.ts_ms = reader.value()?;
                seen = Keys::TS_MS;
            }
            Member::Noted(keys) => {
                reader.value()?;
                seen = keys;
            }
            Member::Schema | Member::Payload => {
                reader.value()?;
            }
        }
        self.keys.0 |= seen.0;
        Ok(())
    }

    /// Reads the members of the object that was entered.
    fn read_members(&mut self, reader: &mut Reader<'_>, table: &ColumnTable, hints: &mut Hints) -> Result<(), Broken> {
        let mut slot = 0;
        while let Some(member) = reader.next_member(&mut hints.payload, slot, Member::of)? {
            slot += 1;
            self.read_member(member, reader, table, hints)?;
        }
        Ok(())
    }
}

/// A whole message: an event, bare or wrapped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Message {
    /// The whole value.
    pub(super) whole: Span,
    /// Its members, if it is an object.
    pub(super) bare: Envelope,
    /// `schema`
    pub(super) schema: Span,
    /// `payload`
    pub(super) payload: Span,
    /// The payload's members, if it is an object.
    pub(super) wrapped: Option<Envelope>,
}

impl Message {
    /// Reads a message to its end.
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        table: &ColumnTable,
        hints: &mut Hints,
    ) -> Result<(), Broken> {
        let start = reader.mark();
        if reader.enter_object()? {
            self.read_members(reader, table, hints)?;
            self.whole = reader.since(start);
        } else {
            self.whole = reader.value()?;
        }
        reader.end()
    }

    /// Reads what is left of an object to its end, with a reader that begins behind a member. `whole` and `schema` are
    /// the caller's affair.
    pub(super) fn read_rest(
        &mut self,
        reader: &mut Reader<'_>,
        table: &ColumnTable,
        hints: &mut Hints,
    ) -> Result<(), Broken> {
        self.read_members(reader, table, hints)?;
        reader.end()
    }

    #[inline]
    fn read_members(&mut self, reader: &mut Reader<'_>, table: &ColumnTable, hints: &mut Hints) -> Result<(), Broken> {
        let mut slot = 0;
        while let Some(member) = reader.next_member(&mut hints.message, slot, Member::of)? {
            slot += 1;
            match member {
                Member::Schema => {
                    self.schema = reader.value()?;
                    self.bare.keys.0 |= Keys::OTHER.0;
                }
                Member::Payload => {
                    self.read_payload(reader, table, hints)?;
                    self.bare.keys.0 |= Keys::OTHER.0;
                }
                member => self.bare.read_member(member, reader, table, hints)?,
            }
        }
        Ok(())
    }

    /// Reads a payload in place of whatever was read before.
    fn read_payload(&mut self, reader: &mut Reader<'_>, table: &ColumnTable, hints: &mut Hints) -> Result<(), Broken> {
        let start = reader.mark();
        self.wrapped = None;
        if reader.enter_object()? {
            self.wrapped.insert(Envelope::default()).read_members(reader, table, hints)?;
            self.payload = reader.since(start);
        } else {
            self.payload = reader.value()?;
        }
        Ok(())
    }
}
