//! Questions in SQL: what they may ask, and that their answers are right.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use std::{fs, path::Path, process::Command};

use arrow_array::{RecordBatch, cast::AsArray as _, types};
use sensor_common::Address;
use sensor_records::{
    Existing, Micros, Writer,
    rows::{CellRow, UniqueRow},
};
use sensor_sketch::{Distinct, OpenSet, Sketch, SourceKey};
use teiten_report::{sql::Tables, store::Store};

/// 2022-12-02 00:00 UTC.
const BEGIN: i64 = 1_669_939_200;
const MEMORY: usize = 256 << 20;

fn cell(hour: i64, port: i32, packets: i64) -> CellRow {
    CellRow {
        hour: Micros::from_seconds(hour),
        transport: "tcp".to_owned(),
        class: "scan".to_owned(),
        port: Some(port),
        packets,
        ..CellRow::default()
    }
}

fn unique(hour: i64, dimension: &str, sketch: &Sketch) -> UniqueRow {
    let family = match sketch {
        Sketch::Distinct(_) => "hll",
        Sketch::Set(_) => "theta",
    };
    UniqueRow {
        hour: Micros::from_seconds(hour),
        dimension: dimension.to_owned(),
        family: family.to_owned(),
        sketch: sketch.to_bytes(),
        estimate: sketch.estimate(),
        key_id: "k".to_owned(),
        ..UniqueRow::default()
    }
}

fn distinct(sources: std::ops::Range<u32>) -> Sketch {
    let mut sketch = Distinct::default();
    for source in sources {
        sketch.insert(SourceKey::public().hash(Address::v4(source)).coupon());
    }
    Sketch::Distinct(sketch)
}

fn set(sources: std::ops::Range<u32>) -> Sketch {
    let mut sketch = OpenSet::default();
    for source in sources {
        sketch.insert(SourceKey::public().hash(Address::v4(source)));
    }
    Sketch::Set(sketch.close())
}

/// Three hours of two sensors: each port has its number of packets, and half of each hour's sources come again.
fn records(root: &Path) {
    for sensor in ["a", "b"] {
        let writer = Writer::open(root, sensor).unwrap();
        for hour in 0..3_u32 {
            let time = BEGIN + i64::from(hour) * 3_600;
            let mut cells: Vec<_> = (1..=100).map(|port| cell(time, port, port.into())).collect();
            writer.write(time, &mut cells, &Existing::Refuse).unwrap();
            let mut uniques = vec![
                unique(time, "all", &distinct(hour * 500..hour * 500 + 1_000)),
                unique(time, "iot_syn", &set(0..1_000)),
                unique(time, "marked", &set(900..1_000 + hour)),
            ];
            writer.write(time, &mut uniques, &Existing::Refuse).unwrap();
        }
    }
}

async fn ask(root: &Path, question: &str) -> Result<Vec<RecordBatch>, String> {
    let store = Store::open(root.to_str().unwrap()).unwrap();
    let tables = Tables::open(&store, MEMORY).unwrap();
    let answer = tables.answer(question).await;
    answer
        .map(|(_, batches)| batches)
        .map_err(|error| error.to_string())
}

/// The first column as numbers.
async fn numbers(root: &Path, question: &str) -> Vec<f64> {
    let batches = ask(root, question).await.unwrap();
    let columns = batches
        .iter()
        .map(|batch| batch.column(0).as_primitive::<types::Float64Type>());
    columns.flat_map(|column| column.values().to_vec()).collect()
}

#[tokio::test]
async fn sums_are_those_of_the_rows_and_files_that_are_not_there_are_empty_tables() {
    let directory = tempfile::tempdir().unwrap();
    records(directory.path());
    let root = directory.path();
    let sums = "SELECT CAST(sum(packets) AS DOUBLE) FROM cells WHERE date = DATE '2022-12-02'";
    assert_eq!(numbers(root, sums).await, [2.0 * 3.0 * 5_050.0]);
    let of_one = "SELECT CAST(sum(packets) AS DOUBLE) FROM cells WHERE sensor = 'b' AND port = 23";
    assert_eq!(numbers(root, of_one).await, [3.0 * 23.0]);
    for table in sensor_records::Table::ALL {
        let count = format!("SELECT CAST(count(*) AS DOUBLE) FROM {table}");
        assert_eq!(numbers(root, &count).await.len(), 1, "{table}");
    }
    let none = "SELECT CAST(count(*) AS DOUBLE) FROM sources";
    assert_eq!(numbers(root, none).await, [0.0]);
}

#[tokio::test]
async fn sketches_are_estimated_merged_and_subtracted() {
    let directory = tempfile::tempdir().unwrap();
    records(directory.path());
    let root = directory.path();
    let differences = "SELECT sketch_estimate(sketch) - estimate FROM uniques";
    let differences = numbers(root, differences).await;
    assert_eq!(differences.len(), 18);
    assert!(differences.iter().all(|difference| difference.abs() < 1e-9));
    let exact = distinct(0..2_000).estimate();
    for question in [
        "SELECT sketch_distinct(sketch) FROM uniques WHERE dimension = 'all'",
        "SELECT sketch_estimate(sketch_merge(sketch)) FROM uniques WHERE dimension = 'all'",
        // In two steps as well, as over hours and then over sensors.
        "SELECT sketch_distinct(merged) FROM (SELECT sensor, sketch_merge(sketch) AS merged FROM uniques \
         WHERE dimension = 'all' GROUP BY sensor)",
    ] {
        let found = numbers(root, question).await;
        assert_eq!(found.len(), 1);
        // A merged sketch estimates by its registers alone, without the order in which they came.
        assert!(
            (found[0] / exact - 1.0).abs() < 0.03,
            "{question}: {found:?} of {exact}"
        );
    }
    let left = "SELECT sketch_estimate(sketch_without(i.sketch, m.sketch)) FROM uniques i JOIN uniques m \
        ON i.hour = m.hour AND i.sensor = m.sensor WHERE i.dimension = 'iot_syn' AND m.dimension = 'marked'";
    assert_eq!(numbers(root, left).await, [900.0; 6]);
    let mixed = "SELECT sketch_distinct(sketch) FROM uniques";
    assert!(ask(root, mixed).await.is_err());
    let wrong = "SELECT sketch_estimate(sketch_without(sketch, sketch)) FROM uniques WHERE family = 'hll'";
    assert!(ask(root, wrong).await.unwrap_err().contains("theta"));
    let garbage = "SELECT sketch_estimate(CAST('nonsense' AS BYTEA))";
    assert!(ask(root, garbage).await.is_err());
}

#[tokio::test]
async fn a_question_may_read_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    records(directory.path());
    let out = directory.path().join("out.csv");
    for question in [
        format!("COPY cells TO '{}'", out.display()),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        format!(
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{}'",
            out.display()
        ),
        "INSERT INTO cells SELECT * FROM cells".to_owned(),
        "DROP TABLE cells".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
    ] {
        assert!(ask(directory.path(), &question).await.is_err(), "{question}");
    }
    assert!(!out.exists());
    let wrong = ask(directory.path(), "SELECT nothing FROM cells")
        .await
        .unwrap_err();
    assert!(wrong.contains("the tables are cells, uniques"), "{wrong}");
}

#[tokio::test]
async fn the_documented_questions_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    records(directory.path());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/questions.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks: Vec<_> = page
        .split("```sql datafusion\n")
        .skip(1)
        .map(|block| block.split_once("```").unwrap().0)
        .collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        ask(directory.path(), block).await.unwrap();
    }
}

#[test]
fn answers_are_written_in_every_format() {
    let directory = tempfile::tempdir().unwrap();
    records(directory.path());
    let question = "SELECT hour, transport, class, port, other, packets, bytes FROM cells WHERE sensor = 'a' AND port <= 2 \
        ORDER BY hour, port";
    let run = |format: &str, out: Option<&Path>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_teiten-report"));
        command
            .args(["sql", question, "--format", format, "--data"])
            .arg(directory.path());
        if let Some(out) = out {
            command.arg("--out").arg(out);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (
            output.status.success(),
            said,
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (_, table, _) = run("table", None);
    assert!(
        table.contains("| packets |") && table.lines().count() == 6 + 4,
        "{table}"
    );
    let (_, csv, _) = run("csv", None);
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0], "hour,transport,class,port,other,packets,bytes");
    assert!(lines[2].ends_with(",tcp,scan,2,false,2,0"), "{}", lines[2]);
    let (_, json, _) = run("json", None);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 6);
    assert_eq!(json[1]["packets"], 2);
    let (well, _, said) = run("parquet", None);
    assert!(!well && said.contains("--out"), "{said}");
    let out = directory.path().join("answer.parquet");
    assert!(run("parquet", Some(&out)).0);
    let file = fs::File::open(&out).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1_024).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 6);
}
