//! What the parser accepts and rejects.

use super::*;

/// The exit status and the error message.
fn refused(typed: &str) -> String {
    let error = Cli::read(["shop-sim"].into_iter().chain(typed.split(' '))).expect_err(typed);
    assert_eq!(error.exit_code(), 2, "{typed}");
    error.to_string()
}

#[test]
fn what_is_refused_is_told_with_what_to_do() {
    for (typed, what_to_do) in [
        ("order abc", "use the number of an order"),
        ("order -7", "use the number of an order"),
        ("report 2026-13-40", "use a day of the calendar"),
        ("broker --listen nonsense", "use an IP address and a port"),
        ("tui --rate -5", "use a number above 0, or max"),
        ("tui --speed -0.5", "use a number above 0"),
        ("produce --count -1", "use a whole number"),
        ("produce --seed many", "use a whole number"),
        ("produce --partitions -1", "use a whole number from 1 to 1000"),
        ("consume --ids", "a value is required"),
        ("consume --ids any", "use ascending, seen, none"),
        ("tui --ids seen=0", "a whole number of days from 1 to 36500"),
        ("tui --ids seen=-3", "a whole number of days from 1 to 36500"),
        ("verify --ids seen=36501", "a whole number of days from 1 to 36500"),
        ("verify --ids ascending=3", "use ascending, seen, none"),
        ("produce --ids seen", "unexpected argument"),
        ("tui --watch --ids seen", "cannot be used with"),
        ("consume --handle-every -5s", "use a time such as 10s"),
        ("consume --handle-chance -5%", "use a percentage"),
        ("broker --bootstrap 127.0.0.1:1", "with --listen instead of --bootstrap"),
        ("--bootstrap 127.0.0.1:1 broker", "with --listen instead of --bootstrap"),
        ("tui --watch --backfill today", "cannot be used with"),
        ("tui --watch --rate 7", "cannot be used with"),
        ("tui --fresh", "--demo"),
        ("tui --backfill today --at 2026-11-20T14:00", "cannot be used with"),
        ("tui --backfill today --start 2026-11-20T23:50", "cannot be used with"),
        ("status --lang sv", "--html"),
        ("consume sales --handle-chance 50%", "--handle-chance is for the consumer `handling`"),
        ("consume sales stock --handle-every 5s", "--handle-every is for the consumer `handling`"),
        ("chaos --plan fire", "use kill:CONSUMER"),
        ("chaos --plan cut:sales", "use kill:CONSUMER"),
        (
            "chaos --plan cut,full-disk:sales",
            "writes no files: use full-disk with one of daily-report, stock",
        ),
        ("consume sales --lang sv", "--lang is for the consumers `daily-report`, `mail`"),
        ("report 2026-11-20 --lang sv", "--rebuild"),
        ("consume sales --seed 7", "--seed is for the consumer `handling`"),
    ] {
        let told = refused(typed);
        assert!(told.contains(what_to_do), "{typed}: {told}");
        assert!(!told.contains("digit found") && !told.contains("syntax"), "{typed}: {told}");
    }
}

#[test]
fn what_fits_together_is_taken() {
    for typed in [
        "broker --listen 127.0.0.1:0",
        "tui --watch --bootstrap 127.0.0.1:1",
        "tui --demo --rate 7",
        "tui --demo --fresh --tz UTC",
        "order 7",
        "consume --ids seen=30 sales",
        "consume --seed 7 --handle-chance 50%",
        "consume sales handling --handle-every 5s",
        "status",
        "status --html day.html --lang sv",
        "produce --backfill 2026-11-20..2026-11-29",
        "tui --backfill today --speed 60",
        "verify --ids none",
        "tui --ids ascending",
        "report 2026-11-20 --rebuild --lang sv",
        "consume --lang sv",
        "consume sales mail --lang sv",
        "chaos --seed 7 --plan kill:sales,cut,full-disk:mail",
    ] {
        let read = Cli::read(["shop-sim"].into_iter().chain(typed.split(' ')));
        assert!(read.is_ok(), "{typed}: {read:?}");
    }
}

#[test]
fn the_parser_is_consistent() {
    Cli::command().debug_assert();
}
