//! `walcast migrate clickhouse`, again and at once.

use walcast_sink::migrate;

use crate::support::Case;

#[tokio::test(flavor = "multi_thread")]
async fn migrations_apply_once_however_often_they_run() {
    let case = Case::new("migrations", 1).await;
    let before = case
        .query("SELECT * FROM walcast_migrations FINAL ORDER BY version")
        .await
        .unwrap();
    assert_eq!(before.lines().count(), 4);
    migrate::run(case.migrate_args()).await.unwrap();
    let after = case
        .query("SELECT * FROM walcast_migrations FINAL ORDER BY version")
        .await
        .unwrap();
    assert_eq!(before, after);
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_leave_one_set_of_tables() {
    let case = Case::new("at_once", 1).await;
    case.query(&format!("DROP DATABASE {}", case.name))
        .await
        .unwrap();
    let (one, two) = tokio::join!(
        migrate::run(case.migrate_args()),
        migrate::run(case.migrate_args())
    );
    one.unwrap();
    two.unwrap();
    let versions = "SELECT count() FROM walcast_migrations FINAL";
    assert_eq!(case.number(versions).await, 4);
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_after_it_was_applied_is_refused() {
    let case = Case::new("changed", 1).await;
    let sql = "INSERT INTO walcast_migrations (version, name, checksum, applied_at) \
               VALUES (2, '0002_events', 'other', now64(3) + 1)";
    case.query(sql).await.unwrap();
    let error = migrate::run(case.migrate_args())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("0002_events was applied with other content"),
        "{error}"
    );
    let sql = "INSERT INTO walcast_migrations (version, name, checksum) VALUES (99, 'x', 'y')";
    case.query(sql).await.unwrap();
    let error = migrate::run(case.migrate_args())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("migration 99"), "{error}");
    case.drop().await;
}
