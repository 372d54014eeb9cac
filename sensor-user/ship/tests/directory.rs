//! Shipping to a directory: what is written there, and what is not.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

mod support;

use std::{fs, sync::Arc};

use sensor_records::{Manifest, Place, Table, Writer, verify};
use sensor_ship::{Shipper, Status, Target};
use support::{BEGIN, QUICK, files, records, ship, wait_for, write};
use tokio::sync::watch;

fn target(directory: &std::path::Path) -> Target {
    Target::open(directory.to_str().unwrap(), None, None).unwrap()
}

#[tokio::test]
async fn every_closed_file_arrives_and_a_damaged_one_does_not_until_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (root, to) = (directory.path().join("records"), directory.path().join("to"));
    records(&root, 30);
    let damaged = root.join(Place::of(Table::Cells, "a", BEGIN).path());
    let original = fs::read(&damaged).unwrap();
    let mut changed = original.clone();
    changed[100] ^= 1;
    fs::write(&damaged, &changed).unwrap();
    let status = Arc::new(Status::default());
    let mut shipper = Shipper::new(&root, "a", target(&to), Arc::clone(&status));
    for _ in 0..2 {
        shipper.round().await.unwrap();
        assert_eq!((status.shipped(), status.backlog()), (29, 1));
    }
    assert!(!to.join(Place::of(Table::Cells, "a", BEGIN).path()).exists());
    // What is there is what its manifest says.
    let verified = verify(&to).unwrap();
    assert_eq!((verified.files, verified.faults), (29, vec![]));
    fs::write(&damaged, &original).unwrap();
    shipper.round().await.unwrap();
    assert_eq!((status.shipped(), status.backlog()), (30, 0));
    assert_eq!(files(&to, "a"), files(&root, "a"));
    assert!(files(&to, "b").is_empty());
    assert!(verify(&to).unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_new_process_sends_what_is_new_and_asks_for_nothing_that_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    let (root, to) = (directory.path().join("records"), directory.path().join("to"));
    records(&root, 30);
    let first = Arc::new(Status::default());
    let mut shipper = Shipper::new(&root, "a", target(&to), Arc::clone(&first));
    shipper.round().await.unwrap();
    assert_eq!(first.shipped(), 30);
    // Were it asked for, it would be found to be missing, and sent again.
    let listed = to.join(Place::of(Table::Cells, "a", BEGIN).path());
    fs::remove_file(&listed).unwrap();
    write(&Writer::open(&root, "a").unwrap(), 30);
    let second = Arc::new(Status::default());
    let mut shipper = Shipper::new(&root, "a", target(&to), Arc::clone(&second));
    shipper.round().await.unwrap();
    assert_eq!((second.shipped(), second.backlog()), (1, 0));
    assert!(!listed.exists());
    // Without its manifest each file of a day is looked at.
    let day = Manifest::new(Place::of(Table::Cells, "a", BEGIN).day, "a");
    fs::remove_file(to.join(day.path())).unwrap();
    let third = Arc::new(Status::default());
    let mut shipper = Shipper::new(&root, "a", target(&to), Arc::clone(&third));
    shipper.round().await.unwrap();
    assert_eq!(third.shipped(), 1);
    assert_eq!(files(&to, "a"), files(&root, "a"));
}

#[tokio::test]
async fn what_the_sensor_removes_stays_where_it_was_shipped_to_and_is_listed_there() {
    let directory = tempfile::tempdir().unwrap();
    let (root, to) = (directory.path().join("records"), directory.path().join("to"));
    records(&root, 3);
    let mut shipper = Shipper::new(&root, "a", target(&to), Arc::default());
    shipper.round().await.unwrap();
    let place = Place::of(Table::Cells, "a", BEGIN);
    let writer = Writer::open(&root, "a").unwrap();
    writer.remove(&place, "disk").unwrap();
    write(&writer, 3);
    shipper.round().await.unwrap();
    assert!(files(&to, "a").contains_key(&place.path()));
    let verified = verify(&to).unwrap();
    assert_eq!((verified.files, verified.faults), (4, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipper_that_dies_at_any_point_leaves_nothing_that_the_next_one_does_not_mend() {
    let directory = tempfile::tempdir().unwrap();
    let (root, to) = (directory.path().join("records"), directory.path().join("to"));
    records(&root, 60);
    let mut random = fastrand::Rng::with_seed(3);
    let mut deaths = 0;
    loop {
        let status = Arc::new(Status::default());
        let (stop, shipping) = ship(&root, target(&to), &status);
        let wanted = random.u64(1..12);
        wait_for("some files", || {
            status.shipped() >= wanted || files(&to, "a") == files(&root, "a")
        })
        .await;
        if files(&to, "a") == files(&root, "a") {
            drop(stop);
            shipping.await.unwrap();
            break;
        }
        shipping.abort();
        deaths += 1;
    }
    assert!(deaths > 3, "{deaths} deaths say little");
    assert!(verify(&to).unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_destination_that_comes_back_gets_all_that_waited() {
    let directory = tempfile::tempdir().unwrap();
    let (root, to) = (directory.path().join("records"), directory.path().join("to"));
    records(&root, 5);
    let destination = target(&to);
    // A file is where its folder should be, so nothing can be put there.
    fs::remove_dir(&to).unwrap();
    fs::write(&to, "").unwrap();
    let status = Arc::new(Status::default());
    let (stop, stopped) = watch::channel(false);
    let shipper = Shipper::new(&root, "a", destination, Arc::clone(&status));
    let shipping = tokio::spawn(shipper.with_times(QUICK, (QUICK, QUICK * 4)).run(stopped));
    wait_for("failures", || status.failures() >= 3).await;
    assert_eq!((status.shipped(), status.backlog()), (0, 5));
    // Days go by.
    let writer = Writer::open(&root, "a").unwrap();
    (5..80).for_each(|hour| write(&writer, hour));
    fs::remove_file(&to).unwrap();
    fs::create_dir(&to).unwrap();
    wait_for("the end of the backlog", || {
        status.shipped() == 80 && status.backlog() == 0
    })
    .await;
    wait_for("the manifests", || files(&to, "a") == files(&root, "a")).await;
    drop(stop);
    shipping.await.unwrap();
}
