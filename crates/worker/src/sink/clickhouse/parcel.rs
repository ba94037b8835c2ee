//! What an epoch's rows look like while they wait, version 1:
//!
//! ```text
//! 1 | digits | scale | per table that has rows: its number | rows (u32) | bytes (u64) | the rows in RowBinary
//! ```
//!
//! Numbers are little-endian; digits and scale are those of the decimals in the rows; tables stand in the order of
//! [`Table::ALL`], whose places are their numbers. Pure.

use super::ClickHouseError;
use super::schema::Table;
use crate::decimal::FixedPoint;
use crate::sink::Parcel;

const FORMAT: u8 = 1;

/// One table's rows.
#[derive(Clone, Debug, Default)]
pub(super) struct TableRows {
    /// How many.
    pub(super) rows: u32,
    /// Them, in `RowBinary`.
    pub(super) bytes: Vec<u8>,
}

/// One table's rows, read from a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// The table.
    pub(super) table: Table,
    /// How many.
    pub(super) rows: u32,
    /// Them.
    pub(super) bytes: &'a [u8],
}

/// Puts the tables' rows, in the order of [`Table::ALL`], into a parcel; an empty one where there are none.
pub(super) fn write(amounts: FixedPoint, tables: &[TableRows; 5]) -> Parcel {
    let rows = tables.iter().map(|table| table.rows).sum();
    if rows == 0 {
        return Parcel::default();
    }
    let length = tables.iter().map(|table| table.bytes.len() + 13).sum::<usize>() + 3;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(&[FORMAT, amounts.digits(), amounts.scale()]);
    for (number, table) in tables.iter().enumerate().filter(|(_, table)| table.rows > 0) {
        bytes.push(number as u8);
        bytes.extend_from_slice(&table.rows.to_le_bytes());
        bytes.extend_from_slice(&(table.bytes.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&table.bytes);
    }
    Parcel { rows, bytes }
}

/// Reads a parcel; its rows must have amounts of this form.
pub(super) fn read(parcel: &Parcel, amounts: FixedPoint) -> Result<Vec<Section<'_>>, ClickHouseError> {
    if parcel.bytes.is_empty() {
        return Ok(Vec::new());
    }
    let cut = || ClickHouseError::Parcel("it is cut short or damaged".to_owned());
    let (&[format, digits, scale], mut rest) = parcel.bytes.split_first_chunk().ok_or_else(cut)?;
    if format != FORMAT {
        let why = format!("its form {format} is of another worker's version, this one knows {FORMAT}");
        return Err(ClickHouseError::Parcel(why));
    }
    if (digits, scale) != (amounts.digits(), amounts.scale()) {
        return Err(ClickHouseError::Parcel(format!(
            "its rows have Decimal({digits},{scale}): set sink.clickhouse.decimal_digits and \
             sink.clickhouse.decimal_scale back until what waits has been sent"
        )));
    }
    let mut sections = Vec::new();
    while let Some((&number, after)) = rest.split_first() {
        let table = Table::ALL.get(usize::from(number)).copied().ok_or_else(cut)?;
        let (rows, after) = after.split_first_chunk().ok_or_else(cut)?;
        let (length, after) = after.split_first_chunk().ok_or_else(cut)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut())?;
        let (bytes, after) = after.split_at_checked(length).ok_or_else(cut)?;
        sections.push(Section { table, rows: u32::from_le_bytes(*rows), bytes });
        rest = after;
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> FixedPoint {
        FixedPoint::new(76, 30).unwrap()
    }

    fn example() -> Parcel {
        let mut tables: [TableRows; 5] = Default::default();
        tables[0] = TableRows { rows: 2, bytes: vec![1, 2, 3] };
        tables[4] = TableRows { rows: 1, bytes: vec![9; 300] };
        write(form(), &tables)
    }

    #[test]
    fn what_is_written_is_read() {
        let parcel = example();
        assert_eq!(parcel.rows, 3);
        let sections = read(&parcel, form()).unwrap();
        assert_eq!(
            sections,
            [
                Section { table: Table::Raw, rows: 2, bytes: &[1, 2, 3] },
                Section { table: Table::DeadLetters, rows: 1, bytes: &[9; 300] },
            ]
        );
    }

    #[test]
    fn nothing_is_an_empty_parcel() {
        let parcel = write(form(), &Default::default());
        assert_eq!(parcel, Parcel::default());
        assert!(read(&parcel, form()).unwrap().is_empty());
    }

    /// Kept in states: this may never change under the same number.
    #[test]
    fn the_form_is_the_one_of_version_1() {
        let bytes = example().bytes;
        assert_eq!(bytes[..3], [1, 76, 30]);
        assert_eq!(bytes[3..19], [0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
        assert_eq!(bytes[19..32], [4, 1, 0, 0, 0, 44, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn every_cut_is_noticed_but_the_one_between_tables() {
        let whole = example();
        for length in (1..whole.bytes.len()).filter(|&length| length != 3 && length != 19) {
            let parcel = Parcel { rows: 3, bytes: whole.bytes[..length].to_vec() };
            assert!(read(&parcel, form()).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn another_form_is_refused_with_what_to_do() {
        let error = |parcel: &Parcel, form| read(parcel, form).unwrap_err().to_string();
        let text = error(&example(), FixedPoint::new(38, 10).unwrap());
        assert!(text.contains("Decimal(76,30): set sink.clickhouse.decimal_digits"), "{text}");
        for (digits, scale) in [(76, 10), (75, 30)] {
            error(&example(), FixedPoint::new(digits, scale).unwrap());
        }
        let mut later = example();
        later.bytes[0] = 2;
        assert!(error(&later, form()).contains("its form 2 is of another worker's version"));
    }
}
