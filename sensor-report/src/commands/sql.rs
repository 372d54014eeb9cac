//! `teiten-report sql`: asks the tables, and writes the answer.

use std::{
    fs::File,
    io::{Write, stdout},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use arrow_array::RecordBatch;
use datafusion::arrow::{csv, json, util::pretty::pretty_format_batches_with_schema};
use parquet::arrow::ArrowWriter;
use teiten_report::sql::Tables;

use crate::cli::{Format, SqlOptions};

/// Asks and writes.
///
/// # Errors
/// When the question is wrong, or the answer cannot be written.
pub(crate) fn run(options: &SqlOptions) -> Result<()> {
    let store = options.data.open()?;
    let tables = Tables::open(&store, options.memory.saturating_mul(1 << 20))?;
    let runtime = tokio::runtime::Runtime::new().context("no threads can be started")?;
    let (schema, batches) = runtime.block_on(tables.answer(&options.question))?;
    let mut out: Box<dyn Write + Send> = match &options.out {
        Some(path) => {
            Box::new(File::create(path).with_context(|| format!("{} cannot be made", path.display()))?)
        }
        None if options.format == Format::Parquet => {
            bail!("Parquet is no text: add `--out FILE`")
        }
        None => Box::new(stdout()),
    };
    match options.format {
        Format::Table => {
            let text =
                pretty_format_batches_with_schema(schema, &batches).context("the answer cannot be shown")?;
            writeln!(out, "{text}").context("the answer cannot be written")?;
        }
        Format::Csv => {
            let mut writer = csv::WriterBuilder::new().with_header(true).build(&mut out);
            let empty = RecordBatch::new_empty(Arc::clone(&schema));
            // Without rows there is still the line of names.
            let first = if batches.is_empty() { Some(&empty) } else { None };
            for batch in first.into_iter().chain(&batches) {
                writer
                    .write(batch)
                    .context("the answer cannot be written as CSV")?;
            }
        }
        Format::Json => {
            let mut writer = json::ArrayWriter::new(&mut out);
            for batch in &batches {
                writer
                    .write(batch)
                    .context("the answer cannot be written as JSON")?;
            }
            writer.finish().context("the answer cannot be written as JSON")?;
            writeln!(out).context("the answer cannot be written")?;
        }
        Format::Parquet => {
            let mut writer =
                ArrowWriter::try_new(&mut out, schema, None).context("the answer cannot be written")?;
            for batch in &batches {
                writer
                    .write(batch)
                    .context("the answer cannot be written as Parquet")?;
            }
            writer
                .close()
                .context("the answer cannot be written as Parquet")?;
        }
    }
    out.flush().context("the answer cannot be written")
}
