//! What is said of tables: in their files, and on the page of records.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use std::{fs, path::Path};

use sensor_records::Table;

#[test]
fn every_column_of_every_table_is_documented() {
    for table in Table::ALL {
        assert!(table.about().ends_with('.'), "{table}");
        let columns = table.columns();
        for column in &columns {
            assert!(column.documentation.ends_with('.'), "{table}.{}", column.name);
        }
        for key in table.sorted_by() {
            assert!(columns.iter().any(|column| column.name == *key), "{table}.{key}");
        }
    }
}

/// The tables of `docs/records.md`, as the schema has them.
#[test]
fn the_documentation_has_every_column() {
    const BEGIN: &str = "<!-- tables: written by a test of the records, begin -->\n";
    const END: &str = "<!-- tables: end -->";
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/records.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let tables: String = Table::ALL.into_iter().map(table_text).collect();
    if std::env::var_os("TEITEN_WRITE_DOCS").is_some() {
        fs::write(&page, format!("{before}{BEGIN}{tables}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        written, tables,
        "docs/records.md is not up to date: run `TEITEN_WRITE_DOCS=1 cargo test -p sensor-records`"
    );
}

fn table_text(table: Table) -> String {
    use std::fmt::Write as _;
    let mut text = format!("### `{table}`\n{}", table.about());
    let kept = match table.kept() {
        sensor_records::Kept::Days(days) => format!("Kept {days} days."),
        sensor_records::Kept::ForEver => "Kept for ever.".to_owned(),
    };
    write!(text, " {kept}").unwrap();
    if table.is_personal() {
        text.push_str(" **Personal data.**");
    }
    writeln!(text, " Sorted by `{}`.\n", table.sorted_by().join("`, `")).unwrap();
    text.push_str("| column | type | meaning |\n| --- | --- | --- |\n");
    for column in table.columns() {
        let missing = if column.nullable { ", may be missing" } else { "" };
        writeln!(
            text,
            "| `{}` | {}{missing} | {} |",
            column.name,
            type_name(&column.data_type),
            column.documentation
        )
        .unwrap();
    }
    text.push('\n');
    text
}

/// The name of a type in SQL.
fn type_name(data_type: &arrow_schema::DataType) -> &'static str {
    use arrow_schema::DataType;
    match data_type {
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::Float64 => "DOUBLE",
        DataType::Boolean => "BOOLEAN",
        DataType::Utf8 => "VARCHAR",
        DataType::Binary => "BLOB",
        DataType::Timestamp(..) => "TIMESTAMP",
        other => panic!("{other} has no name here"),
    }
}
